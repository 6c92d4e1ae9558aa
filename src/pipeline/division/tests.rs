//! What counts as a division.

use serde_json::{Value, json};

use super::{Answer, DivisionError, read};
use crate::domain::epic::Part;
use crate::domain::work_item::Priority;

fn child(title: &str, depends_on: &[usize]) -> Value {
    json!({ "title": title, "description": "do it", "estimated_minutes": 20, "depends_on": depends_on })
}

fn answer(children: Value) -> String {
    let object =
        json!({ "needs_decomposition": true, "reason": "two things", "children": children });
    format!("I have looked.\n```json\n{object}\n```\n")
}

fn parts(children: Value) -> Vec<Part> {
    match read(&answer(children), 5).unwrap() {
        Answer::Divided { parts, .. } => parts,
        Answer::Whole { reason } => panic!("whole: {reason}"),
    }
}

fn refusal(children: Value) -> String {
    read(&answer(children), 5).unwrap_err().to_string()
}

#[test]
fn parts_come_after_those_they_depend_on_and_otherwise_as_written() {
    let parts = parts(json!([child("c", &[2]), child("b", &[]), child("a", &[1, 1])]));
    let titles: Vec<&str> = parts.iter().map(|part| part.title.as_str()).collect();
    assert_eq!(titles, ["b", "a", "c"]);
    let waits: Vec<&[u32]> = parts.iter().map(|part| part.depends_on.as_slice()).collect();
    assert_eq!(waits, [&[][..], &[1], &[2]]);
}

#[test]
fn everything_that_is_said_of_a_part_is_kept_in_plain_lines() {
    let parts = parts(json!([
        { "title": " one\nline ", "description": "two\nlines\n", "acceptance": ["a\nb", " "],
          "estimated_minutes": 25, "priority": "HIGH", "file_scope": ["x"] },
        child("other", &[]),
    ]));
    assert_eq!(
        parts[0],
        Part {
            title: "one line".to_owned(),
            description: "two\nlines".to_owned(),
            acceptance: vec!["a b".to_owned()],
            estimated_minutes: 25,
            priority: Some(Priority::High),
            depends_on: Vec::new(),
        }
    );
}

#[test]
fn the_last_answer_counts_and_one_piece_is_an_answer() {
    let text = format!(
        "{}\n{}",
        answer(json!([child("a", &[]), child("b", &[])])),
        json!({ "needs_decomposition": false, "reason": "it is one piece" })
    );
    assert_eq!(read(&text, 5), Ok(Answer::Whole { reason: "it is one piece".to_owned() }));
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    assert_eq!(read("divide it into two", 5), Err(DivisionError::NoAnswer));
    assert_eq!(read("", 5), Err(DivisionError::NoAnswer));
    let malformed = read(r#"{"needs_decomposition": "yes"}"#, 5).unwrap_err().to_string();
    assert!(malformed.contains("agreed form"), "{malformed}");
    assert_eq!(refusal(json!([child("a", &[])])), "1 part(s) are no division; at least two are");
    let six: Vec<Value> = (0..6).map(|number| child(&number.to_string(), &[])).collect();
    assert_eq!(refusal(json!(six)), "there are 6 parts, and 5 are allowed");
    assert_eq!(
        refusal(json!([child("a", &[2]), child("b", &[])])),
        "part 0 depends on part 2, which is not there"
    );
    assert_eq!(
        refusal(json!([child("a", &[1]), child("b", &[0]), child("c", &[])])),
        "these parts wait for each other: 0, 1"
    );
    assert_eq!(
        refusal(json!([child("a", &[0]), child("b", &[])])),
        "these parts wait for each other: 0"
    );
    assert_eq!(refusal(json!([child(" ", &[]), child("b", &[])])), "part 0 has no title");
    let long = "x".repeat(201);
    let said = refusal(json!([child("a", &[]), child(&long, &[])]));
    assert_eq!(said, "part 1: its title is longer than 200 characters");
    let huge =
        json!({ "title": "a", "description": "x".repeat(97 * 1024), "estimated_minutes": 1 });
    assert!(refusal(json!([huge, child("b", &[])])).contains("are allowed"));
    for minutes in [json!(0), json!(1441)] {
        let part = json!({ "title": "a", "description": "b", "estimated_minutes": minutes });
        assert!(refusal(json!([part, child("b", &[])])).contains("estimate"), "{minutes}");
    }
    for wrong in [json!(-1), json!("soon"), json!(null)] {
        let part = json!({ "title": "a", "description": "b", "estimated_minutes": wrong });
        assert!(refusal(json!([part, child("b", &[])])).contains("agreed form"), "{wrong}");
    }
    let urgent =
        json!({ "title": "a", "description": "b", "estimated_minutes": 5, "priority": "asap" });
    assert!(refusal(json!([urgent, child("b", &[])])).contains("priority"));
}
