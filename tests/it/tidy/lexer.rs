//! Just enough of Rust's grammar to tell code from comments and strings, and product from test-only code.

/// `text` with every comment blanked and the contents of every string and character replaced by `~`. Lines stay where
/// they are, so that a position in the result is a position in the file.
pub(super) fn without_comments_and_strings(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => {
                blank(&chars, at, end_of_line(&chars, at), ' ', &mut out)
            }
            '/' if chars.get(at + 1) == Some(&'*') => {
                blank(&chars, at, end_of_block(&chars, at), ' ', &mut out)
            }
            '"' => quoted(&chars, at, end_of_string(&chars, at), 1, &mut out),
            'r' if !after_word(&chars, at) => match raw_string(&chars, at) {
                Some((end, quote)) => quoted(&chars, at, end, quote, &mut out),
                None => copy(&chars, at, &mut out),
            },
            '\'' => match end_of_char(&chars, at) {
                Some(end) => quoted(&chars, at, end, 1, &mut out),
                None => copy(&chars, at, &mut out),
            },
            _ => copy(&chars, at, &mut out),
        };
        at = end;
    }
    out
}

/// `code` (as above) with every item under `#[cfg(test)]` blanked.
pub(super) fn without_test_items(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    while let Some(start) = out.find(MARK) {
        let end = end_of_item(&out, start + MARK.len());
        let blanked: String =
            out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blanked);
    }
    out
}

/// Where the item that begins at `from` (attributes included) ends: after its `;` or its braces.
pub(super) fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return from + offset + 1,
            '{' if depth == 0 => return end_of_braces(code, from + offset),
            _ => {}
        }
    }
    code.len()
}

/// Where the braces that open at `open` are closed.
pub(super) fn end_of_braces(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    code.len()
}

/// Lines that hold more than white space.
pub(super) fn lines_of_code(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Number, from 1, of the line that holds byte `at`.
pub(super) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn copy(chars: &[char], at: usize, out: &mut String) -> usize {
    out.push(chars[at]);
    at + 1
}

fn blank(chars: &[char], from: usize, to: usize, with: char, out: &mut String) -> usize {
    for c in &chars[from..to] {
        out.push(if *c == '\n' { '\n' } else { with });
    }
    to
}

/// Copies a literal: the quote of `quote` characters at both ends stays, what is between becomes `~`.
fn quoted(chars: &[char], from: usize, to: usize, quote: usize, out: &mut String) -> usize {
    let (open, close) = (from + quote, to.saturating_sub(1).max(from + quote));
    out.extend(&chars[from..open.min(to)]);
    for c in &chars[open.min(to)..close.min(to)] {
        out.push(if c.is_whitespace() { *c } else { '~' });
    }
    out.extend(&chars[close.min(to)..to]);
    to
}

fn after_word(chars: &[char], at: usize) -> bool {
    // The `r` of `br"…"` and `cr"…"` begins a string too.
    let before = |back: usize| at.checked_sub(back).map(|index| chars[index]);
    let prefix = matches!(before(1), Some('b' | 'c'));
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if prefix { word(before(2)) } else { word(before(1)) }
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|index| chars[*index] == '\n').unwrap_or(chars.len())
}

fn end_of_block(chars: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of a raw string that may begin at `from`, and the length of its opening.
fn raw_string(chars: &[char], from: usize) -> Option<(usize, usize)> {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    let open = from + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    let close = (open + 1..chars.len()).find(|at| closes(*at)).unwrap_or(chars.len() - 1);
    Some(((close + 1 + hashes).min(chars.len()), hashes + 2))
}

/// The end of a character literal; `None` for a lifetime.
fn end_of_char(chars: &[char], from: usize) -> Option<usize> {
    if chars.get(from + 1) == Some(&'\\') {
        let close = (from + 3..chars.len()).find(|at| chars[*at] == '\'')?;
        return Some(close + 1);
    }
    (chars.get(from + 2) == Some(&'\'')).then_some(from + 3)
}

#[test]
fn comments_strings_and_test_items_are_told_from_code() {
    let text = "fn a<'x>(s: &'x str) -> char { /* fn /* b */ */ '\\'' } // crate::c\n\
                const D: &str = r#\"crate::\"e\"#; const E: &str = \"\\\"crate::f\";\n\
                #[cfg(test)]\nmod tests {\n fn g() {}\n}\nfn h() { 'y'; }\n";
    let code = without_comments_and_strings(text);
    assert!(!code.contains("crate::"), "{code}");
    assert!(code.contains("fn a<'x>(s: &'x str) -> char {"), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
    let product = without_test_items(&code);
    assert!(!product.contains("fn g") && product.contains("fn h"), "{product}");
    assert_eq!(lines_of_code(&product), 3);
    assert_eq!(product.lines().count(), text.lines().count());
}
