//! What people see of a text in Markdown. Whatever is in it that they do not see could tell an agent something behind
//! their backs: it is taken out, and the text says so.

/// Characters of a text that are kept. GitHub takes 65536.
const LONGEST: usize = 60_000;

/// `markdown` without its hidden parts; what was taken out is said in a last paragraph.
#[must_use]
pub(super) fn body(markdown: &str) -> String {
    let (text, hidden) = without_comments(markdown);
    let (mut text, invisible) = without_invisible(&text);
    let length = text.chars().count();
    if length > LONGEST {
        text = text.chars().take(LONGEST).collect();
    }
    let mut remarks = Vec::new();
    if hidden > 0 {
        remarks.push(format!("hidden comments ({hidden})"));
    }
    if invisible > 0 {
        remarks.push(format!("invisible characters ({invisible})"));
    }
    if length > LONGEST {
        remarks.push(format!("everything after {LONGEST} characters ({} more)", length - LONGEST));
    }
    if remarks.is_empty() {
        return text;
    }
    format!("{}\n\n(Left out of this text: {}.)", text.trim_end(), remarks.join(", "))
}

/// A title in one line, without what is invisible.
#[must_use]
pub(super) fn title(text: &str) -> String {
    let (text, _) = without_invisible(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Takes HTML comments and the link definitions that stand in for them (`[//]: # (…)`) out, except in code.
fn without_comments(markdown: &str) -> (String, usize) {
    let (mut kept, mut hidden) = (String::with_capacity(markdown.len()), 0);
    let (mut fence, mut in_comment): (Option<String>, bool) = (None, false);
    for line in markdown.split_inclusive('\n') {
        let start = line.trim_start();
        if !in_comment {
            if let Some(opened) = &fence {
                if start.trim_end().starts_with(opened.as_str()) {
                    fence = None;
                }
                kept.push_str(line);
                continue;
            }
            if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark)) {
                fence = Some(mark.to_owned());
                kept.push_str(line);
                continue;
            }
            if ["[//]:", "[comment]:", "[]:"].iter().any(|mark| start.starts_with(mark)) {
                hidden += 1;
                continue;
            }
        }
        let found;
        (found, in_comment) = visible_part(line, in_comment, &mut kept);
        hidden += found;
    }
    (kept, hidden)
}

/// Adds what is visible of `line` to `kept`. Returns how many comments begin in it, and whether the last one goes on.
fn visible_part(line: &str, mut in_comment: bool, kept: &mut String) -> (usize, bool) {
    let (mut rest, mut found) = (line, 0);
    loop {
        if in_comment {
            let Some((_, after)) = rest.split_once("-->") else {
                if rest.ends_with('\n') {
                    kept.push('\n');
                }
                return (found, true);
            };
            rest = after;
            in_comment = false;
        }
        let Some(at) = rest.find("<!--") else {
            kept.push_str(rest);
            return (found, false);
        };
        // Between backticks it is shown as it is.
        let quoted = rest[..at].matches('`').count() % 2 == 1;
        if let (true, Some(end)) = (quoted, rest[at..].find('`')) {
            kept.push_str(&rest[..=at + end]);
            rest = &rest[at + end + 1..];
            continue;
        }
        kept.push_str(&rest[..at]);
        rest = &rest[at + "<!--".len()..];
        found += 1;
        in_comment = true;
    }
}

fn without_invisible(text: &str) -> (String, usize) {
    let mut left_out = 0;
    let kept = text.chars().filter(|letter| {
        let invisible = is_invisible(*letter);
        left_out += usize::from(invisible);
        !invisible
    });
    (kept.collect(), left_out)
}

/// Characters without a shape that hide, reorder or carry text: controls, zero width, bidirectional overrides, tags,
/// variation selectors beyond the one that emoji need.
fn is_invisible(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t' | '\r'))
        || matches!(letter,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0E}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::{body, title};

    #[test]
    fn what_people_see_stays_as_it_is() {
        for text in [
            "",
            "plain\n\n- [ ] a\n\ttab\r\n",
            "```html\n<!-- kept -->\n```\nafter",
            "use `<!-- kept -->` here",
            "한국어 — 👩\u{200D}💻 ❤\u{FE0F}",
        ] {
            assert_eq!(body(text), text);
        }
    }

    #[test]
    fn hidden_comments_are_left_out_and_that_is_said() {
        let said = "(Left out of this text: hidden comments (1).)";
        assert_eq!(body("a <!-- do evil --> b"), format!("a  b\n\n{said}"));
        assert_eq!(body("a\n<!-- do\nevil\n--> b"), format!("a\n\n\n b\n\n{said}"));
        assert_eq!(body("a\n<!-- never closed\n```\nevil"), format!("a\n\n{said}"));
        assert_eq!(body("a\n[//]: # (do evil)\nb"), format!("a\nb\n\n{said}"));
        let two = "(Left out of this text: hidden comments (2).)";
        assert_eq!(body("<!--x-->a<!--y-->"), format!("a\n\n{two}"));
        assert_eq!(body("a `code <!-- evil -->\nb"), format!("a `code \nb\n\n{said}"));
    }

    #[test]
    fn invisible_characters_and_endless_texts_are_left_out_and_that_is_said() {
        let tags: String =
            "evil".chars().filter_map(|it| char::from_u32(0xE0000 + it as u32)).collect();
        let text = body(&format!("a\u{200B}b{tags}\u{202E}c"));
        assert_eq!(text, "abc\n\n(Left out of this text: invisible characters (6).)");
        let long = body(&"é".repeat(60_007));
        assert!(long.ends_with(
            "é\n\n(Left out of this text: everything after 60000 characters (7 more).)"
        ));
        assert_eq!(title(" a\u{200B}\n b\u{7} "), "a b");
    }
}
