//! Every invariant of `docs/ARCHITECTURE.md` names the tests that prove it, and those tests exist.

use std::collections::BTreeMap;

use regex::Regex;

use super::sources::{SRC, TESTS, check, read};

/// How many invariants there are: a new one needs a number and a test.
const INVARIANTS: usize = 16;

/// Where they are stated: from this heading to the next.
const CHAPTER: &str = "## Invariants";

/// The invariants as stated: number → text, to the next number or the end of the chapter.
fn stated() -> BTreeMap<usize, String> {
    let text = read("docs/ARCHITECTURE.md");
    let chapter = text.split(CHAPTER).nth(1).unwrap_or_default();
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let item = Regex::new(r"^(\d+)\. ").unwrap();
    let mut found: BTreeMap<usize, String> = BTreeMap::new();
    let mut current = 0;
    for line in chapter.lines() {
        if let Some(number) = item.captures(line) {
            current = number[1].parse().unwrap();
        }
        found.entry(current).or_default().extend([line, "\n"]);
    }
    found.remove(&0);
    found
}

/// Tests that `text` names, as (file, function): `` `path/to/file.rs::name` ``, and `` `name` `` further in that file.
fn named_tests(text: &str) -> Vec<(String, String)> {
    let quoted = Regex::new(r"`(?:([\w/]+\.rs)::)?([a-z]\w*)`").unwrap();
    let mut file = String::new();
    let proofs = text.split("Proven by").nth(1).unwrap_or_default();
    quoted
        .captures_iter(proofs)
        .map(|found| {
            if let Some(path) = found.get(1) {
                path.as_str().clone_into(&mut file);
            }
            (file.clone(), found[2].to_owned())
        })
        .collect()
}

/// Whether the file at `path` has a test called `name`.
fn is_test(path: &str, name: &str) -> bool {
    let declared = Regex::new(&format!(r"\bfn\s+{name}\s*[(<]")).unwrap();
    let found = SRC.iter().chain(TESTS.iter()).find(|source| source.path == path);
    found.is_some_and(|source| {
        declared.is_match(&source.code) && !declared.is_match(&source.product)
            || source.path.starts_with("tests/") && declared.is_match(&source.code)
    })
}

#[test]
fn every_invariant_is_proven_by_tests_that_exist() {
    let stated = stated();
    let mut broken = Vec::new();
    for number in 1..=INVARIANTS {
        let tests = stated.get(&number).map(|text| named_tests(text)).unwrap_or_default();
        if tests.is_empty() {
            broken.push(format!("invariant {number} names no test"));
        }
        for (path, name) in tests {
            if !is_test(&path, &name) {
                broken.push(format!("invariant {number}: there is no test `{name}` in {path}"));
            }
        }
    }
    check("The invariants of docs/ARCHITECTURE.md and their tests:", &broken);
}

#[test]
fn tests_that_carry_an_invariants_number_carry_the_right_one() {
    let numbered = Regex::new(r"\bfn\s+(invariant_(\d+)_\w+)").unwrap();
    let stated = stated();
    let mut broken = Vec::new();
    for source in SRC.iter().chain(TESTS.iter()) {
        for found in numbered.captures_iter(&source.code) {
            let number: usize = found[2].parse().unwrap();
            if !stated.contains_key(&number) {
                broken.push(format!("{}: {}", source.path, &found[1]));
            }
        }
    }
    check("There are no invariants with these numbers:", &broken);
}
