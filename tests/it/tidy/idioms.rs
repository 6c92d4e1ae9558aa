//! Ways of writing that this crate does without, as far as clippy does not see them.

use regex::Regex;

use super::lexer::{end_of_braces, line_of};
use super::sources::{SRC, Source, TESTS, check};

/// Files that may start tasks and threads, and what they start.
const MAY_SPAWN: &[(&str, &str)] = &[
    ("src/runtime/tasks.rs", "every task of the daemon: named, joined, cancellable"),
    ("src/trackers/local/mod.rs", "file system work off the loop, joined in place"),
    ("src/process/sandbox.rs", "a thread that confines itself, joined in place"),
    ("src/store/sqlite/writer.rs", "the one thread that writes the log, joined on close"),
    ("src/store/sqlite/readers.rs", "the pool of threads that read the log, joined on close"),
];

/// Re-exports there are, and why.
const RE_EXPORTS: &[(&str, &str)] = &[
    ("src/runtime/engine/mod.rs", "the engine is one type over several private files"),
    ("src/runtime/simulation/mod.rs", "what its one function returns"),
];

/// Every match of `pattern` in what `text_of` shows of the files, as `path:line: match`.
fn matches<'a>(
    pattern: &str,
    files: impl Iterator<Item = &'a Source>,
    text_of: impl Fn(&'a Source) -> &'a str,
) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found = Vec::new();
    for source in files {
        let text = text_of(source);
        for hit in pattern.find_iter(text) {
            let line = line_of(text, hit.start());
            found.push(format!("{}:{line}: {}", source.path, hit.as_str().trim()));
        }
    }
    found
}

fn everything() -> impl Iterator<Item = &'static Source> {
    SRC.iter().chain(TESTS.iter())
}

fn except<'a>(list: &'a [(&str, &str)]) -> impl Fn(&&'static Source) -> bool + 'a {
    |source| !list.iter().any(|(path, _)| *path == source.path)
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let mut broken = matches(r"#!?\[\s*allow\s*\(", everything(), |source| &source.code);
    let expects = matches(r"#!?\[\s*expect\s*\([^\]]*\]", everything(), |source| &source.code);
    broken.extend(expects.into_iter().filter(|found| !found.contains("reason")));
    check(
        "Write `#[expect(lint, reason = \"…\")]`: it complains when it is no longer needed.",
        &broken,
    );
}

#[test]
fn nothing_is_left_to_be_done() {
    let code = r"\b(?:todo|unimplemented|dbg)!|#\[\s*ignore\b|#\[\s*should_panic\b";
    let mut broken = matches(code, everything(), |source| &source.code);
    let words = concat!(r"//.*\b(?:TO", r"DO|FIX", r"ME|XX", r"X)\b");
    broken.extend(matches(words, everything(), |source| &source.text));
    check("Do it, or write an issue.", &broken);
}

#[test]
fn product_code_does_not_panic_on_purpose() {
    let pattern = r"\.unwrap\(\)|\.expect\(|\.expect_err\(|\b(?:panic|unreachable|assert|assert_eq|assert_ne)!";
    let expected =
        Regex::new(r"#\[\s*expect\s*\(\s*clippy::(?:expect_used|unwrap_used|panic)").unwrap();
    let mut broken = Vec::new();
    for source in SRC.iter() {
        let stated = expected.find_iter(&source.product).count();
        let found = matches(pattern, std::iter::once(source), |source| &source.product);
        if found.len() > stated {
            broken.extend(found);
        }
    }
    check(
        "Return an error, or state the invariant: `#[expect(clippy::expect_used, reason = \"…\")]`.",
        &broken,
    );
}

#[test]
fn tasks_and_threads_start_where_they_are_joined() {
    let pattern =
        r"\btokio::(?:task::)?spawn\w*|\bthread::(?:spawn|Builder|scope)\b|\bspawn_local\b";
    let files = SRC.iter().filter(except(MAY_SPAWN));
    check(
        "Start tasks with `runtime::tasks::Tasks::spawn`: named, joined, cancellable.",
        &matches(pattern, files, |source| &source.product),
    );
}

#[test]
fn names_are_imported_one_by_one() {
    let mut broken = matches(r"\buse\b[^;]*::\*", SRC.iter(), |source| &source.product);
    broken.extend(matches(
        r"\bpub(?:\([^)]*\))?\s+use\b[^;]*;",
        SRC.iter().filter(except(RE_EXPORTS)),
        |source| &source.product,
    ));
    check("No glob imports and no re-exports: a thing is found where it is.", &broken);
}

#[test]
fn a_module_is_named_after_what_is_in_it() {
    let vague =
        ["common", "core", "helper", "helpers", "lib", "misc", "prelude", "types", "util", "utils"];
    let broken: Vec<String> = SRC
        .iter()
        .filter(|source| source.module().iter().any(|name| vague.contains(&name.as_str())))
        .map(|source| source.path.clone())
        .collect();
    check("These names say nothing.", &broken);
}

#[test]
fn domain_things_have_plain_names() {
    let pattern = r"\b(?:struct|enum|trait)\s+\w*(?:Manager|Helper|Util|Utils|Service|Handler)\b";
    check(
        "Name the thing, not that something is done with it; if nothing is left, write a function.",
        &matches(pattern, SRC.iter(), |source| &source.product),
    );
}

#[test]
fn outcomes_are_matched_without_a_wildcard() {
    let wildcard = Regex::new(r"(?m)^\s*_\s*=>").unwrap();
    let outcome = Regex::new(r"(?m)^\s*(?:\|\s*)?(?:Some\()?&?Outcome::").unwrap();
    let mut broken = Vec::new();
    for source in SRC.iter() {
        for (at, arms) in matches_in(&source.product) {
            if outcome.is_match(&arms) && wildcard.is_match(&arms) {
                broken.push(format!("{}:{}", source.path, line_of(&source.product, at)));
            }
        }
    }
    check(
        "Outcomes are a closed list: name every one, so that a new one cannot be forgotten.",
        &broken,
    );
}

/// Where the `match` expressions of `code` begin, and their arms without the blocks inside them.
fn matches_in(code: &str) -> Vec<(usize, String)> {
    let head = Regex::new(r"\bmatch\b[^;{}]*\{").unwrap();
    head.find_iter(code)
        .map(|found| {
            let end = end_of_braces(code, found.end() - 1);
            let mut depth = 0_usize;
            let mut arms = String::new();
            for c in code[found.end()..end].chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    c if depth == 0 => arms.push(c),
                    _ => {}
                }
            }
            (found.start(), arms)
        })
        .collect()
}
