//! The one comment per run by which people see how the run stands.
//!
//! What the factory needs to go on from it stands behind the link at its end, where nobody has to look at it: the
//! service takes HTML comments out of comments, and links it keeps. The signature covers the item and the visible text,
//! not the markup, which the service may write in its own way.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::text::{self, escaped, is_invisible};
use crate::domain::card::RunCard;
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::standing::Standing;
use crate::trackers::status_comment::standing;
use crate::trackers::{TrackerUpdate, links, log_line};

/// What the hidden part begins with, at the end of an address.
const MARK: &str = "#enact-factory-1.";

/// Lines of the log that are shown, and keys that are known; older ones are dropped.
const MOST_LINES: usize = 40;

/// Characters of a card that are shown.
const LONGEST_CARD: usize = 20_000;

/// Hex digits by which a key is known.
const KEY_DIGITS: usize = 12;

/// The secret that comments are signed with.
#[derive(Clone)]
pub(super) struct Signer {
    key: [u8; 32],
}

impl Signer {
    /// A signer whose key follows from `secret` and from nothing else, and is of no use for anything else.
    pub(super) fn new(secret: &SecretString) -> Self {
        let key = code(secret.expose_secret().as_bytes(), &[b"enact-factory/azdo/comment/key/1"]);
        Self { key }
    }

    fn sign(&self, item: u64, hidden: &str, seen: &str) -> String {
        let item = item.to_string();
        let parts =
            [b"enact-factory/azdo/comment/1", item.as_bytes(), hidden.as_bytes(), seen.as_bytes()];
        hex::encode(code(&self.key, &parts))
    }
}

/// HMAC-SHA256 (RFC 2104) over `parts`, each with its length.
fn code(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0_u8; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new_with_prefix(padded.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update((part.len() as u64).to_be_bytes());
        inner.update(part);
    }
    let outer = Sha256::new_with_prefix(padded.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}

/// What a comment of ours says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Status {
    /// The run it is about; absent when the item was spoken of without one.
    pub(super) run: Option<RunId>,
    /// The newest update in it.
    pub(super) number: u32,
    /// The newest update whose card it shows.
    shown: u32,
    /// Updates up to this number were dropped from the keys.
    forgotten: u32,
    /// How the item stood with the newest update.
    pub(super) standing: Option<Standing>,
    /// The updates in it, by number and the beginning of their key's hash.
    keys: Vec<(u32, String)>,
    /// The card, as HTML.
    head: String,
    /// The log, as text.
    lines: Vec<String>,
}

impl Status {
    /// A comment about `run` that says nothing yet.
    pub(super) fn new(run: Option<RunId>) -> Self {
        Self { run, ..Self::default() }
    }

    /// What `html` says about `item`, if we wrote it there and nobody changed it.
    pub(super) fn verified(html: &str, item: u64, signer: &Signer) -> Option<Self> {
        let (before, rest) = html.rsplit_once(MARK)?;
        let is_ours = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
        let end = rest.find(|it: char| !is_ours(it))?;
        let (hidden, signature) = rest[..end].rsplit_once('.')?;
        let expected = signer.sign(item, hidden, &seen(html));
        if !is_equal(expected.as_bytes(), signature.as_bytes()) {
            return None;
        }
        let mut status = Self::read(hidden)?;
        let (head, log) = before.rsplit_once("<hr").unwrap_or(("", before));
        head.clone_into(&mut status.head);
        let log = text::from_html(&format!("<hr{log}\">")).text;
        status.lines =
            log.lines().filter_map(|it| it.strip_prefix("- ")).map(str::to_owned).collect();
        Some(status)
    }

    fn read(hidden: &str) -> Option<Self> {
        let mut parts = hidden.split('.');
        let run = Uuid::try_parse(parts.next()?).ok()?;
        let mut number = || parts.next()?.parse().ok();
        let (number, shown, forgotten) = (number()?, number()?, number()?);
        let keys = parts.next()?.split('-').filter(|key| !key.is_empty());
        let keys = keys.map(|key| {
            let (number, hash) = key.split_once('x')?;
            Some((number.parse().ok()?, hash.to_owned()))
        });
        let run = (!run.is_nil()).then_some(RunId(run));
        let keys = keys.collect::<Option<_>>()?;
        let standing = parts.next().and_then(unpacked);
        let (head, lines) = (String::new(), Vec::new());
        Some(Self { run, number, shown, forgotten, standing, keys, head, lines })
    }

    /// Whether the update is in it, or was so long ago that it was dropped.
    pub(super) fn has(&self, update: &TrackerUpdate) -> bool {
        let hash = hash_of(&update.key);
        update.number <= self.forgotten || self.keys.iter().any(|(_, known)| *known == hash)
    }

    /// Adds the update. What a newer one has said stays.
    pub(super) fn add(&mut self, update: &TrackerUpdate) {
        if update.number >= self.number {
            self.number = update.number;
            if let Some(standing) = &update.standing {
                self.standing = Some((**standing).clone());
            }
        }
        if let Some(card) = update.card.as_ref().filter(|_| update.number >= self.shown) {
            self.shown = update.number;
            self.head = head(card);
        }
        self.keys.push((update.number, hash_of(&update.key)));
        self.lines.push(format!("{} {}", update.at, log_line::one_line(&update.entry)));
        while self.keys.len() > MOST_LINES {
            let (number, _) = self.keys.remove(0);
            self.forgotten = self.forgotten.max(number);
        }
        let surplus = self.lines.len().saturating_sub(MOST_LINES);
        self.lines.drain(..surplus);
    }

    /// The comment as HTML, signed; `page` is the item's own address.
    pub(super) fn render(&self, item: u64, page: &str, signer: &Signer) -> String {
        let mut html = format!("{}<hr><ul>", self.head);
        for line in &self.lines {
            let _written = write!(html, "<li>{}</li>", escaped(line));
        }
        let name = match &self.run {
            Some(run) => format!("enact-factory, run {}", run.short()),
            None => "enact-factory".to_owned(),
        };
        let keys: Vec<String> =
            self.keys.iter().map(|(number, hash)| format!("{number}x{hash}")).collect();
        let run = self.run.map_or(Uuid::nil(), |run| run.0).simple();
        let (number, shown, forgotten) = (self.number, self.shown, self.forgotten);
        let standing = self.standing.as_ref().map(packed).unwrap_or_default();
        let hidden = format!("{run}.{number}.{shown}.{forgotten}.{}.{standing}", keys.join("-"));
        let page = escaped(page);
        let end = |signature: &str| {
            format!("{html}</ul><div><a href=\"{page}{MARK}{hidden}.{signature}\">{name}</a></div>")
        };
        let signature = signer.sign(item, &hidden, &seen(&end("")));
        end(&signature)
    }
}

/// A standing in characters that an address may have.
fn packed(standing: &Standing) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_string(standing).unwrap_or_default())
}

fn unpacked(text: &str) -> Option<Standing> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    standing::read(serde_json::from_slice(&json).ok()?)
}

/// Whether `html` looks like a comment of ours, signed or not.
pub(super) fn is_marked(html: &str) -> bool {
    html.contains(MARK)
}

fn hash_of(key: &EffectKey) -> String {
    hex::encode(Sha256::digest(key.as_str()))[..KEY_DIGITS].to_owned()
}

/// What people see of `html`, without space and whatever else nobody sees.
fn seen(html: &str) -> String {
    let text = text::from_html(html).text;
    text.chars().filter(|it| !it.is_whitespace() && !is_invisible(*it)).collect()
}

/// Whether two texts are equal, in a time that does not depend on where they differ.
fn is_equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
}

/// The card with its two boxes.
fn head(card: &RunCard) -> String {
    let mut html = blocks(&crate::domain::bounds::first_chars(&card.text, LONGEST_CARD));
    if let Some(branch) = &card.branch {
        let name = escaped(branch);
        let page = card.pull_request.as_ref().and_then(|it| links::branch_page(it, branch));
        let _written = match page.as_deref().map(escaped) {
            Some(page) => write!(html, "<p>Branch <a href=\"{page}\">{name}</a></p>"),
            None => write!(html, "<p>Branch <code>{name}</code></p>"),
        };
    }
    if let Some(address) = card.pull_request.as_deref().and_then(links::web_address) {
        let address = escaped(address);
        let _written = write!(html, "<p>Pull request: <a href=\"{address}\">{address}</a></p>");
    }
    let tick = |done: bool| if done { "☑" } else { "☐" };
    let (implemented, reviewed) = (tick(card.implementation_complete), tick(card.review_passed));
    let _written =
        write!(html, "<p>{implemented} implementationComplete<br>{reviewed} reviewPassed</p>");
    html
}

/// The Markdown of a card as HTML: paragraphs, lists, code and bold, which is all that cards have.
fn blocks(markdown: &str) -> String {
    let mut html = String::new();
    let mut in_list = false;
    for line in markdown.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let item = line.strip_prefix("- ");
        if item.is_some() != in_list {
            html.push_str(if in_list { "</ul>" } else { "<ul>" });
            in_list = !in_list;
        }
        let _written = match item {
            Some(item) => write!(html, "<li>{}</li>", inline(item)),
            None => write!(html, "<p>{}</p>", inline(line)),
        };
    }
    if in_list {
        html.push_str("</ul>");
    }
    html
}

fn inline(markdown: &str) -> String {
    let mut html = String::new();
    let mut rest = markdown;
    let mut is_bold = false;
    while let Some(letter) = rest.chars().next() {
        let behind = &rest[letter.len_utf8()..];
        rest = match letter {
            '\\' => {
                let taken = behind.chars().next().map_or(0, char::len_utf8);
                html.push_str(&escaped(&behind[..taken]));
                &behind[taken..]
            }
            '`' if behind.contains('`') => {
                let (code, after) = behind.split_once('`').unwrap_or((behind, ""));
                let _written = write!(html, "<code>{}</code>", escaped(code));
                after
            }
            '*' if behind.starts_with('*') => {
                html.push_str(if is_bold { "</b>" } else { "<b>" });
                is_bold = !is_bold;
                &behind[1..]
            }
            // Cards have their own text escaped already.
            '&' if is_reference(behind) => {
                html.push('&');
                behind
            }
            _ => {
                html.push_str(&escaped(&rest[..letter.len_utf8()]));
                behind
            }
        };
    }
    if is_bold {
        html.push_str("</b>");
    }
    html
}

fn is_reference(text: &str) -> bool {
    text.split_once(';').is_some_and(|(name, _)| {
        let name = name.strip_prefix('#').unwrap_or(name);
        (1..=6).contains(&name.len()) && name.chars().all(|it| it.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests;
