//! What may stand in `config.toml`: one description per key, from which checking, defaults and the reference page come.
//!
//! Each section's file holds the keys of that section beside the code that reads them; this file holds the types of
//! the description and the root.

use super::{
    agents, autonomous, azdo, budget, context, daemon, discord, github, http, keeper, local, pace,
    projects, retention, slots,
};
use super::{sandbox, store, wip};

/// What one value may be.
pub(super) enum Kind {
    /// Text. An empty string counts as leaving the key out.
    Text,
    /// Text that is never shown again.
    Secret,
    /// A path: `~` expands, relative ones start at the configuration file.
    Path,
    /// A program: a bare name is looked up when it is started, anything with a slash is a path.
    Program,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds, both included.
    Count(u64, u64),
    /// A whole number from 1, or `"unlimited"`.
    Limit(u64),
    /// US dollars, with cents where needed, or `"unlimited"`.
    Money,
    /// One of the words; the second list holds words that are understood and refused, with the reason.
    Choice(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A span of time such as `"90s"`, `"30m"` or `"2h"`, within bounds in milliseconds, both included.
    Span(u64, u64),
    /// A list of texts.
    Texts,
}

/// What stands under a key.
pub(super) enum Shape {
    /// One value.
    Value(Kind),
    /// A table with these keys.
    Table(&'static [Key]),
    /// An array of tables with these keys.
    Tables(&'static [Key]),
    /// A table whose keys are names of the operator's choice, described by the word, each over the shape.
    Map(&'static str, &'static Self),
}

/// What holds when a key is left out.
pub(super) enum Presence {
    /// This TOML value, `${VAR}` included.
    Default(&'static str),
    /// What the words say.
    Optional(&'static str),
    /// It may not be left out.
    Required,
}

/// One key.
pub(super) struct Key {
    /// Its name in `config.toml`.
    pub(super) name: &'static str,
    /// Other names that are understood. The camelCase and kebab-case forms of `name` always are.
    pub(super) aliases: &'static [&'static str],
    /// What stands under it.
    pub(super) shape: Shape,
    /// What holds without it.
    pub(super) presence: Presence,
    /// One or two sentences for the reference page.
    pub(super) about: &'static str,
}

impl Key {
    /// A key with a default, given as TOML.
    pub(super) const fn with_default(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        let (shape, presence) = (Shape::Value(kind), Presence::Default(default));
        Self { name, aliases: &[], shape, presence, about }
    }

    /// A key that may be left out, with what holds then.
    pub(super) const fn optional(
        name: &'static str,
        kind: Kind,
        without: &'static str,
        about: &'static str,
    ) -> Self {
        let (shape, presence) = (Shape::Value(kind), Presence::Optional(without));
        Self { name, aliases: &[], shape, presence, about }
    }

    /// A key that must be there.
    pub(super) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Self {
        let (shape, presence) = (Shape::Value(kind), Presence::Required);
        Self { name, aliases: &[], shape, presence, about }
    }

    /// A table, an array of tables or a map.
    pub(super) const fn group(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, aliases: &[], shape, presence: Presence::Optional(""), about }
    }

    /// The same key, also understood under other names.
    pub(super) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Whether `written` means this key.
    pub(super) fn is_called(&self, written: &str) -> bool {
        self.name == written
            || self.aliases.contains(&written)
            || self.name == snake_case(written)
            || self.aliases.iter().any(|alias| *alias == snake_case(written))
    }
}

/// The whole file.
pub(super) static ROOT: &[Key] = &[
    Key::with_default(
        "adapter",
        Kind::Text,
        "\"claude\"",
        "Agent of every stage that names none: the name of an `[agents.<name>]` table, or a kind.",
    ),
    Key::with_default(
        "language",
        Kind::Choice(&["en", "ko"], &[]),
        "\"en\"",
        "The language that agents are spoken to in.",
    )
    .alias(&["locale"]),
    Key::group("daemon", Shape::Table(daemon::KEYS), "The process itself."),
    Key::group("store", Shape::Table(store::KEYS), "Where the event log lives."),
    Key::group("projects", Shape::Tables(projects::KEYS), "The repositories to work on."),
    Key::group("autonomous", Shape::Table(autonomous::KEYS), "What is started, when, and how."),
    Key::group("context", Shape::Table(context::KEYS), "What goes into prompts beside the task."),
    Key::group("pace", Shape::Table(pace::KEYS), "How many runs may start, and when none may."),
    Key::group("budget", Shape::Table(budget::KEYS), "What work may cost."),
    Key::group("slots", Shape::Table(slots::KEYS), "How many runs may be under way at once."),
    Key::group("sandbox", Shape::Table(sandbox::KEYS), "What agents may write and connect to."),
    Key::group("wip", Shape::Table(wip::KEYS), "How much may wait for people."),
    Key::group("keeper", Shape::Table(keeper::KEYS), "How agents are kept."),
    Key::group("retention", Shape::Table(retention::KEYS), "How long things are kept."),
    Key::group("local", Shape::Table(local::KEYS), "Work items in a directory of Markdown files."),
    Key::group("azdo", Shape::Table(azdo::KEYS), "Work items of a project on Azure DevOps."),
    Key::group("github", Shape::Table(github::KEYS), "Issues of GitHub repositories."),
    Key::group("http", Shape::Table(http::KEYS), "The daemon's port, to which webhooks come."),
    Key::group(
        "discord",
        Shape::Table(discord::KEYS),
        "Who may talk to the factory on Discord, and where it reports.",
    ),
    Key::group(
        "agents",
        Shape::Map("name", &Shape::Table(agents::KEYS)),
        "The coding agents. A kind that needs no settings can be used without a table.",
    ),
];

/// Why a key that other versions have is refused here, if that is known.
pub(super) fn not_here(path: &str) -> Option<&'static str> {
    const LATER: &str = "not in this version; remove it";
    let last = path.rsplit('.').next().unwrap_or(path);
    match path {
        "linear" | "notifications" | "monitors" | "memory" => Some(LATER),
        _ if path.starts_with("projects[") && snake_case(last) == "heartbeat_interval" => {
            Some("projects have no heartbeat of their own: `autonomous.schedule` is for all")
        }
        _ => None,
    }
}

/// `defaultStages` and `stage-documenter` as this file writes them.
pub(super) fn snake_case(written: &str) -> String {
    let mut name = String::with_capacity(written.len() + 4);
    for character in written.chars() {
        if character == '-' {
            name.push('_');
        } else if character.is_ascii_uppercase() {
            if !name.is_empty() {
                name.push('_');
            }
            name.push(character.to_ascii_lowercase());
        } else {
            name.push(character);
        }
    }
    name
}

/// `parent.name`, with quotes where TOML wants them.
pub(super) fn join(parent: &str, name: &str) -> String {
    let bare = !name.is_empty()
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-');
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}
