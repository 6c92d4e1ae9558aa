//! A program that stands on its own: a daemon started by somebody who watches it, and who may end it and nothing else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::domain::agent::ExitEvidence;
use crate::process::ProcessError;

/// What to start.
#[derive(Debug)]
pub struct Independent {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// The directory it starts in; must exist.
    pub cwd: PathBuf,
    /// Its complete environment: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Where its standard output and its standard error go.
    pub log: File,
}

/// A running one, in a process group of its own. Dropping it kills it, and leaves alone whatever it had started: that is
/// what a crash of it looks like.
#[derive(Debug)]
pub struct Running {
    child: Child,
    program: PathBuf,
    pid: u32,
}

impl Independent {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    #[expect(
        clippy::disallowed_methods,
        reason = "what the others here promise, that nothing outlives a program, is not wanted of this one"
    )]
    pub fn start(self) -> Result<Running, ProcessError> {
        let Self { program, args, cwd, env, log } = self;
        if !cwd.is_dir() {
            return Err(ProcessError::WorkingDirectory { path: cwd });
        }
        let failed = |source| ProcessError::Spawn { program: program.clone(), source };
        let errors = log.try_clone().map_err(failed)?;
        let child = Command::new(&program)
            .args(args)
            .current_dir(cwd)
            .env_clear()
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().ok_or_else(|| failed(std::io::Error::other("it has no number")))?;
        Ok(Running { child, program, pid })
    }
}

impl Running {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitEvidence>, ProcessError> {
        match self.child.try_wait() {
            Ok(status) => Ok(status.map(super::leader::evidence)),
            Err(source) => Err(ProcessError::Wait { program: self.program.clone(), source }),
        }
    }

    /// Asks it to stop (`SIGTERM`) and waits; `None` when it had not ended after `patience`.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn stop(&mut self, patience: Duration) -> Result<Option<ExitEvidence>, ProcessError> {
        self.signal(Signal::TERM);
        match timeout(patience, self.wait()).await {
            Ok(ended) => ended.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Ends it as a power cut would (`SIGKILL`), it alone, and waits until it is gone.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn kill(mut self) -> Result<ExitEvidence, ProcessError> {
        self.signal(Signal::KILL);
        self.wait().await
    }

    async fn wait(&mut self) -> Result<ExitEvidence, ProcessError> {
        match self.child.wait().await {
            Ok(status) => Ok(super::leader::evidence(status)),
            Err(source) => Err(ProcessError::Wait { program: self.program.clone(), source }),
        }
    }

    fn signal(&self, signal: Signal) {
        // Without a number it has been waited for: then the number may be another's.
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // It may have ended this very moment, which is what was wanted.
            let _gone = kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::Duration;

    use tempfile::TempDir;

    use super::Independent;
    use crate::process::marker::VARIABLE;
    use crate::process::recovery::{end_marked, find_marked};

    #[tokio::test(flavor = "multi_thread")]
    async fn killing_it_leaves_what_it_started_alone() {
        let directory = TempDir::new().unwrap();
        let log = directory.path().join("log");
        let running = Independent {
            program: "/bin/sh".into(),
            args: ["-c", "echo said; sleep 600 & echo up >up; wait"].map(Into::into).into(),
            cwd: directory.path().to_owned(),
            env: [
                ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
                (VARIABLE.to_owned(), "independent-test:run".to_owned()),
            ]
            .into(),
            log: File::create(&log).unwrap(),
        };
        let mut running = running.start().unwrap();
        let up = directory.path().join("up");
        tokio::time::timeout(Duration::from_secs(30), async {
            while !up.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(running.ended().unwrap(), None);
        let pid = running.pid();
        assert_eq!(running.kill().await.unwrap().signal, Some(9));
        let left = find_marked("independent-test:").unwrap();
        assert!(left.len() == 1 && left[0].pid != pid, "{left:?}");
        end_marked("independent-test:", &[], &[], Duration::from_secs(1)).await.unwrap();
        assert_eq!(fs::read_to_string(log).unwrap(), "said\n");
    }
}
