//! `[store]`: where the event log lives.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "backend",
        Kind::Choice(
            &["sqlite", "memory"],
            &[("postgres", "is not in this build; use \"sqlite\"")],
        ),
        "\"sqlite\"",
        "`memory` forgets everything at the end of the process; only simulations take it.",
    ),
    Key::optional(
        "path",
        Kind::Path,
        "`factory.db` in `daemon.state_dir`",
        "The database file. Not on a network file system.",
    ),
];

/// Where the event log lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSettings {
    /// In an SQLite database.
    Sqlite {
        /// Absolute path of the database file.
        path: PathBuf,
    },
    /// In memory, until the process ends.
    Memory,
}

/// The configured store forgets, and something that must not be forgotten was about to be put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "store.backend = \"memory\" forgets every run when the process ends, so the daemon does not start on it; \
     use \"sqlite\", or `simulate` to try things out"
)]
pub struct NotDurable;

impl StoreSettings {
    /// The database file, for everyone who must be able to survive a crash.
    ///
    /// # Errors
    /// [`NotDurable`] if the store is in memory.
    pub fn durable(&self) -> Result<&Path, NotDurable> {
        match self {
            Self::Sqlite { path } => Ok(path),
            Self::Memory => Err(NotDurable),
        }
    }
}

pub(super) fn read(section: &Section, state_dir: &Path) -> StoreSettings {
    match section.text("backend") {
        Some("memory") => StoreSettings::Memory,
        _ => StoreSettings::Sqlite {
            path: section.file("path").map_or_else(|| state_dir.join("factory.db"), Path::to_owned),
        },
    }
}
