//! The configuration as its users meet it: text in, settings or a report out.

mod findings;
mod gateway;
mod github;
mod keys;
mod offering;
mod random;
mod sections;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::environment::Defaults;
use super::load::{Loaded, load};
use super::report::ConfigReport;

/// A directory with a configuration, and an environment of its own.
struct Bench {
    directory: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("repository")).unwrap();
        Self { directory, environment: BTreeMap::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn defaults(&self) -> Defaults {
        Defaults { cwd: self.directory.path().to_owned(), home: Some(PathBuf::from("/home/me")) }
    }

    /// Loads `text` from a file that is named by a relative path.
    fn load(&self, text: &str) -> Result<Loaded, ConfigReport> {
        std::fs::write(self.path("config.toml"), text).unwrap();
        load(&PathBuf::from("config.toml"), &self.environment, &self.defaults())
    }

    #[track_caller]
    fn loaded(&self, text: &str) -> Loaded {
        self.load(text).unwrap_or_else(|report| panic!("{report}"))
    }

    #[track_caller]
    fn report(&self, text: &str) -> ConfigReport {
        self.load(text).expect_err("this configuration has mistakes")
    }
}

/// The report on `text`, as people see it.
#[track_caller]
fn mistakes(text: &str) -> String {
    Bench::new().report(text).to_string()
}

/// The remarks on `text`, as people see them.
#[track_caller]
fn remarks(text: &str) -> Vec<String> {
    Bench::new().loaded(text).warnings.iter().map(ToString::to_string).collect()
}
