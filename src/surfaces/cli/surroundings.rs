//! What the process was given, looked at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::config::environment::{Defaults, Environment as _, ProcessEnvironment};

/// Arguments, environment, directory, program and terminal of the process.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The running program.
    pub program: PathBuf,
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// Whether standard error is a terminal.
    pub error_terminal: bool,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            arguments: std::env::args_os().collect(),
            variables: ProcessEnvironment.variables(),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("enact-factory")),
            terminal: std::io::stdout().is_terminal(),
            error_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The user's home directory.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// What the configuration is resolved against.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        Defaults { cwd: self.cwd.clone(), home: self.home() }
    }

    /// A directory with a short path, for sockets.
    #[must_use]
    pub fn short_directory(&self) -> PathBuf {
        let known =
            ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(|name| self.variable(name));
        known
            .map(PathBuf::from)
            .find(|path| path.is_dir() && path.as_os_str().len() <= 50)
            .unwrap_or_else(|| PathBuf::from("/tmp"))
    }
}
