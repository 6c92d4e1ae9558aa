//! Keeps paths that a model names inside the worktree.
//!
//! A path is walked part by part with every symbolic link resolved, also for files that are yet to be made, and only
//! its real place counts. Nothing else changes the worktree between the look and the deed: tools run one at a time, and
//! what a command leaves running is ended with it.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Complaint;

/// Symbolic links followed for one path, as on Linux.
const MOST_LINKS: u32 = 40;

/// The worktree.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: PathBuf,
}

impl Place {
    /// The worktree at `root`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        if root.is_dir() { Ok(Self { root }) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// Its real path.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The real path of what the model calls `asked`, which need not be there.
    pub(super) fn resolve(&self, asked: &str) -> Result<PathBuf, Complaint> {
        if asked.contains('\0') {
            return Err(Complaint::new("a path cannot hold a NUL character"));
        }
        let real = self.walk(asked)?;
        let Ok(inside) = real.strip_prefix(&self.root) else {
            return Err(Complaint(format!(
                "{asked:?} is outside of the worktree; only paths inside of it can be used, best relative to it"
            )));
        };
        if inside.components().any(|part| is_git(part.as_os_str())) {
            return Err(Complaint(format!(
                "{asked:?} belongs to git itself, which no tool touches by its files"
            )));
        }
        Ok(real)
    }

    /// The path as the model should see it.
    pub(super) fn shown(&self, real: &Path) -> String {
        let inside = real.strip_prefix(&self.root).unwrap_or(real);
        if inside.as_os_str().is_empty() { ".".to_owned() } else { inside.display().to_string() }
    }

    fn walk(&self, asked: &str) -> Result<PathBuf, Complaint> {
        let mut current = self.root.clone();
        let mut left = parts(Path::new(asked));
        let mut links = 0;
        while let Some(part) = left.pop_front() {
            if part == "/" {
                current = PathBuf::from("/");
                continue;
            }
            if part == ".." {
                // Nothing in `current` is a link, so this is what the system would do.
                current.pop();
                continue;
            }
            let next = current.join(&part);
            if !next.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                current = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Complaint(format!("{asked:?} goes through too many symbolic links")));
            }
            let target =
                next.read_link().map_err(|error| Complaint::io("followed", asked, &error))?;
            let mut through = parts(&target);
            through.append(&mut left);
            left = through;
        }
        Ok(current)
    }
}

/// The parts of a path that matter: `/` at its beginning, names and `..`.
fn parts(path: &Path) -> VecDeque<OsString> {
    let wanted = path.components().filter_map(|part| match part {
        Component::RootDir => Some(OsString::from("/")),
        Component::ParentDir => Some(OsString::from("..")),
        Component::Normal(name) => Some(name.to_owned()),
        Component::CurDir | Component::Prefix(_) => None,
    });
    wanted.collect()
}

/// Whether a name is git's own; some file systems do not tell upper case from lower.
pub(super) fn is_git(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case(".git")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
    use tempfile::TempDir;

    use super::Place;

    /// `<directory>/tree` is the worktree; `<directory>/outside` is not.
    fn tree() -> (TempDir, Place) {
        let directory = TempDir::new().expect("a directory");
        let root = directory.path();
        for name in ["tree/a/b", "outside/secret", "tree-beside", "tree/.git"] {
            fs::create_dir_all(root.join(name)).expect("a directory");
        }
        fs::write(root.join("tree/a/file"), "inside").expect("a file");
        fs::write(root.join("outside/file"), "outside").expect("a file");
        let links = [
            ("../outside", "tree/out"),
            ("/etc", "tree/etc"),
            ("../../outside/new", "tree/a/dangling_out"),
            ("a/b", "tree/in"),
            ("../a", "tree/a/up"),
            ("not/yet", "tree/dangling_in"),
            ("loop", "tree/loop"),
            ("out", "tree/out_again"),
            (".git", "tree/hidden"),
        ];
        for (target, link) in links {
            symlink(target, root.join(link)).expect("a link");
        }
        let place = Place::new(&root.join("tree")).expect("a worktree");
        (directory, place)
    }

    #[test]
    fn paths_inside_are_found_also_of_files_to_be_made() {
        let (_directory, place) = tree();
        let root = place.root().to_owned();
        let rows = [
            ("a/file", "a/file"),
            ("./a/../a/./file", "a/file"),
            ("in/new", "a/b/new"),
            ("dangling_in/deep", "not/yet/deep"),
            ("new/deep/file", "new/deep/file"),
            ("a/up/up/b", "a/b"),
            (".", ""),
            ("", ""),
            (".gitignore", ".gitignore"),
        ];
        for (asked, real) in rows {
            let expected: PathBuf = root.join(real).components().collect();
            assert_eq!(place.resolve(asked).as_deref(), Ok(expected.as_path()), "{asked}");
        }
        let absolute = root.join("a/file");
        assert_eq!(place.resolve(&absolute.to_string_lossy()), Ok(absolute));
    }

    #[test]
    fn nothing_leads_outside() {
        let (_directory, place) = tree();
        let beside = format!("{}-beside/x", place.root().display());
        let rows = [
            "..",
            "../outside/file",
            "a/../../outside",
            "/etc/passwd",
            "etc/passwd",
            "out/file",
            "out/new",
            "a/dangling_out",
            "out_again/secret",
            "loop",
            "loop/x",
            "a/b/../../../tree-beside",
            &beside,
            "in/../../../outside",
            "new/../../outside",
            ".git",
            ".git/config",
            "a/../.GIT/hooks/x",
            "hidden/config",
            "a\0b",
        ];
        for asked in rows {
            assert!(place.resolve(asked).is_err(), "{asked}");
        }
        let said = place.resolve("../x").expect_err("outside").to_string();
        assert!(said.contains("outside of the worktree"), "{said}");
    }

    fn part() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("a"),
            Just("b"),
            Just(".."),
            Just("."),
            Just(""),
            Just("out"),
            Just("in"),
            Just("up"),
            Just("file"),
            Just("new"),
            Just("dangling_out"),
            Just("dangling_in"),
            Just("etc"),
            Just("out_again"),
            Just("loop"),
            Just("tree"),
            Just("outside"),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]
        #[test]
        fn the_system_never_disagrees(parts in proptest::collection::vec(part(), 0..9), absolute in 0..8_u8) {
            let (_directory, place) = tree();
            let mut asked = parts.join("/");
            match absolute {
                0 => asked = format!("{}/{asked}", place.root().display()),
                1 => asked = format!("/{asked}"),
                _ => {}
            }
            let joined = place.root().join(&asked);
            let allowed = place.resolve(&asked);
            if let Ok(real) = joined.canonicalize() {
                let inside = real.starts_with(place.root()) && !real.starts_with(place.root().join(".git"));
                // What has a `..` after something absent is refused by the system and understood by us.
                assert_eq!(allowed.is_ok(), inside, "{asked}");
                if inside {
                    assert_eq!(allowed.as_deref(), Ok(real.as_path()), "{asked}");
                }
            }
            if let Ok(real) = allowed {
                assert!(real.starts_with(place.root()), "{asked}");
                assert!(made(&real).starts_with(place.root()), "{asked}");
            }
        }
    }

    /// Where a file or directory that is made at `path` really is.
    fn made(path: &Path) -> PathBuf {
        let parent = path.parent().expect("a parent");
        if fs::create_dir_all(parent).is_ok() && !path.exists() {
            let _loops_cannot_be_written = fs::write(path, "x");
        }
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
}
