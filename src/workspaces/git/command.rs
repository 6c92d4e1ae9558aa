//! How git is called: with an environment of our own, nothing of the repository's executed, bounded in time and output.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::super::WorkspaceError;
use super::GitSettings;
use crate::domain::time::Timestamp;
use crate::process::ProcessError;
use crate::process::capture::Capture;

/// Bytes of output kept per call: the file list of a very large repository is a few dozen MB.
const MAX_OUTPUT: usize = 128 * 1024 * 1024;
/// Tries when somebody else holds one of git's lock files; together about six seconds.
const LOCK_TRIES: u32 = 7;

/// Configuration that goes before everything a repository says. `/dev/null` as hook directory switches all hooks off.
const OVERRIDES: [(&str, &str); 30] = [
    ("safe.directory", "*"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("core.editor", "false"),
    ("core.askPass", "false"),
    ("core.sshCommand", "false"),
    ("core.quotePath", "false"),
    ("core.safecrlf", "false"),
    ("core.splitIndex", "false"),
    ("core.untrackedCache", "false"),
    ("core.ignoreStat", "false"),
    ("core.checkStat", "default"),
    ("core.trustctime", "true"),
    ("core.warnAmbiguousRefs", "false"),
    ("commit.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("branch.autoSetupMerge", "false"),
    ("worktree.guessRemote", "false"),
    ("worktree.useRelativePaths", "false"),
    ("sparse.expectFilesOutsideOfPatterns", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("diff.algorithm", "myers"),
    ("diff.noPrefix", "false"),
];

/// Runs git for everybody in this module.
#[derive(Debug)]
pub(super) struct Runner {
    settings: GitSettings,
    cancel: CancellationToken,
    permits: Semaphore,
}

impl Runner {
    pub(super) fn new(settings: GitSettings, cancel: CancellationToken) -> Self {
        let permits = Semaphore::new(settings.concurrency.max(1));
        Self { settings, cancel, permits }
    }

    pub(super) fn root(&self) -> &Path {
        &self.settings.root
    }

    pub(super) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Git in `cwd`, finding its repository from there.
    pub(super) fn at(self: &Arc<Self>, cwd: &Path) -> Git {
        let overrides = OVERRIDES.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Git { runner: Arc::clone(self), cwd: cwd.to_owned(), variables: BTreeMap::new(), overrides }
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let settings = &self.settings;
        let home = settings.home.to_string_lossy().into_owned();
        let fixed = [
            ("PATH", settings.search_path.as_str()),
            ("HOME", home.as_str()),
            ("XDG_CONFIG_HOME", home.as_str()),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_PAGER", "cat"),
            ("GIT_EDITOR", "false"),
            ("GIT_ADVICE", "0"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            // A replaced or grafted object would show a reviewer something else than what is merged.
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_GRAFT_FILE", "/dev/null"),
            // A missing object is an error, not a reason to run a transport that the repository configures.
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_AUTHOR_NAME", settings.author_name.as_str()),
            ("GIT_AUTHOR_EMAIL", settings.author_email.as_str()),
            ("GIT_COMMITTER_NAME", settings.author_name.as_str()),
            ("GIT_COMMITTER_EMAIL", settings.author_email.as_str()),
        ];
        fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

/// Git bound to a place: a directory, what it is told about the repository, and the configuration that overrides it.
#[derive(Debug, Clone)]
pub(super) struct Git {
    runner: Arc<Runner>,
    cwd: PathBuf,
    variables: BTreeMap<String, String>,
    overrides: Vec<(String, String)>,
}

/// What git said.
#[derive(Debug)]
pub(super) struct Said {
    command: String,
    code: Option<i32>,
    /// Standard output; its first part only when `truncated`.
    pub(super) stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Whether standard output was longer than allowed.
    pub(super) truncated: bool,
}

impl Git {
    /// The same place with another environment variable.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same place with a path in an environment variable.
    pub(super) fn with_path(self, name: &str, value: &Path) -> Self {
        self.with(name, &value.to_string_lossy())
    }

    /// The same place with author and committer date fixed.
    pub(super) fn dated(self, at: Timestamp) -> Self {
        let date = format!("@{} +0000", at.0.max(0).div_euclid(1000));
        self.with("GIT_AUTHOR_DATE", &date).with("GIT_COMMITTER_DATE", &date)
    }

    /// The same place with more configuration overridden.
    pub(super) fn overriding(mut self, more: impl IntoIterator<Item = (String, String)>) -> Self {
        self.overrides.extend(more);
        self
    }

    /// The directory it runs in.
    pub(super) fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// Runs it and answers with whatever it said, whether it succeeded or not.
    pub(super) async fn ask(&self, args: &[&str]) -> Result<Said, WorkspaceError> {
        self.call(args, None, MAX_OUTPUT).await
    }

    /// The same, keeping only the beginning of what it says.
    pub(super) async fn ask_some(
        &self,
        args: &[&str],
        keep: usize,
    ) -> Result<Said, WorkspaceError> {
        // The process port keeps the first and the last half of what is too long.
        let mut said = self.call(args, None, keep.saturating_mul(2)).await?;
        if said.truncated {
            said.stdout.truncate(keep);
        }
        Ok(said)
    }

    /// Runs it, which must succeed, and answers with its output without the line end.
    pub(super) async fn text(&self, args: &[&str]) -> Result<String, WorkspaceError> {
        Ok(self.bytes(args).await?.text())
    }

    /// Runs it, which must succeed.
    pub(super) async fn bytes(&self, args: &[&str]) -> Result<Said, WorkspaceError> {
        self.ask(args).await?.success()
    }

    /// Runs it with something to read; it must succeed.
    pub(super) async fn feed(
        &self,
        args: &[&str],
        input: Vec<u8>,
    ) -> Result<String, WorkspaceError> {
        Ok(self.call(args, Some(input), MAX_OUTPUT).await?.success()?.text())
    }

    /// Runs it with something to read and answers with whatever it said.
    pub(super) async fn try_feed(
        &self,
        args: &[&str],
        input: Vec<u8>,
    ) -> Result<Said, WorkspaceError> {
        self.call(args, Some(input), MAX_OUTPUT).await
    }

    /// Runs a question that is answered by exit code 0 (yes) or 1 (no).
    pub(super) async fn holds(&self, args: &[&str]) -> Result<bool, WorkspaceError> {
        let said = self.ask(args).await?;
        match said.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            Some(_) | None => Err(said.error()),
        }
    }

    async fn call(
        &self,
        args: &[&str],
        input: Option<Vec<u8>>,
        max_output: usize,
    ) -> Result<Said, WorkspaceError> {
        let mut pause = Duration::from_millis(50);
        for _ in 1..LOCK_TRIES {
            let said = self.once(args, input.clone(), max_output).await?;
            if !said.met_a_lock() {
                return Ok(said);
            }
            tokio::select! {
                () = self.runner.cancel.cancelled() => return Err(WorkspaceError::Cancelled),
                () = tokio::time::sleep(pause) => pause *= 2,
            }
        }
        self.once(args, input, max_output).await
    }

    async fn once(
        &self,
        args: &[&str],
        stdin: Option<Vec<u8>>,
        max_output: usize,
    ) -> Result<Said, WorkspaceError> {
        let command = args.first().copied().unwrap_or_default().to_owned();
        let capture = self.capture(args, stdin, max_output);
        let permit = tokio::select! {
            () = self.runner.cancel.cancelled() => return Err(WorkspaceError::Cancelled),
            permit = self.runner.permits.acquire() => permit.map_err(|_| WorkspaceError::Cancelled)?,
        };
        let captured = capture.run(&self.runner.cancel).await;
        drop(permit);
        let captured = match captured {
            Ok(captured) => captured,
            Err(ProcessError::Cancelled) => return Err(WorkspaceError::Cancelled),
            Err(error) => return Err(WorkspaceError::Process(error)),
        };
        if captured.timed_out {
            return Err(WorkspaceError::TimedOut { command });
        }
        Ok(Said {
            command,
            code: captured.exit.code,
            stdout: captured.stdout,
            stderr: captured.stderr,
            truncated: captured.truncated,
        })
    }

    fn capture(&self, args: &[&str], stdin: Option<Vec<u8>>, max_output: usize) -> Capture {
        let mut env = self.runner.environment();
        env.extend(self.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        env.insert("GIT_CONFIG_COUNT".to_owned(), self.overrides.len().to_string());
        for (index, (key, value)) in self.overrides.iter().enumerate() {
            env.insert(format!("GIT_CONFIG_KEY_{index}"), key.clone());
            env.insert(format!("GIT_CONFIG_VALUE_{index}"), value.clone());
        }
        let mut all = vec![OsString::from("-C"), self.cwd.clone().into_os_string()];
        all.extend(args.iter().map(OsString::from));
        Capture {
            program: self.runner.settings.program.clone(),
            args: all,
            cwd: self.cwd.clone(),
            env,
            stdin,
            timeout: self.runner.settings.timeout,
            max_output,
        }
    }
}

impl Said {
    /// Whether it exited with 0.
    pub(super) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Its exit code.
    pub(super) fn code(&self) -> Option<i32> {
        self.code
    }

    /// Fails unless it succeeded and was kept whole.
    pub(super) fn success(self) -> Result<Self, WorkspaceError> {
        if !self.succeeded() {
            return Err(self.error());
        }
        if self.truncated {
            return Err(WorkspaceError::TooMuchOutput { command: self.command });
        }
        Ok(self)
    }

    /// Its output without the line end.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// What it complained about, at most 500 characters from the end.
    pub(super) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let text = text.trim();
        let skip = text.chars().count().saturating_sub(500);
        text.chars().skip(skip).collect()
    }

    /// The failure it is.
    pub(super) fn error(self) -> WorkspaceError {
        let message = self.complaint();
        WorkspaceError::Git { code: self.code, message, command: self.command }
    }

    /// Whether it failed because a lock file was there: somebody else's git is at work, and will be done soon.
    fn met_a_lock(&self) -> bool {
        !self.succeeded() && lossy(&self.stderr).contains(".lock': File exists")
    }
}

/// The parts of NUL-separated output.
pub(super) fn split_nul(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

/// Bytes as text, whatever they are.
pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
