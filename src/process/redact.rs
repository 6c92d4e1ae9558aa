//! Keeps secrets out of everything that is stored or shown.
//!
//! Two kinds are replaced: values this daemon knows to be secret, wherever they turn up, and text that looks like a
//! well-known kind of token, whoever it belongs to. Both in time linear in the text, because the text is an agent's and
//! may be many megabytes of anything.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

mod patterns;

/// What a secret is replaced by.
pub const REPLACEMENT: &str = "[redacted]";
/// Shorter values are not replaced: they would turn up everywhere by chance and leave the text unreadable.
pub const SHORTEST_SECRET: usize = 6;
/// Text held back at the end of a part, so that a secret across two parts is seen whole: the longest usual private key
/// (4096 bit RSA, about 3.3 KB in PEM) fits.
const OVERLAP: usize = 8 * 1024;

/// Knows what must not be stored or shown. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    secrets: Arc<[SecretString]>,
}

impl Redactor {
    /// A redactor for `secrets`, besides everything that looks like a token. Values shorter than [`SHORTEST_SECRET`]
    /// bytes are ignored; values that look different inside a JSON string are recognised there too.
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Self {
        let known = secrets.into_iter().filter(|s| s.expose_secret().len() >= SHORTEST_SECRET);
        let with_escaped = known.flat_map(|secret| {
            let escaped = escaped_in_json(secret.expose_secret()).map(SecretString::from);
            std::iter::once(secret).chain(escaped)
        });
        Self { secrets: with_escaped.collect() }
    }

    /// The values it knows, for a process that has to know them too.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
    }

    /// `text` with every secret replaced by [`REPLACEMENT`]; borrowed when there was none.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = self.spans(text);
        if spans.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(replace(text, &spans)) }
    }

    /// For text that arrives in parts: redacts as much of `text` as can be judged without what follows, and returns how
    /// many bytes of `text` that was. The rest belongs in front of the next part.
    pub(super) fn redact_part(&self, text: &str) -> (String, usize) {
        let longest = self.secrets.iter().map(|secret| secret.expose_secret().len()).max();
        let overlap = OVERLAP.max(longest.unwrap_or(0));
        let mut cut = floor(text, text.len().saturating_sub(overlap));
        let mut spans = self.spans(text);
        if let Some(across) = spans.iter().find(|span| span.start < cut && cut < span.end) {
            // A secret that fills the whole part is taken as it is: the parts must stay bounded.
            cut = if across.start > 0 { across.start } else { across.end };
        }
        spans.retain(|span| span.end <= cut);
        (replace(&text[..cut], &spans), cut)
    }

    /// Where the secrets are: in order, not overlapping.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = patterns::find(text);
        for secret in self.secrets.iter() {
            let secret = secret.expose_secret();
            found.extend(text.match_indices(secret).map(|(at, _)| at..at + secret.len()));
        }
        found.sort_by_key(|span| span.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for span in found {
            match merged.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        merged
    }
}

fn replace(text: &str, spans: &[Range<usize>]) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut copied = 0;
    for span in spans {
        redacted.push_str(&text[copied..span.start]);
        redacted.push_str(REPLACEMENT);
        copied = span.end;
    }
    redacted.push_str(&text[copied..]);
    redacted
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// How `secret` looks inside a JSON string, if that differs.
fn escaped_in_json(secret: &str) -> Option<String> {
    let quoted = serde_json::to_string(secret).ok()?;
    let escaped = quoted.trim_start_matches('"').strip_suffix('"')?.to_owned();
    (escaped != secret).then_some(escaped)
}

#[cfg(test)]
mod tests;
