//! Acceptance criteria as people write them into work items.

/// More criteria than this are not numbered one by one; the rest stays part of the goal's text.
pub const MOST_CRITERIA: usize = 40;

/// Finds the acceptance criteria of a Markdown text: the list items below a heading that names them (`Acceptance
/// criteria`, `Definition of done`, `Done when`), plus every check-box item anywhere. Order of appearance, no repeats.
#[must_use]
pub fn find(body: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut in_section = false;
    let mut in_fence = false;
    for line in body.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_fence = !in_fence;
            continue;
        }
        if in_fence {
            continue;
        }
        if let Some(title) = heading(trimmed) {
            in_section = names_criteria(title);
            continue;
        }
        let Some(item) = list_item(trimmed) else { continue };
        let (text, is_check_box) = strip_check_box(item);
        let wanted = (in_section || is_check_box) && !text.is_empty();
        if wanted && found.len() < MOST_CRITERIA && !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
        }
    }
    found
}

/// The title of a heading line: `## Title`, or a line that is only `**Title**` or `Title:`.
fn heading(line: &str) -> Option<&str> {
    let marks = line.len() - line.trim_start_matches('#').len();
    if (1..=6).contains(&marks) {
        return Some(line[marks..].trim().trim_end_matches('#').trim());
    }
    let bold =
        line.strip_prefix("**").and_then(|rest| rest.trim_end_matches(':').strip_suffix("**"));
    if let Some(title) = bold {
        return Some(title.trim_end_matches(':'));
    }
    line.strip_suffix(':').filter(|title| names_criteria(title))
}

fn names_criteria(title: &str) -> bool {
    let title = title.trim().trim_end_matches(':').to_lowercase();
    ["acceptance criteria", "definition of done", "done when", "acceptance"]
        .iter()
        .any(|name| title == *name)
}

fn list_item(line: &str) -> Option<&str> {
    for mark in ["- ", "* ", "+ "] {
        if let Some(rest) = line.strip_prefix(mark) {
            return Some(rest.trim());
        }
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if (1..=3).contains(&digits) {
        let rest = &line[digits..];
        return rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")).map(str::trim);
    }
    None
}

fn strip_check_box(item: &str) -> (&str, bool) {
    for mark in ["[ ]", "[x]", "[X]"] {
        if let Some(rest) = item.strip_prefix(mark) {
            return (rest.trim(), true);
        }
    }
    (item, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_under_the_heading_and_check_boxes_anywhere_count() {
        let body = "Intro\n- not one\n\n## Acceptance criteria\n1. prints a greeting\n- exits 0\n\n\
                    ## Notes\n- nor this\n- [ ] has a test\n";
        assert_eq!(find(body), ["prints a greeting", "exits 0", "has a test"]);
    }

    #[test]
    fn bold_and_colon_headings_count_and_code_does_not() {
        let body = "**Acceptance criteria:**\n* one\n```\n- [ ] in code\n```\n* two";
        assert_eq!(find(body), ["one", "two"]);
        assert_eq!(find("Done when:\n- it works\n"), ["it works"]);
    }

    #[test]
    fn repeats_and_empty_items_are_dropped() {
        assert_eq!(find("- [ ] a\n- [x] a\n- [ ]  \n"), ["a"]);
    }
}
