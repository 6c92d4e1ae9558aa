//! From a directory to the repository around it.

use std::path::Path;

use super::super::errors::CliError;

/// Absolute path of the top of the repository that `directory` is in.
pub(super) fn top(directory: &Path) -> Result<String, CliError> {
    let real = directory.canonicalize().map_err(|error| {
        CliError::failure(format!("cannot use {}: {error}", directory.display()))
            .hint("`--path` names the repository")
    })?;
    let is_bare = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir();
    let found = real.ancestors().find(|path| path.join(".git").exists() || is_bare(path));
    let top = found.ok_or_else(|| {
        CliError::failure(format!("{} is not in a git repository", real.display()))
            .hint("name one with `--path`, or make one: `git init` and a first commit")
    })?;
    let text = top
        .to_str()
        .ok_or_else(|| CliError::failure(format!("the path {} is not UTF-8", top.display())))?;
    Ok(text.to_owned())
}
