//! From a directory to the repository around it.

use std::path::Path;

use super::super::errors::CliError;

/// Absolute path of the top of the repository that `directory` is in.
pub(super) fn top(directory: &Path) -> Result<String, CliError> {
    let real = directory.canonicalize().map_err(|error| {
        CliError::failure(format!("cannot use {}: {error}", directory.display()))
            .hint("`--path` names the repository")
    })?;
    let found = real.ancestors().find(|path| is_top(path));
    let top = found.ok_or_else(|| {
        CliError::failure(format!("{} is not in a git repository", real.display()))
            .hint("name one with `--path`, or make one: `git init` and a first commit")
    })?;
    let text = top
        .to_str()
        .ok_or_else(|| CliError::failure(format!("the path {} is not UTF-8", top.display())))?;
    Ok(text.to_owned())
}

/// Whether a repository is here: bare, with its `.git` directory, or with the `.git` file of a worktree or sub-module. A
/// stray empty `.git` above it makes no directory a repository.
fn is_top(path: &Path) -> bool {
    let is_store = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir();
    let inner = path.join(".git");
    inner.is_file() || is_store(&inner) || is_store(path)
}

#[cfg(test)]
mod tests {
    use super::top;

    #[test]
    fn a_stray_empty_git_directory_above_makes_nothing_a_repository() {
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::create_dir(place.path().join(".git")).unwrap();
        assert!(top(&inside).is_err());
        std::fs::write(inside.join(".git"), "gitdir: elsewhere").unwrap();
        assert!(top(&inside).is_ok());
    }
}
