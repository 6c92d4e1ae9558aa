//! A repository elsewhere, reached by git.
//!
//! Everything goes through a bare repository of our own, the *scratch*: no setting of the repository that has the commits
//! decides where a push goes or what is executed, and nothing that comes from elsewhere gets into it. Its objects are
//! lent to the scratch for the time of a command.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::address::{self, Scheme};
use super::command::{Git, GitProgram, Said};
use super::refusal::refusal;
use super::{ForgeError, Push, Pushed};

/// How often a push is tried while others move the branch.
const RACES: u32 = 3;

/// The trailer of the factory's commits; the same word as in workspaces.
const RUN_TRAILER: &str = "Factory-Run";

/// What is needed to reach a repository elsewhere.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    /// Where it is: an `https://`, `http://` or `ssh://` address, `user@host:path`, `file://` or an absolute path. Never
    /// with a password in it.
    pub address: String,
    /// User and secret for http(s), sent as basic authentication with every request.
    pub credentials: Option<(String, SecretString)>,
    /// A directory of ours for this remote alone, made if need be: what is known of it. May be removed at any time.
    pub scratch: PathBuf,
    /// The git that is used.
    pub git: GitProgram,
}

/// A repository elsewhere.
pub(super) struct Remote {
    /// Which forge, for errors.
    pub(super) forge: String,
    settings: RemoteSettings,
    scheme: Scheme,
    /// One command at a time in the scratch.
    turn: Semaphore,
    prepared: AtomicBool,
}

/// What became of moving a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It is where it should be.
    Done,
    /// Somebody else was faster.
    Raced,
}

impl Remote {
    /// Prepares to reach it; starts nothing.
    ///
    /// # Errors
    /// When the address is none that can be used.
    pub(super) fn new(forge: &str, settings: RemoteSettings) -> Result<Self, ForgeError> {
        let scheme = address::scheme(&settings.address).map_err(|reason| ForgeError::Refused {
            forge: forge.to_owned(),
            action: "be pushed to".to_owned(),
            reason,
        })?;
        let turn = Semaphore::new(1);
        let prepared = AtomicBool::new(false);
        Ok(Self { forge: forge.to_owned(), settings, scheme, turn, prepared })
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        &self.settings.address
    }

    /// Brings a commit to a branch; see [`super::Forge::push`].
    pub(super) async fn push(&self, push: &Push) -> Result<Pushed, ForgeError> {
        let action = "take a push";
        for commit in [&push.head, &push.base_commit] {
            self.check_commit(commit)?;
        }
        let _turn = self.turn.acquire().await.map_err(|_| ForgeError::Cancelled)?;
        self.prepare(&push.head).await?;
        self.check_branch(&push.branch).await?;
        self.check_bare().await?;
        let git = self.borrowing(&push.repository).await?;
        let name = format!("refs/heads/{}", push.branch);
        for _ in 0..RACES {
            let there = self.refs(&[&name]).await?.remove(&name);
            if there.as_deref() == Some(push.head.as_str()) {
                return Ok(Pushed { already: true });
            }
            if let Some(there) = &there
                && !self.is_ours(&git, push, there).await?
            {
                continue;
            }
            match self.moved(&git, &push.head, &name, there.as_deref(), action).await? {
                Moved::Done => return Ok(Pushed { already: false }),
                Moved::Raced => {}
            }
        }
        Err(self.unavailable(format!("branch `{}` is moved by others all the time", push.branch)))
    }

    /// The refs that are there, of those that the patterns name, with what they point to.
    pub(super) async fn refs(
        &self,
        patterns: &[&str],
    ) -> Result<BTreeMap<String, String>, ForgeError> {
        let mut args = vec!["ls-remote", "--quiet", "--refs", "--", self.address()];
        args.extend(patterns);
        let said = self.online().ask(&args).await.map_err(|reason| self.unavailable(reason))?;
        if !said.succeeded() {
            return Err(self.refused(&said, "be read"));
        }
        let wanted = |name: &str| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == *pattern,
            })
        };
        let text = said.text();
        let pairs = text.lines().filter_map(|line| line.split_once('\t'));
        let found = pairs.filter(|(_, name)| wanted(name));
        Ok(found.map(|(commit, name)| (name.to_owned(), commit.to_owned())).collect())
    }

    /// Fetches refs into the scratch, each as it is called.
    pub(super) async fn fetch(&self, refspecs: &[String]) -> Result<Moved, ForgeError> {
        let mut args =
            vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc"];
        args.extend(["--recurse-submodules=no", "--", self.address()]);
        args.extend(refspecs.iter().map(String::as_str));
        let said = self.online().ask(&args).await.map_err(|reason| self.unavailable(reason))?;
        match said.succeeded() {
            true => Ok(Moved::Done),
            false if said.everything().contains("couldn't find remote ref") => Ok(Moved::Raced),
            false => Err(self.refused(&said, "be read")),
        }
    }

    /// Moves the ref `name` from what it was found at to `commit`, which must be its descendant. `git` has the commit.
    pub(super) async fn moved(
        &self,
        git: &Git<'_>,
        commit: &str,
        name: &str,
        from: Option<&str>,
        action: &str,
    ) -> Result<Moved, ForgeError> {
        // The lease says what was looked at. With it git would also move a branch backwards, so the caller has made sure
        // that this is no such move.
        let lease = format!("--force-with-lease={name}:{}", from.unwrap_or_default());
        let what = format!("{commit}:{name}");
        let mut args =
            vec!["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"];
        args.extend(["--recurse-submodules=no", &lease, "--", self.address(), &what]);
        let git = self.going_out(git.clone());
        let said = git.ask(&args).await.map_err(|reason| self.unavailable(reason))?;
        if said.succeeded() {
            return Ok(Moved::Done);
        }
        let everything = said.everything();
        let raced = ["stale info", "(fetch first)", "cannot lock ref", "failed to update ref"];
        if raced.iter().any(|mark| everything.contains(mark)) {
            return Ok(Moved::Raced);
        }
        Err(self.refused(&said, action))
    }

    /// Whether everything that the branch has is the run's, and the commit to push goes on from there. `false` when it
    /// was moved meanwhile.
    async fn is_ours(&self, git: &Git<'_>, push: &Push, there: &str) -> Result<bool, ForgeError> {
        let kept = format!("refs/factory/remote/{}", push.run);
        let refspec = format!("+refs/heads/{}:{kept}", push.branch);
        if self.fetch(&[refspec]).await? == Moved::Raced {
            return Ok(false);
        }
        let fetched = self.text(git, &["rev-parse", "--verify", &kept]).await?;
        if fetched != there {
            return Ok(false);
        }
        let format =
            format!("--format=%H%x09%(trailers:key={RUN_TRAILER},valueonly,separator=%x2C)");
        let without = format!("^{}", push.base_commit);
        let log = self.text(git, &["log", "--reverse", &format, there, &without, "--"]).await?;
        let runs: Vec<String> =
            push.earlier.iter().chain([&push.run]).map(ToString::to_string).collect();
        let is_ours = |value: &str| runs.iter().any(|run| run == value.trim());
        let foreign = log
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(_, trailers)| !trailers.split(',').any(is_ours));
        if let Some((commit, _)) = foreign {
            return Err(ForgeError::ForeignBranch {
                forge: self.forge.clone(),
                branch: push.branch.clone(),
                commit: commit.to_owned(),
            });
        }
        let goes_on = git.ask(&["merge-base", "--is-ancestor", there, &push.head]).await;
        match goes_on.map_err(|reason| self.unavailable(reason))?.code {
            Some(0) => Ok(true),
            _ => Err(self.refusal(
                &format!("move branch `{}`", push.branch),
                format!("it is at {there}, which {} does not go on from", push.head),
            )),
        }
    }

    /// Git in the scratch, with the objects of `repository`.
    async fn borrowing(&self, repository: &Path) -> Result<Git<'_>, ForgeError> {
        let action = "be given a commit";
        if !repository.is_dir() {
            return Err(self.refusal(action, format!("there is no {}", repository.display())));
        }
        let git = Git::at(&self.settings.git, repository);
        let asked =
            ["rev-parse", "--path-format=absolute", "--is-shallow-repository", "--git-path"];
        let asked: Vec<&str> = asked.into_iter().chain(["objects"]).collect();
        let text = self.text(&git, &asked).await?;
        match text.split_once('\n') {
            Some(("false", objects)) => {
                let quoted = objects.replace('\\', "\\\\").replace('"', "\\\"");
                let git = self.scratch();
                Ok(git.with("GIT_ALTERNATE_OBJECT_DIRECTORIES", &format!("\"{quoted}\"")))
            }
            _ => {
                let reason =
                    "the local repository is shallow; `git fetch --unshallow` makes it whole";
                Err(self.refusal(action, reason.to_owned()))
            }
        }
    }

    /// Makes the scratch, for commits whose names look like `commit`.
    pub(super) async fn prepare(&self, commit: &str) -> Result<(), ForgeError> {
        if self.prepared.load(Ordering::Acquire) {
            return Ok(());
        }
        let scratch = &self.settings.scratch;
        let made = fs::create_dir_all(scratch);
        let reason = |error: std::io::Error| format!("{}: {error}", scratch.display());
        made.map_err(|error| self.refusal("be prepared", reason(error)))?;
        // Whoever locked something here is gone: this process is the only one that comes here.
        remove_locks(scratch, 4);
        let format = if commit.len() == 64 { "sha256" } else { "sha1" };
        let format = format!("--object-format={format}");
        let git = Git::at(&self.settings.git, scratch);
        let exists = scratch.join("HEAD").is_file();
        let mut args = vec!["init", "--quiet", "--bare", "--template="];
        args.extend((!exists).then_some(format.as_str()));
        args.push(".");
        self.text(&git, &args).await?;
        self.prepared.store(true, Ordering::Release);
        Ok(())
    }

    /// Keeps others out of the scratch while it lives.
    pub(super) async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ForgeError> {
        self.turn.acquire().await.map_err(|_| ForgeError::Cancelled)
    }

    /// Git in the scratch, without a way out.
    pub(super) fn scratch(&self) -> Git<'_> {
        let directory = &self.settings.scratch;
        Git::at(&self.settings.git, directory).with("GIT_DIR", &directory.to_string_lossy())
    }

    fn online(&self) -> Git<'_> {
        self.going_out(self.scratch())
    }

    /// The same with a way out: by the one protocol that the address has, with the credentials if they are for it.
    fn going_out<'a>(&self, git: Git<'a>) -> Git<'a> {
        let git = git.with("GIT_ALLOW_PROTOCOL", self.scheme.protocol());
        match (&self.settings.credentials, self.scheme) {
            (Some((user, secret)), Scheme::Http | Scheme::Https) => {
                let header = address::basic(user, secret);
                let key = format!("http.{}.extraHeader", self.address());
                git.set(&key, &format!("Authorization: {}", header.expose_secret()))
            }
            _ => git,
        }
    }

    /// Runs git, which must succeed.
    pub(super) async fn text(&self, git: &Git<'_>, args: &[&str]) -> Result<String, ForgeError> {
        let said = git.ask(args).await.map_err(|reason| self.unavailable(reason))?;
        match said.succeeded() {
            true => Ok(said.text()),
            false => {
                let command = args.first().copied().unwrap_or_default();
                Err(self.refusal(&format!("go through `git {command}`"), said.complaint()))
            }
        }
    }

    /// `commit` is the full name of one.
    pub(super) fn check_commit(&self, commit: &str) -> Result<(), ForgeError> {
        let is_name = matches!(commit.len(), 40 | 64)
            && commit.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        match is_name {
            true => Ok(()),
            false => Err(self.refusal("take a commit", format!("{commit:?} is no name of one"))),
        }
    }

    /// `branch` is a name that a branch may have.
    pub(super) async fn check_branch(&self, branch: &str) -> Result<(), ForgeError> {
        let name = format!("refs/heads/{branch}");
        let said = self.scratch().ask(&["check-ref-format", &name]).await;
        let said = said.map_err(|reason| self.unavailable(reason))?;
        match said.succeeded() && !branch.starts_with('-') {
            true => Ok(()),
            false => Err(self.refusal("take a branch", format!("{branch:?} is no name of one"))),
        }
    }

    /// A directory that is pushed to has no checkout which the push would leave behind.
    async fn check_bare(&self) -> Result<(), ForgeError> {
        let Some(directory) = address::directory(self.address()) else { return Ok(()) };
        if !directory.is_dir() {
            let reason = format!("there is no directory {}", directory.display());
            return Err(self.refusal("be pushed to", reason));
        }
        let git = Git::at(&self.settings.git, directory);
        let bare = self.text(&git, &["rev-parse", "--is-bare-repository"]).await?;
        match bare.as_str() {
            "true" => Ok(()),
            _ => {
                let reason = format!("{} is not a bare repository", directory.display());
                Err(self.refusal("be pushed to", reason))
            }
        }
    }

    pub(super) fn unavailable(&self, reason: String) -> ForgeError {
        ForgeError::Unavailable { forge: self.forge.clone(), reason }
    }

    pub(super) fn refusal(&self, action: &str, reason: String) -> ForgeError {
        ForgeError::Refused { forge: self.forge.clone(), action: action.to_owned(), reason }
    }

    fn refused(&self, said: &Said, action: &str) -> ForgeError {
        refusal(&self.forge, action, said)
    }
}

/// Removes lock files that a killed git left behind, a few directories deep.
fn remove_locks(directory: &Path, depth: u32) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_objects = path.file_name().is_some_and(|name| name == "objects");
        if path.is_dir() && depth > 0 && !is_objects {
            remove_locks(&path, depth - 1);
        } else if path.extension().is_some_and(|it| it == "lock") {
            let _gone_already = fs::remove_file(&path);
        }
    }
}
