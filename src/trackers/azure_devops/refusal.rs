//! What the service's refusals mean.

use std::time::Duration;

use serde::Deserialize;

use super::SOURCE;
use super::service::Boards;
use super::text;
use crate::domain::bounds::first_chars;
use crate::http::client::Reply;
use crate::http::error::HttpError;
use crate::trackers::TrackerError;

/// Characters of a refusal that are shown.
const LONGEST_REASON: usize = 300;

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum Failed {
    /// The item has changed since it was read.
    Changed,
    /// There is no such thing, or it may not be read.
    Missing,
    /// The answer would be too large.
    TooLarge,
    /// Anything else.
    Tracker(TrackerError),
}

impl From<TrackerError> for Failed {
    fn from(error: TrackerError) -> Self {
        Self::Tracker(error)
    }
}

impl Failed {
    /// The error, for calls that have no item which could change or be missing.
    pub(super) fn error(self, action: &str) -> TrackerError {
        let reason = match self {
            Self::Tracker(error) => return error,
            Self::Changed => "it has changed meanwhile",
            Self::Missing => "there is no such project, team or item, or the token may not see it",
            Self::TooLarge => "the answer is too large",
        };
        refused(action, reason.to_owned())
    }
}

impl Boards {
    /// What `reply`, which is no success, means for the wish to `action`.
    pub(super) fn refusal(&self, action: &str, reply: &Reply) -> Failed {
        let said = Said::of(reply);
        match reply.status {
            203 | 301 | 302 | 303 | 307 | 308 | 401 => self.signed_out(reply).into(),
            403 => TrackerError::Credentials {
                tracker: SOURCE.to_owned(),
                reason: format!("it may not {action}: {}", said.text),
                hint: self.hint(),
            }
            .into(),
            404 => match said.kind.as_str() {
                "" | "WorkItemUnauthorizedAccessException" => Failed::Missing,
                _ if said.text.contains("TF401232") => Failed::Missing,
                _ => refused(action, said.text).into(),
            },
            409 | 412 => Failed::Changed,
            429 => TrackerError::Limited {
                tracker: SOURCE.to_owned(),
                wait: Duration::from_secs(
                    reply.header("retry-after").and_then(|it| it.trim().parse().ok()).unwrap_or(60),
                ),
            }
            .into(),
            408 | 500..=599 => TrackerError::Unavailable {
                tracker: SOURCE.to_owned(),
                reason: format!(
                    "it answered with {} to the wish to {action}: {}",
                    reply.status, said.text
                ),
            }
            .into(),
            _ => refused(action, said.text).into(),
        }
    }

    /// The token was not taken.
    pub(super) fn signed_out(&self, reply: &Reply) -> TrackerError {
        let reason = match (reply.status, reply.header("x-tfs-serviceerror")) {
            (_, Some(error)) if !error.is_empty() => Said::bounded(error),
            (401, _) if is_json(reply) => Said::of(reply).text,
            (status, _) => format!("it answers with {status} and a page to sign in on"),
        };
        TrackerError::Credentials { tracker: SOURCE.to_owned(), reason, hint: self.hint() }
    }

    fn hint(&self) -> String {
        format!(
            "make a personal access token with the scope \"Work Items (Read & write)\" for the organization {}, \
             give it to AZDO_PAT or `token` in [azdo], and start again",
            self.organization
        )
    }
}

/// What the service says about a refusal.
struct Said {
    kind: String,
    text: String,
}

impl Said {
    fn of(reply: &Reply) -> Self {
        #[derive(Deserialize, Default)]
        struct Body {
            #[serde(default)]
            message: Option<String>,
            #[serde(default, rename = "typeKey")]
            kind: Option<String>,
        }
        let body: Body = reply.json().unwrap_or_default();
        let kind = body.kind.unwrap_or_default();
        let text = match body.message {
            Some(message) if kind.is_empty() => Self::bounded(&message),
            Some(message) => format!("{} ({kind})", Self::bounded(&message)),
            None => format!("status {}", reply.status),
        };
        Self { kind, text }
    }

    fn bounded(text: &str) -> String {
        let words = text::one_line(text).text;
        first_chars(&words, LONGEST_REASON)
    }
}

fn refused(action: &str, reason: String) -> TrackerError {
    TrackerError::Refused { tracker: SOURCE.to_owned(), action: action.to_owned(), reason }
}

/// What it means that there is no answer.
pub(super) fn unanswered(error: &HttpError) -> Failed {
    let tracker = SOURCE.to_owned();
    match error {
        HttpError::TooLarge { .. } => Failed::TooLarge,
        HttpError::Limited { wait, .. } => TrackerError::Limited { tracker, wait: *wait }.into(),
        HttpError::Unusable { .. } | HttpError::Unreachable { .. } | HttpError::TimedOut { .. } => {
            TrackerError::Unavailable { tracker, reason: error.to_string() }.into()
        }
    }
}

/// Whether the answer is one of the interface, and not a page for people.
pub(super) fn is_json(reply: &Reply) -> bool {
    reply.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
}
