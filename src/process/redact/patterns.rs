//! What well-known kinds of tokens look like.
//!
//! Written by hand instead of as regular expressions: repeated searches for alternatives of unbounded length take
//! quadratic time on hostile text. Here every byte is looked at a bounded number of times.

use std::ops::Range;

/// A kind of token: what it begins with, what it consists of, how long the part after the beginning is at least.
struct Kind {
    beginning: &'static str,
    least: usize,
    part: fn(u8) -> bool,
}

const KINDS: [Kind; 18] = [
    Kind { beginning: "sk-", least: 20, part: word_or_dash },
    Kind { beginning: "ghp_", least: 20, part: word_or_dash },
    Kind { beginning: "gho_", least: 20, part: word_or_dash },
    Kind { beginning: "ghu_", least: 20, part: word_or_dash },
    Kind { beginning: "ghs_", least: 20, part: word_or_dash },
    Kind { beginning: "ghr_", least: 20, part: word_or_dash },
    Kind { beginning: "github_pat_", least: 20, part: word_or_dash },
    Kind { beginning: "xoxa-", least: 10, part: word_or_dash },
    Kind { beginning: "xoxb-", least: 10, part: word_or_dash },
    Kind { beginning: "xoxe-", least: 10, part: word_or_dash },
    Kind { beginning: "xoxo-", least: 10, part: word_or_dash },
    Kind { beginning: "xoxp-", least: 10, part: word_or_dash },
    Kind { beginning: "xoxr-", least: 10, part: word_or_dash },
    Kind { beginning: "xoxs-", least: 10, part: word_or_dash },
    Kind { beginning: "AKIA", least: 16, part: upper_or_digit },
    Kind { beginning: "ASIA", least: 16, part: upper_or_digit },
    Kind { beginning: "Bearer ", least: 16, part: bearer },
    Kind { beginning: "bearer ", least: 16, part: bearer },
];

/// A JSON web token begins with the base64 of `{"`, has three parts between dots, and two of them are objects.
const WEB_TOKEN: (&str, &str) = ("eyJ", ".eyJ");
/// A private key in PEM goes from here to [`KEY_END`]; one that never ends is taken to the end of the text.
const KEY_BEGIN: &str = "-----BEGIN ";
const KEY_END: &str = "-----END ";
const KEY_LABEL: &str = "PRIVATE KEY-----";
/// Longest label between the dashes of a PEM line that is looked at.
const LONGEST_LABEL: usize = 40;

/// How much of a URL's beginning is searched for a user name and password.
const LONGEST_CREDENTIALS: usize = 256;
/// A user name without a password that is at least this long is taken for a token.
const SHORTEST_URL_TOKEN: usize = 20;

/// Where `text` looks like a token, on character boundaries. Credentials of a URL may overlap with a token in them.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    // Up to here there is no web token to be found: its characters were already looked at, and there was no second part.
    let mut no_web_token_before = 0;
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'-' => private_key(bytes, at),
            b':' => {
                if let Some(credentials) = credentials(bytes, at) {
                    found.push(credentials);
                }
                None
            }
            b's' | b'g' | b'x' | b'A' | b'B' | b'b' if begins_word(bytes, at) => token(bytes, at),
            b'e' if at >= no_web_token_before && begins_word(bytes, at) => {
                web_token(bytes, at, &mut no_web_token_before)
            }
            _ => None,
        };
        if let Some(end) = end {
            found.push(at..end);
        }
        at = end.unwrap_or(at + 1);
    }
    found
}

fn token(bytes: &[u8], at: usize) -> Option<usize> {
    KINDS.iter().filter(|kind| bytes[at..].starts_with(kind.beginning.as_bytes())).find_map(
        |kind| {
            let from = at + kind.beginning.len();
            let enough = bytes.get(from..from + kind.least)?.iter().all(|byte| (kind.part)(*byte));
            enough.then(|| run(bytes, from, kind.part))
        },
    )
}

fn web_token(bytes: &[u8], at: usize, none_before: &mut usize) -> Option<usize> {
    if !bytes[at..].starts_with(WEB_TOKEN.0.as_bytes()) {
        return None;
    }
    let first = run(bytes, at, word_or_dash);
    if !bytes[first..].starts_with(WEB_TOKEN.1.as_bytes()) {
        *none_before = first;
        return None;
    }
    let second = run(bytes, first + 1, word_or_dash);
    let signed = bytes.get(second) == Some(&b'.');
    Some(if signed { run(bytes, second + 1, word_or_dash) } else { second })
}

/// What stands before the `@` in `https://user:password@host`, unless it is a mere user name.
fn credentials(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes[at..].strip_prefix(b"://")?;
    let near = &rest[..rest.len().min(LONGEST_CREDENTIALS)];
    let ends = |byte: &u8| !byte.is_ascii_graphic() || b"@/\"'<>\\".contains(byte);
    let end = near.iter().position(ends)?;
    let user = &near[..end];
    let secret = near[end] == b'@' && (user.contains(&b':') || user.len() >= SHORTEST_URL_TOKEN);
    let from = at + b"://".len();
    secret.then(|| from..from + end)
}

fn private_key(bytes: &[u8], at: usize) -> Option<usize> {
    let label = bytes[at..].strip_prefix(KEY_BEGIN.as_bytes())?;
    label_length(label)?;
    // Only the first line that ends any private key counts, so what is skipped here is never looked at again.
    let mut from = at + KEY_BEGIN.len();
    while let Some(next) = position(&bytes[from..], KEY_END.as_bytes()) {
        from += next + KEY_END.len();
        if let Some(length) = label_length(&bytes[from..]) {
            return Some(from + length);
        }
    }
    Some(bytes.len())
}

/// The length of a label such as `RSA PRIVATE KEY-----`, if that is what `bytes` begin with.
fn label_length(bytes: &[u8]) -> Option<usize> {
    let near = &bytes[..bytes.len().min(LONGEST_LABEL)];
    let at = position(near, KEY_LABEL.as_bytes())?;
    let kind = &near[..at];
    kind.iter().all(|byte| upper_or_digit(*byte) || *byte == b' ').then_some(at + KEY_LABEL.len())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Where the run of `part` that begins at `from` ends.
fn run(bytes: &[u8], from: usize, part: fn(u8) -> bool) -> usize {
    let length = bytes[from..].iter().position(|byte| !part(*byte));
    length.map_or(bytes.len(), |length| from + length)
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    at == 0
        || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
        || escaped(bytes, at)
}

/// Whether the letter before `at` is the end of an escape such as `\n` in a JSON string.
fn escaped(bytes: &[u8], at: usize) -> bool {
    at >= 2 && bytes[at - 2] == b'\\' && matches!(bytes[at - 1], b'n' | b't' | b'r')
}

fn word_or_dash(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn upper_or_digit(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn bearer(byte: u8) -> bool {
    word_or_dash(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}
