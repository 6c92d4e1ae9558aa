//! How git is called for what lies elsewhere: an environment of our own, a repository of our own, bounded in time and
//! output, and secrets in neither arguments nor files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::bounds::first_chars;
use crate::process::capture::Capture;

/// Bytes of output kept per call; what is asked here is short.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// Characters of a complaint that are shown.
const LONGEST_COMPLAINT: usize = 300;

/// Configuration that goes before everything else. Nothing is asked, nothing is executed, nothing is followed.
const OVERRIDES: [(&str, &str); 18] = [
    ("safe.directory", "*"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("core.editor", "false"),
    ("core.askPass", "false"),
    ("core.warnAmbiguousRefs", "false"),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("http.followRedirects", "false"),
    // Less than this many bytes in so many seconds is no transfer any more.
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
    ("protocol.version", "2"),
];

/// The git that pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitProgram {
    /// The program; without a slash it is looked up in `search_path`.
    pub program: PathBuf,
    /// `PATH` for git.
    pub search_path: String,
    /// `HOME` for git. For remotes over ssh, the one that has the keys and known hosts.
    pub home: PathBuf,
    /// More environment variables, for proxies, certificates and the ssh agent. None of them may be git's own.
    pub variables: BTreeMap<String, String>,
    /// How long one command may take. Default: 10 minutes, which a first push of a large repository needs.
    pub timeout: Duration,
}

impl GitProgram {
    /// The `git` of `search_path`, with ordinary bounds.
    #[must_use]
    pub fn new(search_path: String, home: PathBuf) -> Self {
        Self {
            program: PathBuf::from("git"),
            search_path,
            home,
            variables: BTreeMap::new(),
            timeout: Duration::from_secs(600),
        }
    }
}

/// Git at a place.
#[derive(Clone)]
pub(super) struct Git<'a> {
    program: &'a GitProgram,
    cwd: PathBuf,
    variables: Vec<(String, String)>,
    config: Vec<(String, String)>,
}

/// What git said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl<'a> Git<'a> {
    pub(super) fn at(program: &'a GitProgram, cwd: &Path) -> Self {
        let config = OVERRIDES.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self { program, cwd: cwd.to_owned(), variables: Vec::new(), config: config.collect() }
    }

    /// The same with one more environment variable.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with one more setting.
    pub(super) fn set(mut self, key: &str, value: &str) -> Self {
        self.config.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Runs it. Why it could not be run to its end, if it could not.
    pub(super) async fn ask(&self, args: &[&str]) -> Result<Said, String> {
        self.feed(args, None).await
    }

    /// Runs it with something to read.
    pub(super) async fn feed(&self, args: &[&str], stdin: Option<Vec<u8>>) -> Result<Said, String> {
        let command = args.first().copied().unwrap_or_default();
        let capture = Capture {
            program: self.program.program.clone(),
            args: args.iter().map(OsString::from).collect(),
            cwd: self.cwd.clone(),
            env: self.environment(),
            stdin,
            timeout: self.program.timeout,
            max_output: MAX_OUTPUT,
        };
        // Whoever no longer wants it drops the future, which ends git.
        let captured = capture.run(&CancellationToken::new()).await;
        let captured = captured.map_err(|error| format!("git cannot be run: {error}"))?;
        if captured.timed_out {
            let after = self.program.timeout.as_secs();
            return Err(format!("git {command} was not done within {after} s"));
        }
        if captured.truncated {
            return Err(format!("git {command} says more than {MAX_OUTPUT} bytes"));
        }
        let (stdout, stderr) = (captured.stdout, captured.stderr);
        Ok(Said { code: captured.exit.code, stdout, stderr })
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.program.variables.clone();
        let home = self.program.home.to_string_lossy().into_owned();
        let fixed = [
            ("PATH", self.program.search_path.as_str()),
            ("HOME", home.as_str()),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=15"),
            ("GIT_PAGER", "cat"),
            ("GIT_EDITOR", "false"),
            ("GIT_ADVICE", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_GRAFT_FILE", "/dev/null"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_AUTHOR_NAME", "Enact Factory"),
            ("GIT_AUTHOR_EMAIL", "factory@enact.invalid"),
            ("GIT_COMMITTER_NAME", "Enact Factory"),
            ("GIT_COMMITTER_EMAIL", "factory@enact.invalid"),
        ];
        all.extend(fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all.extend(self.variables.iter().cloned());
        all.insert("GIT_CONFIG_COUNT".to_owned(), self.config.len().to_string());
        for (index, (key, value)) in self.config.iter().enumerate() {
            all.insert(format!("GIT_CONFIG_KEY_{index}"), key.clone());
            all.insert(format!("GIT_CONFIG_VALUE_{index}"), value.clone());
        }
        all
    }
}

impl Said {
    /// Whether it exited with 0.
    pub(super) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// What it answered, without the line end.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// All that it said, for finding out what it means.
    pub(super) fn everything(&self) -> String {
        let (out, err) =
            (String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        format!("{out}\n{err}")
    }

    /// What it complains about, in one bounded line, without what only greets.
    pub(super) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let telling = |line: &&str| {
            let line = line.trim();
            let greets = line.is_empty() || line.starts_with("hint:") || line.starts_with("To ");
            !greets && line != "remote:"
        };
        let words: Vec<&str> =
            text.lines().filter(telling).flat_map(str::split_whitespace).collect();
        match words.is_empty() {
            true => format!("git ended with {:?}", self.code),
            false => first_chars(&words.join(" "), LONGEST_COMPLAINT),
        }
    }
}
