//! Checked values, as the sections read them: every value is of its kind and within its bounds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::schema::join;

/// One checked value. Not printable: it may be a secret.
pub(super) enum Setting {
    Text(String),
    Path(PathBuf),
    Boolean(bool),
    Count(u64),
    /// `None` is `"unlimited"`; money is in millionths of a dollar.
    Limit(Option<u64>),
    Texts(Vec<String>),
    Table(Section),
    Tables(Vec<Section>),
}

/// A checked table. Keys with a default are always in it.
pub(super) struct Section {
    /// Its path, empty for the root.
    pub(super) path: String,
    /// Its values.
    pub(super) values: BTreeMap<String, Setting>,
}

impl Section {
    /// The path of a key in this section.
    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Text, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Text, owned, if it is there.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A path, if it is there.
    pub(super) fn file(&self, name: &str) -> Option<&Path> {
        match self.values.get(name) {
            Some(Setting::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// A yes or no, if it is there.
    pub(super) fn choice(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(Setting::Boolean(value)) => Some(*value),
            _ => None,
        }
    }

    /// A yes or no that has a default.
    pub(super) fn is(&self, name: &str) -> bool {
        self.choice(name).unwrap_or_default()
    }

    /// A number, if it is there.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.values.get(name) {
            Some(Setting::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// A number that has a default.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.number(name).unwrap_or_default()
    }

    /// A limit that has a default; `None` is no limit.
    pub(super) fn limit(&self, name: &str) -> Option<u64> {
        match self.values.get(name) {
            Some(Setting::Limit(limit)) => *limit,
            _ => None,
        }
    }

    /// A limit that may be "unlimited"; `otherwise` if nothing is said.
    pub(super) fn limit_or(&self, name: &str, otherwise: Option<u64>) -> Option<u64> {
        match self.values.get(name) {
            Some(Setting::Limit(limit)) => *limit,
            _ => otherwise,
        }
    }

    /// A limit whose bound keeps it below 2³².
    pub(super) fn small_limit(&self, name: &str) -> Option<u32> {
        self.limit(name).map(small)
    }

    /// A list of texts; empty if it is not there.
    pub(super) fn texts(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// The table under `name`: checking puts in every table that the schema has.
    pub(super) fn table(&self, name: &str) -> &Self {
        static EMPTY: Section = Section { path: String::new(), values: BTreeMap::new() };
        match self.values.get(name) {
            Some(Setting::Table(table)) => table,
            _ => &EMPTY,
        }
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, name: &str) -> &[Self] {
        match self.values.get(name) {
            Some(Setting::Tables(tables)) => tables,
            _ => &[],
        }
    }

    /// The tables of a map, by name.
    pub(super) fn named_tables(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.values.iter().filter_map(|(name, value)| match value {
            Setting::Table(table) => Some((name.as_str(), table)),
            _ => None,
        })
    }
}

/// A number whose bound in the schema is below 2³².
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
