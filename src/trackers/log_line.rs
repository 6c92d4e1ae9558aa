//! One line of an item's "Factory" log: readable by people, found again by its key.

use crate::domain::ids::EffectKey;
use crate::domain::time::Timestamp;

/// Longest entry, in characters; a sentence or two. Longer ones end in an ellipsis.
pub(super) const MAX_ENTRY_CHARS: usize = 500;

const OPENING: &str = "<!-- factory:";
const CLOSING: &str = " -->";

/// The line for `entry`, without a line ending: `- <RFC 3339> <entry> <!-- factory:<key> -->`.
pub(super) fn render(at: Timestamp, entry: &str, key: &EffectKey) -> String {
    format!("- {at} {} {OPENING}{}{CLOSING}", one_line(entry), mark(key))
}

/// The key as it stands in a line's marker: whatever could end the comment or the word is percent-encoded, so that
/// different keys have different marks.
pub(super) fn mark(key: &EffectKey) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte);
    key.as_str()
        .bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// The mark in `line`, if it is one of the factory's log lines.
pub(super) fn mark_of(line: &str) -> Option<&str> {
    let line = line.trim_end();
    // People's formatters like to change the bullet.
    if !["- ", "* ", "+ "].iter().any(|bullet| line.starts_with(bullet)) {
        return None;
    }
    let (_, mark) = line.strip_suffix(CLOSING)?.rsplit_once(OPENING)?;
    (!mark.is_empty() && !mark.contains(char::is_whitespace)).then_some(mark)
}

/// `entry` as harmless text of one line: it can neither start a line, nor open or close a comment, nor reorder text.
pub(super) fn one_line(entry: &str) -> String {
    let visible: String =
        entry.chars().map(|letter| if is_invisible(letter) { ' ' } else { letter }).collect();
    let words = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = words.chars().take(MAX_ENTRY_CHARS).collect();
    if line.len() < words.len() {
        line.push('…');
    }
    if line.is_empty() {
        line.push_str("(no details)");
    }
    line.replace("-->", "--&gt;").replace("--!>", "--!&gt;").replace("<!--", "&lt;!--")
}

/// Control characters, and the format characters that hide or reorder text (zero width, bidirectional overrides).
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}
