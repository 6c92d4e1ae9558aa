//! What is written beside the code: it is short, its links lead somewhere, and what it names exists.

use std::process::Command;

use regex::Regex;

use super::lexer::line_of;
use super::sources::{SRC, TESTS, check, files_below, read, root};

/// Most lines of the map of the code.
const ARCHITECTURE: usize = 300;
/// Most lines of a decision record.
const DECISION: usize = 60;
/// Chapters of a decision record, in order.
const CHAPTERS: [&str; 4] = ["## Context", "## Decision", "## Alternatives", "## Consequences"];

/// Servers that files of this repository may name, apart from those that do not exist.
const SERVERS: &[&str] = &[
    "api.github.com",
    "dev.azure.com",
    "127.0.0.1",
    "api.anthropic.com",
    "api.openai.com",
    "cdn.discordapp.com",
    "crates.io",
    "discord.com",
    "docs.rs",
    "github.com",
    "localhost",
    "media.discordapp.net",
    "org.visualstudio.com",
    "rustup.rs",
    "semver.org",
    "vssps.dev.azure.com",
    "sh.rustup.rs",
    "www.apache.org",
];

/// Written by people: no generated pages.
fn pages() -> Vec<String> {
    let mut pages = files_below("docs", ".md");
    pages.retain(|page| !page.starts_with("docs/reference/"));
    pages.extend(
        ["README.md"].map(str::to_owned).into_iter().filter(|page| root().join(page).exists()),
    );
    pages
}

/// `text` with everything between code fences blanked, line by line.
fn without_code_blocks(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        if !inside && !fence {
            out.push_str(line);
        }
        out.push('\n');
        inside ^= fence;
    }
    out
}

/// Files that are part of the repository. `None` where it was unpacked without git.
fn tracked() -> Option<Vec<String>> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().ok()?;
    let names = String::from_utf8(listed.stdout).ok().filter(|_| listed.status.success())?;
    let names: Vec<String> =
        names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(names).filter(|names| !names.is_empty())
}

/// The text of a tracked file; `None` for what is no text, and for what is gone at the moment.
fn text_of(path: &str) -> Option<String> {
    std::fs::read(root().join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

#[test]
fn the_map_is_short() {
    let lines = read("docs/ARCHITECTURE.md").lines().count();
    assert!(
        lines <= ARCHITECTURE,
        "docs/ARCHITECTURE.md has {lines} lines, at most {ARCHITECTURE}"
    );
}

#[test]
fn decision_records_are_short_and_whole() {
    let mut broken = Vec::new();
    for (index, path) in files_below("docs/decisions", ".md").iter().enumerate() {
        let text = read(path);
        let number = format!("{:04}", index + 1);
        let name = path.trim_start_matches("docs/decisions/");
        if !name.starts_with(&format!("{number}-")) || !text.starts_with(&format!("# {number}: ")) {
            broken.push(format!("{path}: file and title begin with {number}"));
        }
        let lines = text.lines().count();
        if lines > DECISION {
            broken.push(format!("{path}: {lines} lines, at most {DECISION}"));
        }
        let chapters: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        if chapters != CHAPTERS {
            broken.push(format!("{path}: its chapters are {CHAPTERS:?}"));
        }
    }
    check("Decision records that are not as they should be:", &broken);
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#\s]+)(?:#[^)]*)?\)").unwrap();
    let mut broken = Vec::new();
    for page in pages().into_iter().chain(files_below("docs/reference", ".md")) {
        let text = without_code_blocks(&read(&page));
        for found in link.captures_iter(&text) {
            let target = &found[1];
            let beside = root().join(&page).parent().unwrap().join(target);
            if !target.contains("://") && !beside.exists() {
                broken.push(format!(
                    "{page}:{}: {target}",
                    line_of(&text, found.get(0).unwrap().start())
                ));
            }
        }
    }
    check("Links to nowhere:", &broken);
}

#[test]
fn what_the_docs_name_exists() {
    let place = Regex::new(r"`((?:src|tests|docs|scripts)/[\w./-]*)(?:::(\w+))?`").unwrap();
    let mut broken = Vec::new();
    for page in pages() {
        let text = without_code_blocks(&read(&page));
        for found in place.captures_iter(&text) {
            let (path, name) = (&found[1], found.get(2).map(|name| name.as_str()));
            let at = line_of(&text, found.get(0).unwrap().start());
            if !root().join(path).exists() {
                broken.push(format!("{page}:{at}: there is no {path}"));
            } else if name.is_some_and(|name| !is_declared(path, name)) {
                broken.push(format!("{page}:{at}: nothing in {path} is called {}", name.unwrap()));
            }
        }
    }
    check("The docs name what does not exist (any more):", &broken);
}

/// Whether the file at `path` declares something called `name`.
fn is_declared(path: &str, name: &str) -> bool {
    let kinds = "fn|struct|enum|trait|type|const|static|mod|macro_rules!";
    let declared = Regex::new(&format!(r"\b(?:{kinds})\s+{name}\b|^\s+{name}\b[ ,({{]")).unwrap();
    SRC.iter()
        .chain(TESTS.iter())
        .find(|source| source.path == path)
        .is_some_and(|source| source.code.lines().any(|line| declared.is_match(line)))
}

#[test]
fn a_line_holds_one_sentence() {
    let two = Regex::new(r"[a-z)`\x22][.!?] [A-Z`]").unwrap();
    let mut broken = Vec::new();
    for page in pages().iter().filter(|page| page.starts_with("docs/")) {
        let text = without_code_blocks(&read(page));
        let prose =
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('|'));
        let crowded = prose.filter(|(_, line)| two.is_match(line));
        broken.extend(crowded.map(|(index, _)| format!("{page}:{}", index + 1)));
    }
    check("One sentence per line: changes of the docs are read line by line too.", &broken);
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let Some(files) = tracked() else { return };
    let places =
        Regex::new(concat!(r"(?:^|[^\w.$}~-])(/(?:wo", r"rk|ro", r"ot|tmp/[wt])(?:/[\w.-]*|\b))"))
            .unwrap();
    let server = Regex::new(r"\bhttps?://(?:[^\s/@\x22]*@)?([\w.-]+)").unwrap();
    let mut broken = Vec::new();
    for path in files.iter().filter(|path| *path != "LICENSE") {
        let Some(text) = text_of(path) else { continue };
        for found in places.captures_iter(&text) {
            broken.push(format!(
                "{path}:{}: {}",
                line_of(&text, found.get(1).unwrap().start()),
                &found[1]
            ));
        }
        if path == "Cargo.lock" || path.starts_with("tests/fixtures/") {
            continue;
        }
        for found in server.captures_iter(&text) {
            let host = found[1].trim_end_matches('.');
            let invented = !host.contains('.')
                || [".invalid", ".example", ".test"].iter().any(|end| host.ends_with(end))
                || host.contains("example.");
            if !invented && !SERVERS.contains(&host) {
                broken.push(format!(
                    "{path}:{}: {host}",
                    line_of(&text, found.get(0).unwrap().start())
                ));
            }
        }
    }
    check("Machines, their directories and servers that are nobody else's business:", &broken);
}

#[test]
fn dependencies_come_from_the_public_registry() {
    let elsewhere: Vec<String> = read("Cargo.lock")
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .filter(|source| *source != "\"registry+https://github.com/rust-lang/crates.io-index\"")
        .map(str::to_owned)
        .collect();
    check("Dependencies from elsewhere than crates.io:", &elsewhere);
}

#[test]
fn generated_pages_say_that_they_are_and_are_compared() {
    let mut broken = Vec::new();
    for page in files_below("docs/reference", ".md") {
        let name = page.trim_start_matches("docs/");
        let compared = SRC.iter().any(|source| source.text.contains(name));
        if !read(&page).starts_with("<!-- Generated") || !compared {
            broken.push(page);
        }
    }
    check("A page in docs/reference is generated, says so, and a test compares it:", &broken);
}
