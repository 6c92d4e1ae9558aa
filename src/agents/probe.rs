//! Asks an installed agent who it is: program, version, login.
//!
//! Unknown is not missing: a version that cannot be read or a login that cannot be checked is reported as such and stops
//! nobody. Versions are remembered by path, size and modification time, because a CLI may take seconds to tell its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::domain::agent::AgentKind;
use crate::process::capture::{Capture, Captured};

use super::environment::DEFAULT_PATH;
use super::{AgentSettings, Capabilities, capabilities};
use manners::{DIRECTORIES, Manners, QUIET, manners};
use problem::Problem;

mod cache;
mod manners;
pub mod problem;
mod version;

#[cfg(test)]
mod tests;

/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer that are looked at.
const ANSWER_LIMIT: usize = 16 * 1024;

/// What is known about an agent on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The program, absolute.
    pub program: Option<PathBuf>,
    /// Its version, as it says.
    pub version: Option<String>,
    /// Whether it has what it needs to reach its provider; `None` when that cannot be told.
    pub logged_in: Option<bool>,
    /// What it can do here.
    pub capabilities: Capabilities,
    /// What somebody should look at.
    pub problems: Vec<Problem>,
}

/// Finds out what there is to know. Runs the program, in a home directory that is thrown away; `cache` remembers versions.
pub async fn probe(settings: &AgentSettings, cache: &Path, cancel: &CancellationToken) -> Probed {
    let mut probed = Probed {
        program: None,
        version: None,
        logged_in: None,
        capabilities: capabilities(settings.kind),
        problems: Vec::new(),
    };
    if settings.kind == AgentKind::Scripted {
        let missing = settings.script.iter().filter(|script| !script.is_file());
        probed.problems.extend(missing.map(|path| Problem::NoScript { path: path.clone() }));
        return probed;
    }
    if settings.kind == AgentKind::Responses {
        let server = super::responses::probing::ask(settings).await;
        return Probed { logged_in: server.logged_in, problems: server.problems, ..probed };
    }
    let Some(program) = locate(settings) else {
        probed.problems.push(Problem::NotFound { program: wanted(settings) });
        return probed;
    };
    if let Some(manners) = manners(settings.kind) {
        let asked = Asked { settings, manners, program: &program, cancel };
        match asked.version(cache).await {
            Ok(found) => {
                if version::is_older(&found, manners.oldest) {
                    let tested = manners.oldest;
                    probed.problems.push(Problem::Older { found: found.clone(), tested });
                }
                probed.version = Some(found);
            }
            Err(reason) => {
                probed.problems.push(Problem::NoVersion { program: program.clone(), reason });
            }
        }
        if asked.talks(cache).await == Some(false) {
            let command = manners.talks.join(" ");
            probed.problems.push(Problem::Silent { command });
            probed.capabilities.steer = false;
            probed.capabilities.approve = false;
        }
        probed.logged_in = asked.logged_in().await;
        probed.problems.extend(login_problems(settings, manners, probed.logged_in));
    }
    probed.program = Some(program);
    probed
}

/// What is wrong when the program of an agent is not there. Our own agents are this program itself.
#[must_use]
pub fn missing(settings: &AgentSettings) -> Option<Problem> {
    let ours = matches!(settings.kind, AgentKind::Scripted | AgentKind::Responses);
    let absent = !ours && locate(settings).is_none();
    absent.then(|| Problem::NotFound { program: wanted(settings) })
}

/// Whether an agent can be talked to during a turn, if an earlier [`probe`] has found out.
#[must_use]
pub fn talks(settings: &AgentSettings, cache: &Path) -> Option<bool> {
    let program = locate(settings)?;
    cache::read(cache).talks(&program, cache::Stamp::of(&program)?)
}

fn login_problems(
    settings: &AgentSettings,
    manners: &Manners,
    logged_in: Option<bool>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(path) = settings.credentials.as_ref().filter(|path| !path.is_file()) {
        problems.push(Problem::NoCredentials { path: path.clone() });
    } else if logged_in == Some(false) {
        problems.push(Problem::NotLoggedIn { key: manners.keys[0] });
    }
    if settings.kind == AgentKind::Codex
        && settings.base_url.is_none()
        && settings.env.contains_key("OPENAI_API_KEY")
        && !settings.env.contains_key("CODEX_API_KEY")
    {
        problems.push(Problem::IgnoredKey { set: "OPENAI_API_KEY", instead: "CODEX_API_KEY" });
    }
    problems
}

/// The program of an agent, absolute, or `None` if there is no such executable file.
///
/// Names without a slash are looked up in the `PATH` that the agent itself will have. Where Codex was installed by npm the
/// native binary behind its wrapper is returned: ending the wrapper would leave the real one running.
#[must_use]
pub fn locate(settings: &AgentSettings) -> Option<PathBuf> {
    let wanted = wanted(settings);
    let found = if wanted.components().count() > 1 {
        Some(wanted).filter(|path| is_executable(path))?
    } else {
        let path = settings.env.get("PATH").map_or(DEFAULT_PATH, |path| path.expose_secret());
        let directories = path.split(':').filter(|directory| directory.starts_with('/'));
        directories
            .map(|directory| Path::new(directory).join(&wanted))
            .find(|path| is_executable(path))?
    };
    let native = match settings.kind {
        AgentKind::Codex => native_codex(&found),
        AgentKind::Claude
        | AgentKind::Opencode
        | AgentKind::Cursor
        | AgentKind::Hermes
        | AgentKind::Acp
        | AgentKind::Command
        | AgentKind::Scripted
        | AgentKind::Responses => None,
    };
    Some(native.unwrap_or(found))
}

fn wanted(settings: &AgentSettings) -> PathBuf {
    let usual = || manners(settings.kind).map_or("", |manners| manners.program);
    settings.program.clone().unwrap_or_else(|| usual().into())
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// `…/@openai/codex/bin/codex.js` → `…/@openai/codex-<platform>/vendor/<target>/bin/codex`, nested or beside it.
fn native_codex(found: &Path) -> Option<PathBuf> {
    let wrapper = found.canonicalize().ok()?;
    let package = wrapper.parent()?.parent()?;
    if wrapper.extension()? != "js" {
        return None;
    }
    let scopes = [package.join("node_modules/@openai"), package.parent()?.to_owned()];
    let entries = |directory: PathBuf| -> Vec<PathBuf> {
        let read = std::fs::read_dir(directory).into_iter().flatten().flatten();
        read.map(|entry| entry.path()).collect()
    };
    let platforms = scopes.into_iter().chain([package.to_owned()]).flat_map(entries);
    let targets = platforms.flat_map(|platform| entries(platform.join("vendor")));
    targets.map(|target| target.join("bin/codex")).find(|binary| is_executable(binary))
}

/// One program being asked.
struct Asked<'a> {
    settings: &'a AgentSettings,
    manners: &'a Manners,
    program: &'a Path,
    cancel: &'a CancellationToken,
}

impl Asked<'_> {
    async fn version(&self, cache: &Path) -> Result<String, String> {
        let stamp = cache::Stamp::of(self.program);
        if let Some(known) = stamp.and_then(|stamp| cache::read(cache).version(self.program, stamp))
        {
            return Ok(known);
        }
        let answer = self.ask(&["--version"]).await?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let found = version::first_in(&text).filter(|_| answer.succeeded());
        let Some(found) = found else { return Err(complaint(&answer)) };
        if let Some(stamp) = stamp {
            // Not remembering costs time at the next start and nothing else.
            let _not_remembered = cache::remember(cache, self.program, stamp, &found);
        }
        Ok(found)
    }

    /// Nothing when there is no such question, or no answer.
    async fn talks(&self, cache: &Path) -> Option<bool> {
        if self.manners.talks.is_empty() {
            return None;
        }
        let stamp = cache::Stamp::of(self.program);
        let known = stamp.and_then(|stamp| cache::read(cache).talks(self.program, stamp));
        if known.is_some() {
            return known;
        }
        let answer = self.ask(self.manners.talks).await.ok().filter(|answer| !answer.timed_out)?;
        let _not_remembered = cache::remember_talks(cache, self.program, answer.succeeded());
        Some(answer.succeeded())
    }

    async fn logged_in(&self) -> Option<bool> {
        let set = |names: &[&str]| names.iter().any(|name| self.settings.env.contains_key(*name));
        if set(self.manners.keys) {
            return Some(true);
        }
        if set(self.manners.elsewhere) {
            return None;
        }
        if self.settings.credentials.as_ref().is_none_or(|path| !path.is_file()) {
            return if self.settings.base_url.is_some() { None } else { Some(false) };
        }
        if self.manners.status.is_empty() {
            return None;
        }
        let answer = self.ask(self.manners.status).await.ok()?;
        match (answer.exit.code, answer.timed_out) {
            (Some(0), false) => Some(true),
            (Some(1), false) => Some(false),
            _ => None,
        }
    }

    async fn ask(&self, words: &[&str]) -> Result<Captured, String> {
        let home = self.home().map_err(|error| format!("no temporary home: {error}"))?;
        let path = home.path().to_string_lossy().into_owned();
        let mut env: BTreeMap<String, String> =
            [("PATH", DEFAULT_PATH), ("LC_ALL", "C.UTF-8"), ("TERM", "dumb")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let own = self.settings.env.iter();
        env.extend(own.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())));
        for name in ["HOME", "PWD", "TMPDIR"] {
            env.insert(name.to_owned(), path.clone());
        }
        for (name, directory) in DIRECTORIES {
            env.insert((*name).to_owned(), format!("{path}/{directory}"));
        }
        env.extend(QUIET.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let capture = Capture {
            program: self.program.to_owned(),
            args: words.iter().map(OsString::from).collect(),
            cwd: home.path().to_owned(),
            env,
            stdin: None,
            timeout: PATIENCE,
            max_output: ANSWER_LIMIT,
        };
        capture.run(self.cancel).await.map_err(|error| error.to_string())
    }

    /// A home directory with the configured login in it.
    fn home(&self) -> io::Result<TempDir> {
        let home = TempDir::new()?;
        let login = home.path().join(self.manners.login);
        for (_, directory) in DIRECTORIES {
            std::fs::create_dir_all(home.path().join(directory))?;
        }
        if let Some(credentials) = &self.settings.credentials {
            std::fs::create_dir_all(login.parent().unwrap_or(home.path()))?;
            std::os::unix::fs::symlink(credentials, login)?;
        }
        Ok(home)
    }
}

fn complaint(answer: &Captured) -> String {
    if answer.timed_out {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let text =
        [&answer.stderr, &answer.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let said = super::classification::one_line(&text.join(" "));
    match answer.exit.code {
        Some(code) => format!("exit code {code}, {said:?}"),
        None => format!("ended by a signal, {said:?}"),
    }
}
