//! The one comment per run by which a tracker with comments shows how the run stands.
//!
//! What people see comes first: the run's card, two boxes (`implementationComplete`, `reviewPassed`) and a log. Hidden
//! behind it stands what the factory needs to go on from the comment alone, and a signature over all of it: whatever is
//! not signed, was changed by somebody, or belongs to another item says nothing (see [`StatusComment::verified`]).

pub mod standing;

use std::fmt;
use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{TrackerUpdate, links, log_line};
use crate::domain::bounds::first_chars;
use crate::domain::card::RunCard;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::standing::Standing;
use crate::domain::work_item::ItemState;

/// What the hidden part begins with, behind whatever opens a comment in the tracker's markup.
pub const MARK: &str = "enact-factory:status";

const OPENING: &str = "<!-- enact-factory:status ";
const SIGNED: &str = " hmac-sha256=";
const CLOSING: &str = " -->";

/// Between what is replaced and what is only added to.
const LOG: &str = "\n\n<details><summary>Log</summary>\n";
const LOG_END: &str = "\n\n</details>";

/// Between the card and its boxes.
const BOXES: &str = "\n\n- ";

/// What opens the evidence; it ends as the log does.
const EVIDENCE: &str = "\n\n<details><summary>Evidence</summary>\n";

/// Characters of the evidence that are shown.
const LONGEST_EVIDENCE: usize = 15_000;

/// Characters of a card that are shown. Trackers take 65536 characters (GitHub) or more.
const LONGEST_CARD: usize = 20_000;

/// Bytes of log lines that are kept; the oldest are dropped.
const LONGEST_LOG: usize = 24_000;

/// What the hidden part is, in this version of the program.
const VERSION: u32 = 1;

/// What comments are signed with.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// A key that follows from `secret` and tells nothing about it, nor about any other use of it.
    #[must_use]
    pub fn derived(secret: &SecretString) -> Self {
        let mut derivation = keyed(secret.expose_secret().as_bytes());
        derivation.update(b"enact-factory/status-comment/key/1");
        Self(keyed(&derivation.finalize().into_bytes()))
    }

    /// The code of what an item says of itself as a part of another one, in hexadecimal.
    pub(super) fn sign_part(&self, said: &str) -> String {
        hex::encode(self.part(said).finalize().into_bytes())
    }

    /// Whether `code` is that code.
    pub(super) fn is_of_part(&self, said: &str, code: &str) -> bool {
        hex::decode(code).is_ok_and(|code| self.part(said).verify_slice(&code).is_ok())
    }

    fn part(&self, said: &str) -> Hmac<Sha256> {
        let mut code = self.0.clone();
        code.update(b"enact-factory/part/1");
        code.update(said.as_bytes());
        code
    }

    fn code(&self, shown: &str, hidden: &str) -> Hmac<Sha256> {
        let mut code = self.0.clone();
        code.update(b"enact-factory/status-comment/1");
        for part in [shown, hidden] {
            code.update(&(part.len() as u64).to_be_bytes());
            code.update(part.as_bytes());
        }
        code
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104 §2)")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// What a comment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusComment {
    /// Which item it is about. A copy of it at another item says nothing.
    pub item: ItemId,
    /// Which run; absent when the item was spoken of without one.
    pub run: Option<RunId>,
    /// The newest update in it, by [`TrackerUpdate::number`].
    pub number: u32,
    /// The state that update wanted last.
    pub state: Option<ItemState>,
    /// See [`RunCard::implementation_complete`].
    pub implementation_complete: bool,
    /// See [`RunCard::review_passed`].
    pub review_passed: bool,
    /// See [`RunCard::branch`].
    pub branch: Option<String>,
    /// See [`RunCard::pull_request`].
    pub pull_request: Option<String>,
    /// How the item stood with the newest update.
    pub standing: Option<Standing>,
    /// The newest update whose card is shown.
    shown: u32,
    /// What is shown above the log.
    head: String,
    /// Lines of the log with the numbers of their updates, in that order.
    lines: Vec<(u32, String)>,
    /// Updates up to this number were logged once and are no longer.
    forgotten: u32,
}

/// The hidden part. Everything else is in what is shown, which is signed together with it.
#[derive(Serialize, Deserialize)]
struct Hidden {
    version: u32,
    item: ItemId,
    run: Option<RunId>,
    number: u32,
    state: Option<ItemState>,
    implementation_complete: bool,
    review_passed: bool,
    branch: Option<String>,
    pull_request: Option<String>,
    /// A [`Standing`]; one of another version is no reason not to believe the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standing: Option<serde_json::Value>,
    shown: u32,
    lines: Vec<u32>,
    forgotten: u32,
}

/// Where an update belongs among the comments of its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It was written before: into this one.
    Written(usize),
    /// Into this one.
    Existing(usize),
    /// Into a new one.
    New,
}

impl StatusComment {
    /// A comment that says nothing yet.
    #[must_use]
    pub fn new(item: &ItemId, run: Option<RunId>) -> Self {
        Self {
            item: item.clone(),
            run,
            number: 0,
            state: None,
            implementation_complete: false,
            review_passed: false,
            branch: None,
            pull_request: None,
            standing: None,
            shown: 0,
            head: "**Factory**".to_owned(),
            lines: Vec::new(),
            forgotten: 0,
        }
    }

    /// What `text` says of `item`, if it was written with `key` and nobody changed it since. Who is named as its author
    /// is for the tracker to look at.
    #[must_use]
    pub fn verified(text: &str, item: &ItemId, key: &SigningKey) -> Option<Self> {
        let text = normal(text);
        let (shown, rest) = text.rsplit_once(OPENING)?;
        let (hidden, signature) = rest.strip_suffix(CLOSING)?.rsplit_once(SIGNED)?;
        let shown = shown.trim_end();
        let signature = hex::decode(signature).ok()?;
        key.code(shown, hidden).verify_slice(&signature).ok()?;
        let hidden: Hidden = serde_json::from_str(hidden).ok()?;
        if hidden.version != VERSION || hidden.item != *item {
            return None;
        }
        let (head, log) = shown.rsplit_once(LOG)?;
        let lines: Vec<&str> = log.lines().filter(|it| log_line::mark_of(it).is_some()).collect();
        if lines.len() != hidden.lines.len() {
            return None;
        }
        Some(Self {
            item: hidden.item,
            run: hidden.run,
            number: hidden.number,
            state: hidden.state,
            implementation_complete: hidden.implementation_complete,
            review_passed: hidden.review_passed,
            branch: hidden.branch,
            pull_request: hidden.pull_request,
            standing: hidden.standing.and_then(standing::read),
            shown: hidden.shown,
            head: match head.rsplit_once(BOXES).filter(|_| hidden.shown > 0) {
                Some((head, _boxes)) => head.to_owned(),
                None => head.to_owned(),
            },
            lines: hidden.lines.into_iter().zip(lines.into_iter().map(str::to_owned)).collect(),
            forgotten: hidden.forgotten,
        })
    }

    /// Whether `update` is in it, or was so long ago that its line was dropped.
    #[must_use]
    pub fn has(&self, update: &TrackerUpdate) -> bool {
        let mark = log_line::mark(&update.key);
        let logged = |line: &str| log_line::mark_of(line) == Some(mark.as_str());
        update.number <= self.forgotten || self.lines.iter().any(|(_, line)| logged(line))
    }

    /// Adds `update`. What a newer one said stays as it is.
    pub fn add(&mut self, update: &TrackerUpdate) {
        if self.has(update) {
            return;
        }
        let line = log_line::render(update.at, &update.entry, &update.key);
        let at = self.lines.partition_point(|(number, _)| *number <= update.number);
        self.lines.insert(at, (update.number, line));
        if update.number >= self.number {
            self.number = update.number;
            self.state = update.state.or(self.state);
            if let Some(standing) = &update.standing {
                self.standing = Some((**standing).clone());
            }
        }
        if let Some(card) = update.card.as_ref().filter(|_| update.number >= self.shown) {
            self.shown = update.number;
            self.show(card);
        }
        let mut bytes: usize = self.lines.iter().map(|(_, line)| line.len()).sum();
        while bytes > LONGEST_LOG && self.lines.len() > 1 {
            let (number, line) = self.lines.remove(0);
            bytes -= line.len();
            self.forgotten = self.forgotten.max(number);
        }
    }

    fn show(&mut self, card: &RunCard) {
        let mut text: String = card.text.chars().take(LONGEST_CARD).collect();
        if text.len() < card.text.len() {
            text.push('…');
        }
        if let Some(branch) = &card.branch {
            let page = card.pull_request.as_ref().and_then(|it| links::branch_page(it, branch));
            let name = branch.replace('`', "'");
            let _written = match page {
                Some(page) => write!(text, "\n\nBranch [`{name}`]({page})"),
                None => write!(text, "\n\nBranch `{name}`"),
            };
        }
        if let Some(address) = card.pull_request.as_deref().and_then(links::web_address) {
            let _written = write!(text, "\n\nPull request: {address}");
        }
        self.head = inert(&text);
        if let Some(evidence) = &card.evidence {
            let evidence = inert(&first_chars(evidence, LONGEST_EVIDENCE));
            let _written = write!(self.head, "{EVIDENCE}\n{evidence}{LOG_END}");
        }
        self.implementation_complete = card.implementation_complete;
        self.review_passed = card.review_passed;
        self.branch.clone_from(&card.branch);
        self.pull_request.clone_from(&card.pull_request);
    }

    /// The comment as Markdown, signed.
    #[must_use]
    pub fn render(&self, key: &SigningKey) -> String {
        let mut shown = self.head.clone();
        if self.shown > 0 {
            let tick = |done: bool| if done { 'x' } else { ' ' };
            let (implemented, reviewed) =
                (tick(self.implementation_complete), tick(self.review_passed));
            let _written = write!(
                shown,
                "{BOXES}[{implemented}] implementationComplete\n- [{reviewed}] reviewPassed"
            );
        }
        shown.push_str(LOG);
        for (_, line) in &self.lines {
            shown.push('\n');
            shown.push_str(line);
        }
        shown.push_str(LOG_END);
        let hidden = self.hidden();
        let signature = hex::encode(key.code(&shown, &hidden).finalize().into_bytes());
        format!("{shown}\n\n{OPENING}{hidden}{SIGNED}{signature}{CLOSING}")
    }

    fn hidden(&self) -> String {
        let hidden = Hidden {
            version: VERSION,
            item: self.item.clone(),
            run: self.run,
            number: self.number,
            state: self.state,
            implementation_complete: self.implementation_complete,
            review_passed: self.review_passed,
            branch: self.branch.clone(),
            pull_request: self.pull_request.clone(),
            standing: self.standing.as_ref().and_then(|it| serde_json::to_value(it).ok()),
            shown: self.shown,
            lines: self.lines.iter().map(|(number, _)| *number).collect(),
            forgotten: self.forgotten,
        };
        let json = serde_json::to_string(&hidden).unwrap_or_default();
        // Outside of strings there are none of these; `--` would end the comment for some readers.
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace("--", "-\\u002d")
    }
}

/// Where `update` belongs, given what the item's own comments say, oldest first. An update without a card goes with the
/// newest of them.
#[must_use]
pub fn place(found: &[StatusComment], update: &TrackerUpdate) -> Place {
    let about = update.card.as_ref().map(|card| card.run);
    if let Some(written) = found.iter().position(|comment| {
        comment.has(update) && (comment.run.is_none() || about.is_none_or(|run| comment.run == run))
    }) {
        return Place::Written(written);
    }
    let home = match about {
        Some(None) => found.iter().position(|comment| comment.run.is_none()),
        Some(run) => found
            .iter()
            .position(|comment| comment.run == run)
            .or_else(|| found.iter().position(|comment| comment.is_left_by_another(update))),
        None => {
            let newest = found.iter().map(|comment| comment.number).max();
            found.iter().position(|comment| Some(comment.number) == newest)
        }
    };
    home.map_or(Place::New, Place::Existing)
}

/// Whether something newer than `update` has been said in any of the item's own comments: then its state is of the past.
#[must_use]
pub fn is_outdated(found: &[StatusComment], update: &TrackerUpdate) -> bool {
    found.iter().any(|comment| comment.number > update.number)
}

/// Whether `text` looks like a comment of this program, signed or not.
#[must_use]
pub fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}

/// Text in which nothing looks like our own hidden parts.
fn inert(text: &str) -> String {
    let text = text.replace("<!--", "&lt;!--").replace("</details", "&lt;/details");
    normal(&text.replace("<details", "&lt;details"))
}

/// Text as trackers give it back: with their own line endings and without the space that nobody sees.
fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests;
