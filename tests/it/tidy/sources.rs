//! The files of this repository as the rules see them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::lexer::{end_of_item, without_comments_and_strings, without_test_items};

/// One Rust file.
pub(super) struct Source {
    /// Path from the root of the repository, with `/`.
    pub(super) path: String,
    /// As it is.
    pub(super) text: String,
    /// Without comments and the contents of strings.
    pub(super) code: String,
    /// `code` without what is compiled for tests only; empty when that is the whole file.
    pub(super) product: String,
    /// Whether the whole file is compiled for tests only.
    pub(super) test_only: bool,
}

impl Source {
    /// The path of its module from the crate's root: `src/store/sqlite/mod.rs` is `store`, `sqlite`.
    pub(super) fn module(&self) -> Vec<String> {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        let path = path.strip_suffix("/mod").unwrap_or(path);
        match path {
            "lib" | "main" => Vec::new(),
            path => path.split('/').map(str::to_owned).collect(),
        }
    }
}

/// Every file below `src`, with what of it is product.
pub(super) static SRC: LazyLock<Vec<Source>> =
    LazyLock::new(|| read_tree("src", &["src/lib.rs", "src/main.rs"]));

/// Every file below `tests/it`.
pub(super) static TESTS: LazyLock<Vec<Source>> =
    LazyLock::new(|| read_tree("tests/it", &["tests/it/main.rs"]));

/// Root of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Contents of the file at `path` from the root.
pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Paths of all files below `folder` that end in `ending`, from the root, sorted.
pub(super) fn files_below(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(from_root(&path));
            }
        }
    }
    found.sort();
    found
}

/// Fails with the broken rule, what to do about it, and every place where it is broken.
#[track_caller]
pub(super) fn check(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}

/// Modules that `code` declares in files of their own.
fn declared(code: &str) -> impl Iterator<Item = &str> {
    static MODULE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").unwrap());
    MODULE.captures_iter(code).map(|found| found.get(1).unwrap().as_str())
}

/// Where the module `name`, declared in the file at `path`, may be.
fn places(path: &str, name: &str) -> [String; 2] {
    let path = Path::new(path);
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") | None => path.parent().unwrap().to_owned(),
        Some(stem) => path.with_file_name(stem),
    };
    let folder = folder.display();
    [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]
}

/// Reads a tree of modules from its roots. Files that no module declares come last, as test-only.
fn read_tree(folder: &str, roots: &[&str]) -> Vec<Source> {
    let files: BTreeSet<String> = files_below(folder, ".rs").into_iter().collect();
    let mut reached: BTreeMap<String, bool> = BTreeMap::new();
    let mut open: Vec<(String, bool)> =
        roots.iter().map(|root| ((*root).to_owned(), false)).collect();
    while let Some((path, test_only)) = open.pop() {
        if reached.get(&path).is_some_and(|known| !*known || test_only) {
            continue;
        }
        reached.insert(path.clone(), test_only);
        let code = without_comments_and_strings(&read(&path));
        let product = without_test_items(&code);
        let in_product: BTreeSet<&str> = declared(&product).collect();
        for name in declared(&code) {
            let test_only = test_only || !in_product.contains(name);
            open.extend(
                places(&path, name)
                    .into_iter()
                    .filter(|place| files.contains(place))
                    .map(|place| (place, test_only)),
            );
        }
    }
    files
        .into_iter()
        .map(|path| {
            let text = read(&path);
            let code = without_comments_and_strings(&text);
            let test_only = reached.get(&path).copied().unwrap_or(true);
            let product = if test_only { String::new() } else { without_test_items(&code) };
            Source { path, text, code, product, test_only }
        })
        .collect()
}

/// Files below `folder` that no module declares.
fn forgotten(folder: &str, sources: &[Source], roots: &[&str]) -> Vec<String> {
    let declared_places: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| {
            declared(&source.code).flat_map(|name| places(&source.path, name)).collect::<Vec<_>>()
        })
        .collect();
    sources
        .iter()
        .map(|source| source.path.clone())
        .filter(|path| !roots.contains(&path.as_str()) && !declared_places.contains(path))
        .map(|path| format!("{path} (below {folder})"))
        .collect()
}

fn from_root(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).unwrap().components().collect();
    path.to_string_lossy().replace('\\', "/")
}

#[test]
fn no_file_is_forgotten() {
    let mut broken = forgotten("src", &SRC, &["src/lib.rs", "src/main.rs"]);
    broken.extend(forgotten("tests/it", &TESTS, &["tests/it/main.rs"]));
    check("These files are compiled by nobody: declare them with `mod`, or delete them.", &broken);
}

/// Where stand-ins for services come in that the integration tests have: they are only test code, and each has one place.
const SHARED: &[&str] = &["src/lib.rs", "src/forges/mod.rs"];

#[test]
fn modules_are_where_their_names_say() {
    let broken: Vec<String> = SRC
        .iter()
        .chain(TESTS.iter())
        .filter(|source| source.code.contains("#[path"))
        .filter(|source| !SHARED.contains(&source.path.as_str()))
        .map(|source| source.path.clone())
        .collect();
    check("`#[path]` hides where a module is: move the file instead.", &broken);
}

#[test]
fn each_folder_says_what_it_is_for() {
    let mut broken = Vec::new();
    for source in SRC.iter().filter(|source| !source.test_only) {
        let is_folder = source.path.ends_with("/mod.rs")
            || declared(&source.product).next().is_some()
            || source.module().len() <= 1;
        let in_main = source.path == "src/main.rs";
        if is_folder && !in_main && !source.text.starts_with("//!") {
            broken.push(source.path.clone());
        }
    }
    check(
        "A folder begins with `//!`: what it is responsible for, what it must never do.",
        &broken,
    );
}

#[test]
fn a_test_only_item_ends_where_its_braces_end() {
    let code = "fn a() {}\n#[cfg(test)]\nfn b(x: [u8; 2]) { { } }\nfn c() {}\n";
    let end = end_of_item(code, code.find("fn b").unwrap());
    assert!(code[end..].trim_start().starts_with("fn c"));
}
