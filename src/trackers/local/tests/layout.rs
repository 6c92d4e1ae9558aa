//! The factory's log among what people write.

use super::super::layout::Layout;
use super::line;

fn body(text: &str) -> String {
    Layout::of(&format!("+++\n+++\n{text}")).unwrap().human_body()
}

#[test]
fn a_chapter_of_the_same_name_with_text_in_it_belongs_to_people() {
    let text = "## Factory\n\nThe factory pattern.";
    assert_eq!(body(text), text);
    assert_eq!(body("Text\n\n## Factory\n\n## More"), "Text\n\n## More");
}

#[test]
fn a_quoted_log_is_part_of_the_text() {
    let log = line("a", 1);
    let text = format!("```\n## Factory\n\n{log}\n```");
    assert_eq!(body(&text), text);
    let text = format!("~~~~ md\n## Factory\n\n{log}\n~~~\n~~~~~");
    assert_eq!(body(&text), text);
    let text = format!("- a list\n{log}");
    assert_eq!(body(&text), text);
}

#[test]
fn a_code_block_that_is_never_closed_does_not_swallow_the_log() {
    let text = format!("```\nopen\n\n## Factory\n\n{}\n", line("a", 1));
    assert_eq!(body(&text), "```\nopen");
}

#[test]
fn many_open_code_blocks_cost_linear_time() {
    // Quadratic time would be minutes.
    let text = "```a\n".repeat(150_000) + &"~~~b\n".repeat(50_000);
    assert_eq!(body(&text).len(), text.len() - 1);
}

#[test]
fn a_log_reformatted_by_an_editor_is_still_the_log() {
    let log = line("a", 1).replacen('-', "*", 1);
    assert_eq!(body(&format!("Text\n\n## Factory\n{log}   \n\n\n")), "Text");
}
