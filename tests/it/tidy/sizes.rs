//! Small files and small functions. Counted are lines of code: neither blank, nor comment, nor compiled for tests only.

use super::arrows::words;
use super::lexer::{end_of_braces, line_of, lines_of_code};
use super::sources::{SRC, Source, TESTS, check};

/// Most lines of code of a file, unless it is listed below.
const FILE: usize = 300;
/// Most lines of code of any file.
const FILE_AT_ALL: usize = 500;
/// Most lines of code of a function, unless it is listed below.
const FUNCTION: usize = 60;
/// Most lines of code of any function.
const FUNCTION_AT_ALL: usize = 100;

/// Files over the rule, and why that is better than splitting them.
const LONG_FILES: &[(&str, &str)] = &[
    ("src/runtime/simulation/chronicle.rs", "a table: one line of text per event"),
    (
        "src/domain/event.rs",
        "the persisted vocabulary is one enum, and a variant cannot be elsewhere",
    ),
    (
        "src/pipeline/state.rs",
        "a run's fold is one match over every event that concerns runs; its records are the schema of one stored row",
    ),
    (
        "src/runtime/simulation/effects.rs",
        "one short function per effect, next to what it stands for",
    ),
    ("src/runtime/simulation/factory.rs", "the loop of the simulation, read beside the real one"),
    (
        "src/runtime/simulation/turns.rs",
        "what a simulated agent can do, one short function per act",
    ),
    ("src/runtime/simulation/scenario/read.rs", "one reader per key of a scenario"),
];

/// Functions over the rule (file, name), and why that is better than splitting them.
const LONG_FUNCTIONS: &[(&str, &str, &str)] =
    &[("src/runtime/simulation/chronicle.rs", "run_event", "a table: one line of text per event")];

struct Function<'a> {
    name: &'a str,
    line: usize,
    lines: usize,
}

/// Every function of `code` that has a body.
fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut all = words(code).peekable();
    while let Some((at, word)) = all.next() {
        let Some((_, name)) = all.peek().copied().filter(|_| word == "fn") else { continue };
        let Some(open) = body(code, at) else { continue };
        let end = end_of_braces(code, open);
        found.push(Function {
            name,
            line: line_of(code, at),
            lines: lines_of_code(&code[at..end]),
        });
    }
    found
}

/// Where the body of the function declared at `at` opens; `None` when it has none, or is a type.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            ';' | ',' | '=' if depth == 0 => return None,
            '{' if depth == 0 => return Some(at + offset),
            _ => {}
        }
    }
    None
}

fn product_and_tests() -> impl Iterator<Item = (&'static Source, &'static str)> {
    SRC.iter().chain(TESTS.iter()).map(|source| {
        let is_test = source.test_only || source.path.starts_with("tests/");
        (source, if is_test { source.code.as_str() } else { source.product.as_str() })
    })
}

#[test]
fn files_are_small() {
    let mut broken = Vec::new();
    for (source, code) in product_and_tests() {
        let lines = lines_of_code(code);
        let listed = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        let most = if listed || is_test(source) { FILE_AT_ALL } else { FILE };
        if lines > most {
            broken.push(format!("{}: {lines} lines of code, at most {most}", source.path));
        }
        if listed && lines <= FILE {
            broken.push(format!(
                "{}: {lines} lines of code; take it out of `LONG_FILES`",
                source.path
            ));
        }
    }
    check("Files that are too long. The next thing goes into a file of its own.", &broken);
}

#[test]
fn functions_are_small() {
    let mut broken = Vec::new();
    for (source, code) in product_and_tests() {
        for function in functions(code) {
            let listed = LONG_FUNCTIONS
                .iter()
                .any(|(path, name, _)| *path == source.path && *name == function.name);
            let most = if listed || is_test(source) { FUNCTION_AT_ALL } else { FUNCTION };
            if function.lines > most {
                let Function { name, line, lines } = function;
                broken.push(format!(
                    "{}:{line}: `{name}` has {lines} lines, at most {most}",
                    source.path
                ));
            }
        }
    }
    check("Functions that are too long. Name a part of what they do and take it out.", &broken);
}

#[test]
fn exceptions_exist_and_have_a_reason() {
    let mut broken = Vec::new();
    for (path, reason) in LONG_FILES {
        if reason.is_empty() || !SRC.iter().any(|source| source.path == *path) {
            broken.push((*path).to_owned());
        }
    }
    for (path, name, reason) in LONG_FUNCTIONS {
        let still_long = SRC.iter().filter(|source| source.path == *path).any(|source| {
            functions(&source.product).iter().any(|f| f.name == *name && f.lines > FUNCTION)
        });
        if reason.is_empty() || !still_long {
            broken.push(format!("{path}: {name}"));
        }
    }
    check("Exceptions that nobody needs any more, or without a reason:", &broken);
}

#[test]
fn only_the_entry_is_in_main() {
    let main = SRC.iter().find(|source| source.path == "src/main.rs").unwrap();
    assert!(lines_of_code(&main.product) < 40, "main.rs is argv → role → exit code, nothing else");
}

fn is_test(source: &Source) -> bool {
    source.test_only || source.path.starts_with("tests/")
}

#[test]
fn functions_are_measured_from_name_to_brace() {
    let code =
        "fn a(f: fn(u8) -> u8) -> [u8; 2] {\n\n    b();\n}\ntrait T { fn c(&self); fn d() {} }\n";
    let found: Vec<(&str, usize, usize)> =
        functions(code).iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(found, [("a", 1, 3), ("d", 5, 1)]);
}
