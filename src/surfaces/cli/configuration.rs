//! Which configuration holds, and what is in it.

use std::path::{Path, PathBuf};

use crate::config::load::{Loaded, load};
use crate::config::settings::Settings;

use super::errors::CliError;
use super::surroundings::Surroundings;

/// Name of the file in the working directory and in the user's configuration directory.
pub(super) const FILE: &str = "config.toml";

/// The configuration file to use: the one that was named; else `config.toml` here; else the user's; else none.
pub(super) fn locate(named: Option<&Path>, surroundings: &Surroundings) -> Option<PathBuf> {
    if let Some(path) = named {
        return Some(path.to_owned());
    }
    if surroundings.cwd.join(FILE).is_file() {
        return Some(PathBuf::from(FILE));
    }
    let directory = surroundings
        .variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| surroundings.home().map(|home| home.join(".config")));
    directory.map(|path| path.join("enact-factory").join(FILE)).filter(|path| path.is_file())
}

/// Loads it; without a file, the defaults hold.
pub(super) fn read(
    named: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Loaded, crate::config::report::ConfigReport> {
    match locate(named, surroundings) {
        Some(path) => load(&path, &surroundings.variables, &surroundings.defaults()),
        None => Settings::defaults(&surroundings.variables, &surroundings.defaults()),
    }
}

/// The settings alone.
pub(super) fn settings(
    named: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Settings, CliError> {
    Ok(read(named, surroundings)?.settings)
}

/// The database file.
pub(super) fn database(settings: &Settings) -> Result<PathBuf, CliError> {
    let path = settings.store.durable().map_err(|error| CliError::failure(error.to_string()))?;
    Ok(path.to_owned())
}
