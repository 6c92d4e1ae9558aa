use proptest::prelude::*;

use super::*;

#[test]
fn nobody_is_mentioned_and_nothing_is_formatted_by_what_others_wrote() {
    let hostile = "@everyone <@123> <@&4> <#5> **bold** [click](https://evil.example/x) `code` \
                   ||hidden|| https://evil.example discord.gg/abc\n# heading\n> quote\n- item\u{202e}txt";
    let safe = neutral(hostile);
    for active in
        ["@everyone", "<@", "<#5>", "**b", "](", "https:/", "discord.gg", "||h", "\u{202e}"]
    {
        let at = safe.find(active);
        let escaped = at.is_some_and(|at| safe[..at].ends_with('\\'));
        assert!(at.is_none() || escaped, "{active} in {safe}");
    }
    assert!(safe.contains("\n\\# heading\n\\> quote\n\\- item"), "{safe}");
    assert!(safe.contains("@\u{200b}everyone"));
}

#[test]
fn a_block_cannot_be_closed_from_inside() {
    let block = block("before\n```\n@everyone\n```js\nafter\u{7}");
    assert_eq!(block.matches("```").count(), 2, "{block}");
    assert!(block.starts_with("```\nbefore\n") && block.ends_with("\nafter\n```"), "{block}");
}

#[test]
fn what_is_cut_is_never_cut_within_a_letter() {
    let family = "👨‍👩‍👧‍👦";
    assert_eq!(clip(family, 5), "…", "a family is seen as one");
    assert_eq!(clip(&format!("a{family}"), length(family)), "a…");
    assert_eq!(clip("short", 5), "short");
    assert_eq!(clip("longer", 5), "long…");
    assert_eq!(clip("abc\\*def", 5), "abc…", "an escape goes with what it escapes");
    let combined = "e\u{301}e\u{301}e\u{301}";
    assert_eq!(clip(combined, 4), "e\u{301}…");
}

#[test]
fn a_long_text_is_split_between_lines() {
    let text = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    let pieces = split(&text, 100);
    assert!(pieces.iter().all(|piece| length(piece) <= 100));
    assert_eq!(pieces.join("\n"), text);
}

#[test]
fn a_block_that_goes_on_is_closed_and_opened_again() {
    let lines = (0..40).map(|n| format!("    indented {n}")).collect::<Vec<_>>().join("\n");
    let text = format!("before\n```rust\n{lines}\n```\nafter");
    let pieces = split(&text, 200);
    assert!(pieces.len() > 3);
    for piece in &pieces {
        assert!(length(piece) <= 200, "{}", length(piece));
        assert_eq!(piece.matches("```").count() % 2, 0, "{piece}");
    }
    assert!(pieces[1].starts_with("```rust\n    indented"), "{}", pieces[1]);
    let fence = |line: &&str| !line.starts_with("```");
    let kept: Vec<&str> = pieces.iter().flat_map(|piece| piece.lines()).filter(fence).collect();
    let given: Vec<&str> = text.lines().filter(fence).collect();
    assert_eq!(kept, given, "nothing is lost and no blank is trimmed");
}

#[test]
fn a_line_longer_than_any_piece_is_split_between_letters() {
    let family = "👨‍👩‍👧‍👦";
    let pieces = split(&family.repeat(50), 30);
    assert!(pieces.iter().all(|piece| length(piece) <= 30));
    assert!(pieces.iter().all(|piece| piece.graphemes(true).all(|letter| letter == family)));
    assert_eq!(pieces.concat(), family.repeat(50));
}

#[test]
fn thirty_kilobytes_are_split_and_nothing_is_lost() {
    let text = (0..1500).map(|n| format!("{n}: some words here")).collect::<Vec<_>>().join("\n");
    assert!(text.len() > 30_000);
    let pieces = split(&text, CONTENT);
    assert!(pieces.iter().all(|piece| length(piece) <= CONTENT));
    assert_eq!(pieces.join("\n"), text);
}

proptest! {
    #[test]
    fn no_piece_is_longer_than_it_may_be(text in "(\\PC|\n|```|é|👨‍👩‍👧){0,300}", most in 60_usize..200) {
        for piece in split(&text, most) {
            prop_assert!(length(&piece) <= most, "{} > {most}", length(&piece));
            let fences = piece.lines().filter(|line| line.trim_start().starts_with("```"));
            prop_assert!(fences.count() % 2 == 0, "{piece:?}");
        }
        prop_assert!(length(&clip(&text, most)) <= most);
        let _fits = neutral(&text);
    }
}
