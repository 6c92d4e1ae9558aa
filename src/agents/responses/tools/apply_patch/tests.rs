use proptest::prelude::{any, proptest};

use super::edit::{Misfit, apply};
use super::parse::{FilePatch, Hunk, Line, ParseError, parse};

fn update(patch: &str) -> Vec<Hunk> {
    let text = format!("*** Begin Patch\n*** Update File: f\n{patch}\n*** End Patch\n");
    match parse(&text).expect("a patch").remove(0) {
        FilePatch::Update { hunks, .. } => hunks,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(text: &str, patch: &str, expected: &str) {
    assert_eq!(apply(text, &update(patch)).as_deref(), Ok(expected));
}

#[track_caller]
fn misfit(text: &str, patch: &str) -> Misfit {
    apply(text, &update(patch)).expect_err("it does not fit")
}

#[test]
fn all_kinds_of_edits_are_read() {
    let text = "Here it is:\n```\n*** Begin Patch\n*** Add File: a/new.rs\n+one\n+\n*** Delete File: old\n\
                *** Update File: x\n*** Move to: y\n@@ class A\n@@ def f\n ctx\n-old\n+new\n\n+more\n*** End of File\n\
                *** End Patch\n```\n";
    let stays = |text: &str| Line::Stays(text.to_owned());
    let hunk = Hunk {
        anchors: vec!["class A".to_owned(), "def f".to_owned()],
        lines: vec![
            stays("ctx"),
            Line::Goes("old".to_owned()),
            Line::Comes("new".to_owned()),
            stays(""),
            Line::Comes("more".to_owned()),
        ],
        at_end: true,
    };
    let expected = vec![
        FilePatch::Add {
            path: "a/new.rs".to_owned(),
            lines: vec!["one".to_owned(), String::new()],
        },
        FilePatch::Delete { path: "old".to_owned() },
        FilePatch::Update { path: "x".to_owned(), to: Some("y".to_owned()), hunks: vec![hunk] },
    ];
    assert_eq!(parse(text), Ok(expected));
}

#[test]
fn what_is_wrong_with_a_patch_is_said() {
    let rows = [
        ("--- a\n+++ b\n", ParseError::NoBeginning),
        ("*** Begin Patch\n*** Delete File: a\n", ParseError::NoEnd),
        ("*** Begin Patch\n*** End Patch", ParseError::Empty),
        (
            "*** Begin Patch\nsome words\n*** End Patch",
            ParseError::NoHeading { line: 2, text: "some words".to_owned() },
        ),
        (
            "*** Begin Patch\n*** Add File: a\nwords\n*** End Patch",
            ParseError::NotAdded { line: 3, text: "words".to_owned() },
        ),
        (
            "*** Begin Patch\n*** Update File: a\n@@\nwords\n*** End Patch",
            ParseError::NoSign { line: 4, text: "words".to_owned() },
        ),
        (
            "*** Begin Patch\n*** Update File: a\n@@\n same\n*** End Patch",
            ParseError::NoEdit { path: "a".to_owned() },
        ),
        ("*** Begin Patch\n*** Delete File: \n*** End Patch", ParseError::NoPath { line: 2 }),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn edits_go_where_their_lines_are() {
    check("a\nb\nc\n", "@@\n a\n-b\n+B\n c", "a\nB\nc\n");
    check("a\nb\nc\n", "-b", "a\nc\n");
    check("a\nb\n", "@@ a\n+between", "a\nbetween\nb\n");
    check("a\nb\n", "+last\n*** End of File", "a\nb\nlast\n");
    check("", "+first", "first\n");
    check("a\nb\nc\nd\n", "@@\n-d\n+D\n@@\n-a\n+A", "A\nb\nc\nD\n");
    check("x\nx\n", "-x\n+y\n*** End of File", "x\ny\n");
}

#[test]
fn how_lines_end_stays() {
    check("a\r\nb\r\n", " a\n-b\n+B", "a\r\nB\r\n");
    check("a\nb", " a\n-b\n+B", "a\nB");
    check("  a  \n\tb\n", " a\n-b\n+\tB", "  a  \n\tB\n");
}

#[test]
fn an_anchor_tells_equal_places_apart_and_nothing_else_does() {
    let text = "fn f() {\n    go();\n}\nfn g() {\n    go();\n}\n";
    let ambiguous = Misfit::Ambiguous { number: 1, places: "2, 5".to_owned() };
    assert_eq!(misfit(text, "@@\n-    go();\n+    stop();"), ambiguous);
    check(
        text,
        "@@ fn g() {\n-    go();\n+    stop();",
        "fn f() {\n    go();\n}\nfn g() {\n    stop();\n}\n",
    );
    check(
        text,
        "@@ fn f\n-    go();\n+    one();\n@@\n-    go();\n+    two();",
        "fn f() {\n    one();\n}\nfn g() {\n    two();\n}\n",
    );
    let absent = Misfit::NoAnchor { number: 1, anchor: "fn h".to_owned() };
    assert_eq!(misfit(text, "@@ fn h\n-    go();"), absent);
}

#[test]
fn a_misfit_teaches() {
    let text = "one\nlet x = 1;\nlet y = 2;\nlet z = 3;\nend\n";
    let said = misfit(text, "@@\n let x = 1;\n-let y = 5;\n+let y = 6;\n let z = 3;").to_string();
    for part in
        ["let y = 5;", "    3\tlet y = 2;", "expected \"let y = 5;\", there is \"let y = 2;\""]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = misfit(text, "-nothing like it").to_string();
    assert!(said.contains("none of these lines is in the file, which has 5 lines"), "{said}");
    assert_eq!(misfit(text, "+where"), Misfit::Nowhere { number: 1 });
    let overlap = misfit(text, "@@\n one\n-let x = 1;\n@@\n-let x = 1;\n let y = 2;");
    assert_eq!(overlap, Misfit::Overlap { first: 1, second: 2 });
}

proptest! {
    /// Any replacement of a stretch of a file, written down as a patch with its context, does just that.
    #[test]
    fn a_patch_does_what_it_says(
        words in proptest::collection::vec("[a-z \t]{0,6}", 1..30),
        new in proptest::collection::vec("[a-zA-Z ]{0,8}", 0..5),
        (start, end, context) in (any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 0..4_usize),
        newline in any::<bool>(),
    ) {
        // Numbered, so that every line is there once.
        let lines: Vec<String> = words.iter().enumerate().map(|(at, word)| format!("{at}{word}.")).collect();
        let (one, other) = (start.index(lines.len()), end.index(lines.len()));
        let (start, end) = (one.min(other), one.max(other) + 1);
        let before = start.saturating_sub(context);
        let after = (end + context).min(lines.len());
        let signed = |sign: char, part: &[String]| -> String {
            part.iter().map(|line| format!("{sign}{line}\n")).collect()
        };
        let new: Vec<String> = new.iter().map(|word| format!("{word}!")).collect();
        let patch = [
            signed(' ', &lines[before..start]),
            signed('-', &lines[start..end]),
            signed('+', &new),
            signed(' ', &lines[end..after]),
        ]
        .concat();
        let whole = |lines: &[String]| {
            let text = lines.join("\n");
            if newline && !lines.is_empty() { format!("{text}\n") } else { text }
        };
        let expected: Vec<String> = [&lines[..start], &new[..], &lines[end..]].concat();
        assert_eq!(apply(&whole(&lines), &update(&patch)), Ok(whole(&expected)));
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(text in "(\\*\\*\\* (Begin|End|Add|Update|Delete|Move)[ a-zA-Z:]{0,14}|@@|[-+ ][a-z]{0,3}|é|)(\n(\\*\\*\\* (Update File: f|Add File: g|End of File|Move to: h)|@@ ?[a-z]?|[-+ ][a-z]{0,3}|)){0,12}", file in "([a-z]{0,3}\n){0,6}") {
        let patch = format!("*** Begin Patch\n{text}\n*** End Patch");
        for parsed in parse(&patch).into_iter().flatten() {
            if let FilePatch::Update { hunks, .. } = parsed {
                let _fits_or_not = apply(&file, &hunks);
            }
        }
    }
}
