//! The hidden mark by which a pull request is known again as ours.
//!
//! It says for which run, item and branch the pull request was opened, and how title and text were then, so that what
//! people changed since is noticed. It is signed together with the forge's name: a copy in another pull request, and
//! whatever others write, says nothing.

use std::fmt;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PullRequestWish;
use crate::domain::bounds::first_chars;
use crate::domain::ids::{ItemId, RunId};

const OPENING: &str = "<!-- enact-factory:pull-request ";
const SIGNED: &str = " hmac-sha256=";
const CLOSING: &str = " -->";

/// What the mark is, in this version of the program.
const VERSION: u32 = 1;

/// Said where a text was cut.
const CUT: &str = "\n\n… (the rest did not fit here)";

/// What marks are signed with, at one forge.
#[derive(Clone)]
pub(super) struct Signer {
    key: Hmac<Sha256>,
    forge: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer(…)")
    }
}

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    version: u32,
    pub(super) run: RunId,
    pub(super) item: ItemId,
    branch: String,
    /// Beginning of the digest of the title.
    title: String,
    /// Beginning of the digest of what is shown.
    text: String,
}

/// Title and text as a pull request shall have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) text: String,
}

impl Signer {
    /// A key that follows from `secret` and tells nothing about it, nor about any other use of it.
    pub(super) fn derived(secret: &SecretString, forge: &str) -> Self {
        let mut derivation = keyed(secret.expose_secret().as_bytes());
        derivation.update(b"enact-factory/pull-request/key/1");
        Self { key: keyed(&derivation.finalize().into_bytes()), forge: forge.to_owned() }
    }

    /// What `text` says of a pull request of `branch`, if we wrote it.
    pub(super) fn verified(&self, text: &str, branch: &str) -> Option<Mark> {
        let (_, hidden, signature) = parts(text)?;
        let signature = hex::decode(signature).ok()?;
        self.code(hidden).verify_slice(&signature).ok()?;
        let mark: Mark = serde_json::from_str(hidden).ok()?;
        (mark.version == VERSION && mark.branch == branch).then_some(mark)
    }

    /// Title and text of a new pull request: at most so many characters of title and UTF-16 units of text.
    pub(super) fn fresh(&self, wish: &PullRequestWish, most: (usize, usize)) -> Shown {
        let title = first_line(&wish.title, most.0);
        // The mark's length does not depend on the text.
        let room = most.1.saturating_sub(units(&self.mark(wish, &title, "")) + 2);
        let shown = cut(&normal(&wish.body.replace(OPENING, "&lt;!-- ")), room);
        let mark = self.mark(wish, &title, &shown);
        Shown { title, text: format!("{shown}\n\n{mark}") }
    }

    /// Title and text of a pull request that has those of `now` with the mark `known`: what people changed stays.
    pub(super) fn updated(
        &self,
        wish: &PullRequestWish,
        now: &Shown,
        known: &Mark,
        most: (usize, usize),
    ) -> Shown {
        let fresh = self.fresh(wish, most);
        let title = match digest(&now.title) == known.title {
            true => fresh.title.clone(),
            false => now.title.clone(),
        };
        let text = match parts(&now.text) {
            Some((shown, _, _)) if digest(&shown) != known.text => {
                // Only the mark is ours here.
                let (new, old) = (whole_mark(&fresh.text), whole_mark(&now.text));
                new.zip(old)
                    .map_or_else(|| now.text.clone(), |(new, old)| now.text.replacen(old, new, 1))
            }
            _ => fresh.text,
        };
        Shown { title, text }
    }

    fn mark(&self, wish: &PullRequestWish, title: &str, shown: &str) -> String {
        let mark = Mark {
            version: VERSION,
            run: wish.run,
            item: wish.item.clone(),
            branch: wish.branch.clone(),
            title: digest(title),
            text: digest(shown),
        };
        let json = serde_json::to_string(&mark).unwrap_or_default();
        // Outside of strings there are none of these; `--` would end the comment for some readers.
        let hidden = json.replace('<', "\\u003c").replace('>', "\\u003e").replace("--", "-\\u002d");
        let signature = hex::encode(self.code(&hidden).finalize().into_bytes());
        format!("{OPENING}{hidden}{SIGNED}{signature}{CLOSING}")
    }

    fn code(&self, hidden: &str) -> Hmac<Sha256> {
        let mut code = self.key.clone();
        for part in [&self.forge, hidden] {
            code.update(&(part.len() as u64).to_be_bytes());
            code.update(part.as_bytes());
        }
        code
    }
}

impl Shown {
    /// Whether the other says the same, however the forge ends its lines.
    pub(super) fn says(&self, other: &Self) -> bool {
        self.title == other.title && normal(&self.text) == normal(&other.text)
    }
}

/// What is shown without the mark, what the mark says, and its signature.
fn parts(text: &str) -> Option<(String, &str, &str)> {
    let mark = whole_mark(text)?;
    let inner = mark.strip_prefix(OPENING)?.strip_suffix(CLOSING)?;
    let (hidden, signature) = inner.rsplit_once(SIGNED)?;
    Some((normal(&text.replacen(mark, "", 1)), hidden, signature))
}

/// The last mark in `text`.
fn whole_mark(text: &str) -> Option<&str> {
    let start = text.rfind(OPENING)?;
    let end = start + text[start..].find(CLOSING)? + CLOSING.len();
    Some(&text[start..end])
}

/// Text as forges give it back: with their own line endings and without the space that nobody sees.
fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

fn cut(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(units(CUT));
    let fits = |letter: &char| {
        let after = left.checked_sub(letter.len_utf16());
        left = after.unwrap_or(0);
        after.is_some()
    };
    let kept: String = text.chars().take_while(fits).collect();
    // Whole lines: half a table or link is worse than none.
    let kept = kept.rsplit_once('\n').map_or(kept.as_str(), |(before, _)| before);
    format!("{}{CUT}", kept.trim_end())
}

/// How long `text` is where it is counted as .NET and JavaScript do.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn first_line(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    first_chars(&words.join(" "), most.saturating_sub(1))
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(normal(text))[..8])
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104 §2)")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests;
