//! How long texts are, and how they are made shorter: never inside a line, a word or a letter.

/// How the forges count.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// As many whole lines from the beginning as fit, with a last one that says that there were more.
pub(super) fn shortened(text: &str, most: usize) -> String {
    const MORE: &str = "\n\n… the rest is in the factory's log";
    let room = most.saturating_sub(length(MORE));
    let mut end = 0;
    let mut used = 0;
    for line in text.split_inclusive('\n') {
        used += length(line);
        if used > room {
            break;
        }
        end += line.len();
    }
    format!("{}{MORE}", text[..end].trim_end())
}

/// The first `most` characters of `text` at the most, ending between words; a longer word is cut between two of what
/// people see as its letters.
pub(super) fn clipped(text: &str, most: usize) -> String {
    let text = text.trim();
    let Some((limit, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let word = text[..limit].rfind(char::is_whitespace).filter(|end| *end > limit / 2);
    let joins = |at: usize| {
        let after = text[at..].chars().next().is_some_and(is_joined);
        after || text[..at].ends_with('\u{200D}')
    };
    let mut end = word.unwrap_or(limit);
    while end > 0 && (!text.is_char_boundary(end) || joins(end)) {
        end -= 1;
    }
    if end == 0 {
        end = limit;
    }
    format!("{}…", text[..end].trim_end())
}

/// Whether a character may belong to the one before it: combining marks of the scripts that have them in blocks of their
/// own, vowels and finals of decomposed Hangul, what emoji are made of, halves of flags.
fn is_joined(letter: char) -> bool {
    matches!(
        letter,
        '\u{0300}'..='\u{036F}'
            | '\u{1160}'..='\u{11FF}'
            | '\u{1AB0}'..='\u{1AFF}'
            | '\u{1DC0}'..='\u{1DFF}'
            | '\u{200D}'
            | '\u{20D0}'..='\u{20FF}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FE20}'..='\u{FE2F}'
            | '\u{1F1E6}'..='\u{1F1FF}'
            | '\u{1F3FB}'..='\u{1F3FF}'
    )
}
