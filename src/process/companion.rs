//! A program that may outlive this one, and that a later one finds again: what keeps an agent.
//!
//! Unlike everything else that is started here it is left alone when its handle is dropped. Whoever holds the handle can
//! still end it with everything that it started, and prove that nothing of that is left.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

use crate::process::ProcessError;
use crate::process::adoption;
use crate::process::identity::{self, ProcessIdentity};
use crate::process::leader;
use crate::process::marker::{Marker, VARIABLE};
use crate::process::process_set::{Claim, ProcessSet};
use crate::process::process_table;

/// Pause between two looks whether one that somebody else started is still there. Usually its socket tells sooner.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What to start.
#[derive(Debug)]
pub struct Start {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// The directory it starts in; must exist.
    pub cwd: PathBuf,
    /// What it and all that it starts are found by; besides this variable its environment is empty.
    pub marker: Marker,
    /// Where its standard error goes. What it prints otherwise is thrown away.
    pub log: File,
}

/// A handle on one that runs.
#[derive(Debug)]
pub struct Companion {
    identity: ProcessIdentity,
    /// Whoever started it waits for it.
    child: Option<(Child, PathBuf)>,
    set: ProcessSet,
}

/// The end of its standard input. Dropping it closes it.
#[derive(Debug)]
pub struct Input(ChildStdin);

impl Input {
    /// Writes all of `bytes` and closes it. That it does not read them, or is gone, is no error.
    pub async fn give(mut self, bytes: &[u8]) {
        let _gone = self.0.write_all(bytes).await;
    }
}

impl Start {
    /// Starts it, and hands out the end of its standard input. It should make a session of its own first thing: until then
    /// it shares the fate of this process's group.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(self) -> Result<(Companion, Input), ProcessError> {
        let Self { program, args, cwd, marker, log } = self;
        if !cwd.is_dir() {
            return Err(ProcessError::WorkingDirectory { path: cwd });
        }
        let env = BTreeMap::from([(VARIABLE.to_owned(), marker.value().to_owned())]);
        let mut command = command(&program, args, cwd, env, log);
        let (mut child, key) = leader::launch(&mut command, &program, None).await?;
        // It is nobody's orphan, and no orphan is excused by it: those below it go to itself.
        adoption::abandon(key);
        let failed = || ProcessError::Spawn {
            program: program.clone(),
            source: std::io::Error::other("it is gone at once"),
        };
        let input = child.stdin.take().ok_or_else(failed)?;
        let entry = process_table::entry(key.0).ok_or_else(failed)?;
        let set = ProcessSet::new(Claim::Kept { keeper: key, mark: marker.value().to_owned() });
        let identity = entry.identity();
        Ok((Companion { identity, child: Some((child, program)), set }, Input(input)))
    }
}

impl Companion {
    /// The one that somebody else started, if exactly that one still runs.
    #[must_use]
    pub fn find(identity: &ProcessIdentity, marker: &Marker) -> Option<Self> {
        let entry = process_table::entry(identity.pid)?;
        if entry.zombie || entry.identity() != *identity {
            return None;
        }
        let keeper = (entry.pid, entry.started);
        let set = ProcessSet::new(Claim::Kept { keeper, mark: marker.value().to_owned() });
        Some(Self { identity: identity.clone(), child: None, set })
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// Waits until it has ended. May be dropped and called again.
    ///
    /// # Errors
    /// When the system does not say.
    pub async fn ended(&mut self) -> Result<(), ProcessError> {
        let Some((child, program)) = &mut self.child else {
            while identity::alive(&self.identity) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            return Ok(());
        };
        let waited = child.wait().await.map(|_| ());
        waited.map_err(|source| ProcessError::Wait { program: program.clone(), source })
    }

    /// Asks it to stop, it alone (`SIGTERM`).
    pub fn terminate(&self) {
        if let Some(pid) =
            adoption::raw(self.identity.pid).filter(|_| identity::alive(&self.identity))
        {
            let _gone = rustix::process::kill_process(pid, Signal::TERM);
        }
    }

    /// Ends it and everything that it started, at once, and returns whom that took.
    ///
    /// # Errors
    /// When the process table cannot be read or a process cannot be ended.
    pub async fn end_all(&mut self) -> Result<Vec<ProcessIdentity>, ProcessError> {
        self.set.end().await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the others here promise, that nothing outlives this process, is not wanted of this one"
)]
fn command(
    program: &PathBuf,
    args: Vec<OsString>,
    cwd: PathBuf,
    env: BTreeMap<String, String>,
    log: File,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(cwd)
        .env_clear()
        .envs(env)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::from(log));
    command
}

/// Makes `directory` the one that this process works in: relative paths begin there.
///
/// # Errors
/// When it cannot be entered.
pub fn work_in(directory: &Path) -> std::io::Result<()> {
    rustix::process::chdir(directory)?;
    Ok(())
}

/// Makes this process the first of a session of its own, so that nothing meant for its starter's terminal or group reaches
/// it. One that is the first of a session already stays that.
pub fn leave_session() {
    let _already = rustix::process::setsid();
}

#[cfg(test)]
mod tests;
