//! No foreign type outside its folder: where each dependency, and each dangerous part of the standard library, may
//! appear in `src`. A new dependency needs a line here, and a line in its commit that says what it replaces.

use std::collections::BTreeSet;

use super::arrows::words;
use super::lexer::line_of;
use super::sources::{SRC, Source, check, read};

/// Vocabulary rather than machinery: it may appear anywhere.
const ANYWHERE: &[&str] = &[
    "async_trait",
    "hex",
    "secrecy",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "tokio",
    "tokio_util",
    "tracing",
    "uuid",
];

/// Paths that belong to one part of the code, and where that is. What only tests say is not looked at.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["src/surfaces/http/"]),
    (
        "base64",
        &[
            "src/trackers/azure_devops/service.rs",
            "src/trackers/azure_devops/comment.rs",
            "src/forges/address.rs",
            "src/surfaces/http/secrets.rs",
        ],
    ),
    (
        "chrono",
        &[
            "src/domain/time.rs",
            "src/planner/gates/hours.rs",
            "src/config/schedule.rs",
            "src/agents/reset_time.rs",
            "src/process/process_table/listing.rs",
            "src/trackers/local/front_matter.rs",
            "src/runtime/simulation/scenario/",
            "src/surfaces/",
        ],
    ),
    (
        "chrono_tz",
        &[
            "src/domain/policy.rs",
            "src/planner/",
            "src/config/",
            "src/agents/reset_time.rs",
            "src/runtime/simulation/scenario/",
        ],
    ),
    ("clap", &["src/surfaces/cli/"]),
    ("cron", &["src/config/"]),
    ("dotenvy", &["src/config/"]),
    ("figment", &["src/config/"]),
    (
        "hmac",
        &["src/trackers/status_comment.rs", "src/forges/marker.rs", "src/surfaces/http/secrets.rs"],
    ),
    ("hyper", &["src/surfaces/http/server.rs"]),
    ("hyper_util", &["src/surfaces/http/server.rs"]),
    ("regex", &["src/agents/", "src/pipeline/stuck.rs"]),
    (
        "reqwest",
        &[
            "src/agents/responses/wire/client.rs",
            "src/http/client.rs",
            "src/surfaces/discord/service/rest.rs",
        ],
    ),
    ("rusqlite", &["src/store/sqlite/"]),
    (
        "rustix",
        &[
            "src/process/",
            "src/agents/scripted/",
            "src/store/sqlite/",
            "src/trackers/local/",
            "src/surfaces/",
        ],
    ),
    ("saphyr_parser", &["src/pipeline/workflow/front_matter.rs"]),
    ("serenity", &["src/surfaces/discord/service/"]),
    (
        "strsim",
        &[
            "src/config/",
            "src/trackers/local/front_matter.rs",
            "src/runtime/engine/provider.rs",
            "src/runtime/simulation/scenario/",
            "src/surfaces/discord/parse.rs",
        ],
    ),
    (
        "tempfile",
        &[
            "src/agents/probe.rs",
            "src/agents/probe/",
            "src/workspaces/git/",
            "src/surfaces/cli/demo/",
        ],
    ),
    (
        "toml",
        &[
            "src/config/",
            "src/agents/scripted/",
            "src/runtime/simulation/scenario/",
            "src/surfaces/cli/demo/",
        ],
    ),
    ("toml_edit", &["src/trackers/local/"]),
    ("tracing_subscriber", &["src/telemetry.rs"]),
    ("unicode_segmentation", &["src/surfaces/discord/text.rs"]),
    // Parts of crates that are dangerous on their own.
    ("tokio::process", &["src/process/"]),
    ("tokio::net", &["src/runtime/keeper/", "src/surfaces/"]),
    ("tokio::signal", &["src/runtime/keeper/", "src/surfaces/cli/", "src/agents/scripted/"]),
    ("tokio::task", &["src/runtime/tasks.rs", "src/trackers/local/mod.rs"]),
    (
        "std::net",
        &[
            "src/config/discord.rs",
            "src/config/http.rs",
            "src/surfaces/discord/",
            "src/surfaces/http/",
            "src/surfaces/cli/",
        ],
    ),
    ("std::env", &["src/config/environment.rs", "src/surfaces/cli/"]),
    ("std::os::unix::net", &[]),
];

/// Crates that only tests know.
const NOT_IN_PRODUCT: &[&str] = &[
    "assert_cmd",
    "futures_util",
    "insta",
    "jsonschema",
    "proptest",
    "rcgen",
    "tokio_rustls",
    "tokio_tungstenite",
];

fn may_appear(name: &str, path: &str) -> bool {
    match HOMES.iter().find(|(home, _)| *home == name) {
        Some((_, places)) => places.iter().any(|place| path.starts_with(place)),
        None => ANYWHERE.contains(&name),
    }
}

fn strangers(source: &Source) -> Vec<String> {
    let code = &source.product;
    let mut broken = Vec::new();
    for (at, _) in words(code) {
        let first_of_path = !code[..at].trim_end().ends_with("::");
        if !first_of_path {
            continue;
        }
        for (name, _) in HOMES {
            if is_path(&code[at..], name) && !may_appear(name, &source.path) {
                broken.push(format!("{}:{}: `{name}`", source.path, line_of(code, at)));
            }
        }
        for name in NOT_IN_PRODUCT {
            if is_path(&code[at..], name) {
                broken.push(format!("{}:{}: `{name}`", source.path, line_of(code, at)));
            }
        }
    }
    broken
}

/// Whether `code` begins with the path `name` followed by `::` or the end of a `use`.
fn is_path(code: &str, name: &str) -> bool {
    code.strip_prefix(name).is_some_and(|rest| rest.starts_with("::") || rest.starts_with(';'))
}

/// Names of the packages in the sections of `Cargo.toml` that `wanted` picks, as Rust writes them.
fn packages(wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    manifest
        .iter()
        .filter(|(section, _)| wanted(section))
        .flat_map(|(_, table)| table.as_table().unwrap().keys())
        .map(|name| name.replace('-', "_"))
        .collect()
}

#[test]
fn foreign_types_stay_in_their_folders() {
    let broken: Vec<String> = SRC.iter().flat_map(strangers).collect();
    check(
        "These foreign names are outside their folder. Wrap what they do where they belong and pass our own types.",
        &broken,
    );
}

#[test]
fn every_dependency_has_a_place() {
    let mut broken = Vec::new();
    for name in packages(|section| section == "dependencies") {
        let is_known = ANYWHERE.contains(&name.as_str()) || HOMES.iter().any(|(n, _)| *n == name);
        if !is_known {
            broken.push(format!("{name}: where may it appear? (`HOMES` in this file)"));
        }
    }
    for name in packages(|section| section == "dev-dependencies") {
        let has_place = NOT_IN_PRODUCT.contains(&name.as_str())
            || ANYWHERE.contains(&name.as_str())
            || HOMES.iter().any(|(home, _)| *home == name);
        if !has_place {
            broken.push(format!("{name}: only for tests? (`NOT_IN_PRODUCT` in this file)"));
        }
    }
    check("Dependencies without a place:", &broken);
}

#[test]
fn every_dependency_is_used() {
    let broken: Vec<String> = packages(|section| section == "dependencies")
        .into_iter()
        .filter(|name| {
            !SRC.iter().any(|source| words(&source.product).any(|(_, word)| word == name))
        })
        .collect();
    check("Nobody uses these dependencies; take them out of `Cargo.toml`:", &broken);
}

#[test]
fn every_place_still_exists() {
    let mut broken = Vec::new();
    for (name, places) in HOMES {
        for place in *places {
            let mut there = SRC.iter().filter(|source| source.path.starts_with(place)).peekable();
            if there.peek().is_some() && !there.any(|source| source.code.contains(name)) {
                broken.push(format!("{name}: {place}"));
            }
        }
    }
    check("Nobody uses these names there any more; take the places out of `HOMES`:", &broken);
}
