//! For any file: an update changes the value of the state and the log, and nothing else.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::LocalSettings;
use super::super::edit::decide;
use super::super::file::ItemFile;
use super::{line, wish};
use crate::domain::work_item::ItemState;

/// Lines that come near everything the layout looks for, and lines that do not.
fn body_line() -> impl Strategy<Value = String> {
    let near = [
        "",
        " ",
        "## Factory",
        "## Factory ",
        "# Heading",
        "## Notes",
        "### Factory",
        "```",
        "````",
        "~~~ x",
        "+++",
        "- item",
        "text",
        "<!-- comment",
        "-->",
        "\r",
        "é\t",
        "- done <!-- factory:other -->",
        "- done <!-- factory:work/local/a/update/9 --> x",
    ];
    prop_oneof![
        6 => select(near.map(str::to_owned).to_vec()),
        1 => Just(line("a", 8)),
        3 => "[ -~é\r]{0,12}",
    ]
}

fn front_line() -> impl Strategy<Value = String> {
    select(vec![
        "",
        "# comment",
        "labels = [ 'x' ]",
        "labels = [\n  \"y\", # z\n]",
        "  lane = \"none\"",
    ])
    .prop_map(str::to_owned)
}

fn state_line() -> impl Strategy<Value = String> {
    let lines = [
        "",
        "state = \"todo\"",
        "state='Todo' # why",
        "  state\t= \"\"\"TODO\"\"\"",
        "state = \"done\"",
    ];
    select(lines.map(str::to_owned).to_vec())
}

prop_compose! {
    fn document()(
        mark in any::<bool>(),
        crlf in any::<bool>(),
        first in front_line(),
        state in state_line(),
        body in prop::collection::vec(body_line(), 0..12),
        end in any::<bool>(),
    ) -> String {
        let mut lines = vec!["+++".to_owned(), "title = \"x\"".to_owned(), first, state, "+++".to_owned()];
        lines.extend(body);
        let eol = if crlf { "\r\n" } else { "\n" };
        let text = lines.join("\n").replace('\n', eol);
        format!("{}{text}{}", if mark { "\u{FEFF}" } else { "" }, if end { eol } else { "" })
    }
}

/// `after` without what an update may add: the line itself, and the heading and blank lines that introduce a log.
fn is_insertion(before: &str, after: &str, line: &str) -> bool {
    let Some(at) = after.find(line) else { return false };
    let blank = |text: &str| text.chars().all(|letter| matches!(letter, '\r' | '\n'));
    // The unchanged start reaches as far as possible; what is between it and the unchanged end was added.
    let start =
        before.bytes().zip(after.bytes()).take_while(|(left, right)| left == right).count().min(at);
    let added = after.len() - before.len();
    (0..=start).rev().any(|start| {
        if !after.is_char_boundary(start) || !after.is_char_boundary(start + added) {
            return false;
        }
        let inserted = &after[start..start + added];
        let Some((introduction, rest)) = inserted.split_once(line) else { return false };
        let heading = introduction.replacen("## Factory", "", 1);
        format!("{}{}", &after[..start], &after[start + added..]) == before
            && blank(&heading)
            && blank(rest)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn an_update_changes_nothing_but_the_state_and_the_log(before in document(), moves in any::<bool>()) {
        let settings = LocalSettings::new("items");
        let file = ItemFile::read(before.as_bytes(), "a", &settings).unwrap();
        let wanted = moves.then_some(ItemState::InProgress);
        let update = wish("a", 1, wanted);
        let edit = decide(&file, "a", &settings, &update).unwrap();
        let after = edit.text.unwrap();
        let written = file.item.state != edit.updated.current.state;
        prop_assert_eq!(written, moves && file.item.state == ItemState::Todo);

        // With the state put back, the log line is all that differs.
        let eol = file.layout.line_ending;
        let restored = match &file.state_at {
            Some(range) if written => {
                let end = range.start + "'In Progress'".len();
                format!("{}{}{}", &after[..range.start], &before[range.clone()], &after[end..])
            }
            None if written => after.replacen(&format!("state = \"In Progress\"{eol}"), "", 1),
            Some(_) | None => after.clone(),
        };
        prop_assert!(is_insertion(&before, &restored, &line("a", 1)), "{:?} became {:?}", before, after);
        prop_assert_eq!(before.ends_with('\n'), after.ends_with('\n'));

        // And it reads back: same text, the revision announced, the same key not written again, the next one is.
        let again = ItemFile::read(after.as_bytes(), "a", &settings).unwrap();
        prop_assert_eq!(&again.item, &edit.updated.current);
        prop_assert_eq!(&again.item.body, &file.item.body);
        prop_assert!(decide(&again, "a", &settings, &update).unwrap().text.is_none());
        let next = decide(&again, "a", &settings, &wish("a", 2, None)).unwrap();
        prop_assert_eq!(&next.updated.revision, &again.item.revision);
        let next = next.text.unwrap();
        prop_assert_eq!(next.matches("\n## Factory").count(), after.matches("\n## Factory").count());
    }

    #[test]
    fn no_content_makes_reading_fail_in_an_unexpected_way(content in prop::collection::vec(any::<u8>(), 0..200)) {
        let settings = LocalSettings::new("items");
        let mut file = b"+++\n".to_vec();
        file.extend(content);
        if let Err(faults) = ItemFile::read(&file, "a", &settings) {
            for fault in faults {
                let problem = fault.problem(std::path::Path::new("a.md"), &file);
                prop_assert!(!problem.reason.is_empty());
            }
        }
    }
}
