//! The reference page of the command line, from the same description that parses it.

use clap::{Command, CommandFactory as _};

use super::arguments::Arguments;

/// The page as Markdown: `docs/reference/cli.md`.
pub(super) fn page() -> String {
    let mut page = String::from(
        "<!-- Generated from src/surfaces/cli; a test compares them. \
         `UPDATE_REFERENCE=1 cargo test --lib cli::reference` writes it anew. -->\n\n# Command line\n",
    );
    let mut root = Arguments::command().term_width(100).version("VERSION");
    root.build();
    section(&mut page, &mut root, 2);
    page
}

fn section(page: &mut String, command: &mut Command, depth: usize) {
    let heading = "#".repeat(depth.min(4));
    let name = command.get_bin_name().unwrap_or("enact-factory").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    page.push_str(&["\n", &heading, " `", &name, "`\n\n```text\n"].concat());
    page.push_str(lines.join("\n").trim_end());
    page.push_str("\n```\n");
    for child in command.get_subcommands_mut().filter(|child| !child.is_hide_set()) {
        section(page, child, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory as _;

    use super::{Arguments, page};

    #[test]
    fn the_reference_page_is_what_the_program_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md");
        let wanted = page();
        if std::env::vars_os().any(|(name, _)| name == "UPDATE_REFERENCE") {
            std::fs::write(&path, &wanted).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == wanted,
            "docs/reference/cli.md is out of date: UPDATE_REFERENCE=1 cargo test --lib cli::reference"
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_subcommand_says_what_it_does_and_shows_examples_or_its_json() {
        for command in Arguments::command().get_subcommands().filter(|it| !it.is_hide_set()) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no description");
            assert!(command.get_after_help().is_some(), "{name} has no examples");
        }
    }
}
