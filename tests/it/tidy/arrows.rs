//! Who may use whom: the dependency arrows between the modules of the crate, by the `crate::` and `super::` paths in
//! the code. Why they are drawn like this: `docs/decisions/0002` and `0003`.

use std::collections::BTreeSet;

use super::lexer::line_of;
use super::sources::{SRC, Source, check};

/// A module and those it may use, itself aside. Whatever is not listed is forbidden, in tests too.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("locale", &["domain"]),
    ("planner", &["domain"]),
    ("pipeline", &["domain", "locale"]),
    ("process", &["domain"]),
    ("agents", &["domain", "process"]),
    ("http", &["domain"]),
    ("trackers", &["domain", "http"]),
    ("forges", &["domain", "process", "http"]),
    ("workspaces", &["domain", "process"]),
    ("store", &["domain", "pipeline"]),
    (
        "runtime",
        &[
            "domain",
            "locale",
            "planner",
            "pipeline",
            "process",
            "agents",
            "trackers",
            "forges",
            "workspaces",
            "store",
        ],
    ),
    (
        "config",
        &["domain", "process", "agents", "trackers", "forges", "workspaces", "store", "runtime"],
    ),
    ("surfaces", &["domain", "store", "runtime"]),
    ("surfaces::discord", &["domain", "locale", "store", "runtime", "surfaces"]),
    ("telemetry", &[]),
    (
        "daemon",
        &[
            "domain",
            "planner",
            "pipeline",
            "process",
            "agents",
            "http",
            "trackers",
            "forges",
            "workspaces",
            "store",
            "runtime",
            "config",
            "surfaces",
            "telemetry",
        ],
    ),
    (
        "surfaces::cli",
        &[
            "domain",
            "locale",
            "planner",
            "pipeline",
            "process",
            "agents",
            "http",
            "trackers",
            "forges",
            "workspaces",
            "store",
            "runtime",
            "config",
            "surfaces",
            "surfaces::discord",
            "daemon",
            "telemetry",
        ],
    ),
    ("main", &["surfaces::cli"]),
];

/// The entry of `MAY_USE` that a path from the crate's root belongs to.
fn layer(path: &[String]) -> Option<&'static str> {
    let joined = path.iter().take(2).cloned().collect::<Vec<_>>().join("::");
    let first = path.first().map_or("", String::as_str);
    let named = |name: &str| MAY_USE.iter().map(|(layer, _)| *layer).find(|layer| *layer == name);
    named(&joined).or_else(|| named(first))
}

/// Every path in `code` that begins with `crate`, `super` or the name of the library, from the crate's root, and where
/// it stands. Groups are taken apart.
pub(super) fn own_paths(code: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, word) in words(code) {
        let before = code[..at].trim_end();
        if before.ends_with("::") {
            continue;
        }
        let base = match word {
            "crate" | "enact_factory" => Vec::new(),
            "super" => module[..module.len().saturating_sub(1)].to_vec(),
            _ => continue,
        };
        let mut paths = Vec::new();
        tree(&code[at + word.len()..], base, &mut paths);
        found.extend(paths.into_iter().map(|path| (at, path)));
    }
    found
}

/// Takes the path at the front of `rest` apart: `::a::b`, `::super::a`, `::{a, b::c}`. Returns what comes after it.
fn tree<'a>(rest: &'a str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let Some(after) = rest.trim_start().strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let after = after.trim_start();
    if let Some(group) = after.strip_prefix('{') {
        return branches(group, &path, found);
    }
    let word = leading_word(after);
    match word {
        "" => {
            found.push(path);
            return after;
        }
        "super" => drop(path.pop()),
        word => path.push(word.to_owned()),
    }
    tree(&after[word.len()..], path, found)
}

/// Takes a group apart, its opening brace already read.
fn branches<'a>(mut rest: &'a str, path: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let word = leading_word(rest);
        if word.is_empty() {
            return rest.strip_prefix('}').unwrap_or_default();
        }
        let mut branch = path.to_vec();
        branch.push(word.to_owned());
        rest = tree(&rest[word.len()..], branch, found);
        // A new name (`as other`) is of no interest.
        rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
    }
}

fn leading_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Identifiers in `code` and where they begin.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_part)?;
        let length = code[start..].find(|c| !is_part(c)).unwrap_or(code.len() - start);
        at = start + length;
        Some((start, &code[start..at]))
    })
}

fn broken_arrows(source: &Source) -> Vec<String> {
    let module = source.module();
    let from = match source.path.as_str() {
        "src/main.rs" => "main",
        "src/lib.rs" => return Vec::new(),
        path => match layer(&module) {
            Some(layer) => layer,
            None => return vec![format!("{path}: this module has no place in `MAY_USE`")],
        },
    };
    let allowed = MAY_USE.iter().find(|(name, _)| *name == from).map_or(&[][..], |(_, to)| *to);
    own_paths(&source.code, &module)
        .into_iter()
        .filter_map(|(at, path)| layer(&path).map(|to| (at, to)))
        .filter(|(_, to)| *to != from && !allowed.contains(to))
        .map(|(at, to)| format!("{}:{}: {from} → {to}", source.path, line_of(&source.code, at)))
        .collect()
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let broken: Vec<String> = SRC.iter().flat_map(broken_arrows).collect();
    check(
        "These paths point against the arrows. Move the code to where it may know both, or pass a value in. A new \
         arrow needs a decision record.",
        &broken,
    );
}

#[test]
fn agents_are_started_by_one_effect_only() {
    // No model in the control plane: the doors to a coding agent are opened in one place (invariant 4).
    let doors = [["process", "agent_process", "run"], ["agents", "adapter", ""]];
    let mut broken = Vec::new();
    for source in SRC.iter().filter(|source| !source.path.starts_with("src/runtime/effects/turn")) {
        // What the effect leaves to a keeper is done there and nowhere else.
        let keeps = source.path == "src/runtime/keeper/host.rs";
        if !keeps && source.product.contains("driving::drive(") {
            broken.push(source.path.clone());
        }
        let names_door =
            |name: &str| doors.iter().any(|door| door[..2].join("::") + "::" + door[2] == name);
        for (at, path) in own_paths(&source.product, &source.module()) {
            let mut name = path.join("::");
            if path.len() == 2 {
                name.push_str("::");
            }
            if names_door(&name) {
                broken.push(format!("{}:{}", source.path, line_of(&source.product, at)));
            }
        }
        let calls = ["agent_process::run(", "agents::adapter("];
        if !source.path.starts_with("src/process/")
            && calls.iter().any(|call| source.product.contains(call))
        {
            broken.push(source.path.clone());
        }
    }
    check("Only the effect of a turn drives agents:", &broken);
}

#[test]
fn the_arrows_have_no_circle() {
    // Layers whose users are all placed already can be taken away, until none is left.
    let mut open: BTreeSet<&str> = MAY_USE.iter().map(|(layer, _)| *layer).collect();
    loop {
        let free: Vec<&str> = MAY_USE
            .iter()
            .filter(|(layer, uses)| open.contains(layer) && !uses.iter().any(|u| open.contains(u)))
            .map(|(layer, _)| *layer)
            .collect();
        if free.is_empty() {
            break;
        }
        open.retain(|layer| !free.contains(layer));
    }
    assert!(open.is_empty(), "these layers use each other: {open:?}");
}

#[test]
fn paths_are_found_in_every_way_of_writing_them() {
    let module: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
    let paths = |code: &str| -> Vec<String> {
        own_paths(code, &module).into_iter().map(|(_, path)| path.join("::")).collect()
    };
    assert_eq!(
        paths("use crate::x::{y, z::{u, v as w}, self}; crate :: q"),
        ["x::y", "x::z::u", "x::z::v", "x::self", "q"]
    );
    assert_eq!(paths("super::super::x::f(); super::g(); my_crate::h()"), ["x::f", "a::g"]);
    assert_eq!(paths("pub(crate) fn f() {} pub(super) struct S;"), ["", "a"]);
    assert_eq!(paths("use enact_factory::domain::ids;"), ["domain::ids"]);
}
