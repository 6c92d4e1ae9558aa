//! What checks and people say, in bounds and each once.

use std::collections::BTreeMap;

use crate::domain::bounds::first_chars;
use crate::domain::pull_request::{CheckState, RemoteCheck, RemoteReview, ReviewVerdict};

/// Characters of what a check says of itself.
const SUMMARY: usize = 200;

/// Characters of what one person says in a review, or all of them in a conversation.
const TEXT: usize = 8_000;

/// What somebody says in a conversation.
pub(super) struct Said {
    pub(super) author: String,
    pub(super) trusted: bool,
    pub(super) text: String,
}

/// A conversation as it is told.
pub(super) struct Told {
    pub(super) author: String,
    pub(super) trusted: bool,
    pub(super) text: String,
}

/// In one bounded line.
pub(super) fn one_line(text: &str) -> String {
    first_chars(&text.split_whitespace().collect::<Vec<_>>().join(" "), SUMMARY)
}

/// Each name once, in order; of several, the worst.
pub(super) fn each_once(checks: impl Iterator<Item = RemoteCheck>) -> Vec<RemoteCheck> {
    let badness = |state: CheckState| match state {
        CheckState::Passed => 0,
        CheckState::Pending => 1,
        CheckState::Failed => 2,
    };
    let mut all: BTreeMap<String, RemoteCheck> = BTreeMap::new();
    for check in checks {
        match all.get_mut(&check.name) {
            Some(known) if badness(known.state) >= badness(check.state) => {}
            Some(known) => *known = check,
            None => drop(all.insert(check.name.clone(), check)),
        }
    }
    all.into_values().collect()
}

/// What each person thinks, given all that they said, oldest first. A remark takes no verdict back, as on the forges
/// themselves; what it says is added.
pub(super) fn newest(said: impl Iterator<Item = RemoteReview>) -> Vec<RemoteReview> {
    let mut all: BTreeMap<String, RemoteReview> = BTreeMap::new();
    for review in said {
        // It only holds the comments of a conversation, which are read as that.
        let is_empty = review.text.trim().is_empty();
        if review.verdict == ReviewVerdict::Commented && is_empty {
            continue;
        }
        match all.get_mut(&review.author) {
            Some(known) if review.verdict == ReviewVerdict::Commented => {
                known.text = format!("{}\n\n{}", known.text, review.text);
                known.at = review.at;
                known.trusted &= review.trusted;
            }
            Some(known) => *known = review,
            None => drop(all.insert(review.author.clone(), review)),
        }
    }
    let bounded = |review: RemoteReview| RemoteReview {
        text: first_chars(review.text.trim(), TEXT),
        ..review
    };
    all.into_values().map(bounded).collect()
}

/// A conversation, if anybody says anything in it; `more` comments are not among `said`. What strangers say in the
/// conversation of somebody who is trusted is left out: it must not steer anybody.
pub(super) fn told(said: &[Said], more: usize) -> Option<Told> {
    let first = said.iter().find(|it| !it.text.trim().is_empty())?;
    let (author, trusted) = (first.author.clone(), first.trusted);
    let kept = said.iter().filter(|it| !trusted || it.trusted);
    let mut parts: Vec<String> =
        kept.map(|it| format!("{}: {}", it.author, it.text.trim())).collect();
    let left_out = said.len() - parts.len() + more;
    if left_out > 0 {
        parts.push(format!("[{left_out} more comments are left out]"));
    }
    Some(Told { author, trusted, text: first_chars(&parts.join("\n\n"), TEXT) })
}

#[cfg(test)]
mod tests;
