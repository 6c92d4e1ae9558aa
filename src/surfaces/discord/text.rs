//! Text that Discord takes: what others wrote cannot mention, link or format anything; what is long is cut or split where
//! it does not hurt.
//!
//! Lengths are counted in UTF-16 units, which is never fewer than Discord counts.

use unicode_segmentation::UnicodeSegmentation as _;

/// Longest content of a message.
pub const CONTENT: usize = 2000;

/// Longest title of an embed.
pub const TITLE: usize = 256;

/// Longest description of an embed.
pub const DESCRIPTION: usize = 4096;

/// Most fields of an embed.
pub const FIELDS: usize = 25;

/// Longest name of a field.
pub const FIELD_NAME: usize = 256;

/// Longest value of a field.
pub const FIELD_VALUE: usize = 1024;

/// Longest footer.
pub const FOOTER: usize = 2048;

/// Most text in all embeds of a message.
pub const MESSAGE: usize = 6000;

const FENCE: &str = "```";

/// Longest line that begins or ends a block: two of them fit into any piece. In other lines the marks mean nothing.
const LONGEST_FENCE: usize = 16;

/// Nothing to see, but enough that the letters around it do not belong together.
const BREAK: char = '\u{200b}';

/// Length as Discord counts it at most.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Text of others as it was written: nobody is mentioned, nothing is formatted, no address can be clicked on, and no
/// letter turns the direction of the others around.
#[must_use]
pub fn neutral(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => safe.push('\n'),
            '\t' => safe.push(' '),
            _ if is_hidden(letter) => {}
            '@' => safe.extend(['@', BREAK]),
            ':' if letters.peek() == Some(&'/') => safe.extend([':', BREAK]),
            '.' if letters.peek().is_some_and(|next| next.is_ascii_lowercase()) => {
                safe.extend(['.', BREAK]);
            }
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '[' | ']' | '(' | ')' => {
                safe.extend(['\\', letter]);
            }
            '-' | '+' if safe.is_empty() || safe.ends_with('\n') => safe.extend(['\\', letter]),
            _ => safe.push(letter),
        }
    }
    safe
}

/// The same on one line.
#[must_use]
pub fn neutral_line(text: &str) -> String {
    neutral(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Text of others in a block of its own, letter for letter as far as that is safe.
#[must_use]
pub fn block(text: &str) -> String {
    let visible = text.chars().filter(|letter| *letter == '\n' || !is_hidden(*letter));
    let inner = visible.collect::<String>().replace(FENCE, &format!("`{BREAK}`{BREAK}`"));
    format!("{FENCE}\n{}\n{FENCE}", inner.trim_end_matches('\n'))
}

/// Control letters, and those that change the direction of text or are not seen.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// At most `most` of it, with an ellipsis where something is missing; never a part of what is seen as one letter.
#[must_use]
pub fn clip(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut kept = front(text, most.saturating_sub(1)).to_owned();
    // What is escaped goes with its escape.
    let escapes = kept.chars().rev().take_while(|letter| *letter == '\\').count();
    if escapes % 2 == 1 {
        kept.pop();
    }
    kept.push('…');
    kept
}

/// As much of the front as fits.
fn front(text: &str, most: usize) -> &str {
    let mut used = 0;
    for (at, letter) in text.grapheme_indices(true) {
        used += length(letter);
        if used > most {
            return &text[..at];
        }
    }
    text
}

/// Takes a text apart into pieces of at most `most`: between lines where that is possible, and within what is seen as one
/// letter only when that alone is too long. A block that goes on in the next piece is closed and opened again.
#[must_use]
pub fn split(text: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut open: Option<String> = None;
    for line in text.split('\n') {
        let broken;
        let mut rest = line;
        let is_fence = line.trim_start().starts_with(FENCE) && length(line) <= LONGEST_FENCE;
        if !is_fence && line.contains(FENCE) {
            broken = line.replace(FENCE, &format!("`{BREAK}`{BREAK}`"));
            rest = &broken;
        }
        loop {
            let reserve = if open.is_some() || is_fence { FENCE.len() + 1 } else { 0 };
            let separator = usize::from(!piece.is_empty());
            let taken = length(&piece) + separator + reserve;
            let room = most.saturating_sub(taken);
            if taken + length(rest) <= most {
                append(&mut piece, rest);
                break;
            }
            let begun = open.as_deref().map_or(0, length);
            if length(&piece) > begun {
                close(&mut pieces, &mut piece, open.as_deref());
                continue;
            }
            // A line that does not fit into any piece.
            let mut part = front(rest, room.max(1));
            if part.is_empty() {
                part = &rest[..rest.chars().next().map_or(0, char::len_utf8)];
            }
            append(&mut piece, part);
            rest = &rest[part.len()..];
            close(&mut pieces, &mut piece, open.as_deref());
        }
        if is_fence {
            open = match open {
                Some(_) => None,
                None => Some(line.trim().to_owned()),
            };
        }
    }
    if open.is_some() {
        append(&mut piece, FENCE);
    }
    if !piece.trim().is_empty() || pieces.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn append(piece: &mut String, line: &str) {
    if !piece.is_empty() {
        piece.push('\n');
    }
    piece.push_str(line);
}

/// Ends a piece, and begins the next one as it must.
fn close(pieces: &mut Vec<String>, piece: &mut String, open: Option<&str>) {
    let mut ended = std::mem::take(piece);
    if let Some(fence) = open {
        append(&mut ended, FENCE);
        fence.clone_into(piece);
    }
    pieces.push(ended);
}

#[cfg(test)]
mod tests;
