//! The environment as a value, so that loading is a function of its arguments.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Something that holds environment variables.
pub trait Environment {
    /// All variables whose name and value are UTF-8.
    fn variables(&self) -> BTreeMap<String, String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variables(&self) -> BTreeMap<String, String> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }
}

impl Environment for BTreeMap<String, String> {
    fn variables(&self) -> BTreeMap<String, String> {
        self.clone()
    }
}

/// What the configuration is resolved against apart from its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Where relative paths start when there is no file.
    pub cwd: PathBuf,
    /// What `~` stands for; a path with `~` is a mistake without it.
    pub home: Option<PathBuf>,
}
