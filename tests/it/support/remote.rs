//! A bare repository that people look at, and what is done in it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::factory::Factory;

/// The repository that people look at.
pub(crate) struct Remote {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Remote {
    /// A bare repository beside the factory's own, which has it as `origin`.
    pub(crate) fn beside(factory: &Factory) -> Self {
        let remote = Self { path: factory.root().join("remote.git") };
        fs::create_dir(&remote.path).expect("a directory");
        remote.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        let address = remote.path.display().to_string();
        factory.repository.git(&["remote", "add", "origin", &address]);
        factory.repository.git(&["push", "--quiet", "origin", "main"]);
        remote
    }

    /// Runs git in it.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.try_git(arguments, "").unwrap_or_else(|error| panic!("git {arguments:?}: {error}"))
    }

    fn try_git(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new("git")
            .args(["-c", "user.name=A Person", "-c", "user.email=person@example.com"])
            .args(arguments)
            .current_dir(&self.path)
            .env("HOME", &self.path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("room");
        let output = child.wait_with_output().expect("an end");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    /// The names below `prefix`.
    pub(crate) fn refs(&self, prefix: &str) -> Vec<String> {
        let listed = self.git(&["for-each-ref", "--format=%(refname)", prefix]);
        listed.lines().map(str::to_owned).collect()
    }

    /// A record of the forge that is only git.
    pub(crate) fn json(&self, name: &str) -> Value {
        let text = self.git(&["show", &format!("{name}:record.json")]);
        serde_json::from_str(&text).expect("a record")
    }

    /// The statuses of a commit.
    pub(crate) fn statuses(&self, commit: &str) -> Value {
        self.json(&format!("refs/factory/status/{commit}"))
    }

    /// A service that checks commits says something of one.
    pub(crate) fn check(&self, commit: &str, name: &str, state: &str, summary: &str) {
        let mut all = self.statuses(commit);
        all[name] = json!({ "state": state, "url": null, "summary": summary });
        let feed = |arguments: &[&str], input: &str| {
            self.try_git(arguments, input).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
        };
        let blob = feed(&["hash-object", "-w", "--stdin"], &all.to_string());
        let tree = feed(&["mktree"], &format!("100644 blob {blob}\trecord.json\n"));
        let at = format!("refs/factory/status/{commit}");
        let made = feed(&["commit-tree", &tree, "-p", &at], "by a service\n");
        self.git(&["update-ref", &at, &made]);
    }

    /// What the push to `name` wrote is there, and who pushed hears of it when the factory has the file `release`; then the
    /// file `held` is there.
    pub(crate) fn hold(&self, factory: &Factory, name: &str, times: u32) {
        let root = factory.root().display().to_string();
        let script = format!(
            "case \"$1\" in {name}) echo x >> '{root}/count'\n\
             if [ $(wc -l < '{root}/count') -eq {times} ]; then touch '{root}/held'\n\
             while [ ! -e '{root}/release' ]; do sleep 0.02; done; fi;; esac"
        );
        self.hook("post-update", &script);
    }

    /// Makes a hook of the repository.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.path.join("hooks").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
    }

    /// Where a branch is.
    pub(crate) fn tip(&self, branch: &str) -> String {
        self.git(&["rev-parse", &format!("refs/heads/{branch}")])
    }
}
