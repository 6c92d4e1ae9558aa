//! The process that is started itself, as opposed to what it starts: its pipes, its ending, its set.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;

use crate::domain::agent::ExitEvidence;
use crate::process::ProcessError;
use crate::process::adoption::{self, Key};
use crate::process::identity::ProcessIdentity;
use crate::process::marker::Marker;
use crate::process::process_set::{Claim, ProcessSet};
use crate::process::process_table;
use crate::process::sandbox::{self, Confinement};

/// How often and how long to wait when a program is "busy": another thread of this process was just starting something
/// else while the program's file was written, and that child has the file open until it runs its own program.
const BUSY: (u32, Duration) = (20, Duration::from_millis(10));

/// The greatest room a pipe may have for a user without privileges (`/proc/sys/fs/pipe-max-size`), in bytes.
#[cfg(target_os = "linux")]
const ROOM: usize = 1 << 20;

/// What to start.
pub(super) struct Program {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) cwd: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    pub(super) piped_stdin: bool,
    /// Whether its output has [`ROOM`]: the pages of all pipes of a user are counted.
    pub(super) roomy: bool,
    pub(super) confinement: Option<Confinement>,
}

/// A started process that leads its own group. Dropping it ends its whole set at once.
pub(super) struct Leader {
    child: Child,
    program: PathBuf,
    key: Key,
    set: ProcessSet,
    settled: bool,
}

/// The ends of the pipes to a started process. No standard input means that it reads `/dev/null`.
pub(super) struct Pipes {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Leader {
    /// Starts `program` in a group of its own with exactly the environment given.
    pub(super) async fn start(program: Program) -> Result<(Self, Pipes), ProcessError> {
        if !program.cwd.is_dir() {
            return Err(ProcessError::WorkingDirectory { path: program.cwd });
        }
        let mark = Marker::in_environment(&program.env).map(|marker| marker.value().to_owned());
        let failed = |source| ProcessError::Spawn { program: program.program.clone(), source };
        let (ours, theirs) = pipe(program.roomy).map_err(failed)?;
        let (mut child, key) = {
            let confinement = program.confinement.as_ref();
            let mut command = command(&program)?;
            // With the command goes our copy of its end: else it would never be at its end.
            command.stdout(theirs);
            launch(&mut command, &program.program, confinement).await?
        };
        let stdout = ChildStdout::from_std(OwnedFd::from(ours).into()).map_err(failed)?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let set = ProcessSet::new(Claim::Led { leader: key, mark });
        let leader = Self { child, program: program.program.clone(), key, set, settled: false };
        let Some(stderr) = stderr else {
            return Err(failed(io::Error::other("no pipe")));
        };
        Ok((leader, Pipes { stdin, stdout, stderr }))
    }

    /// Who it is.
    pub(super) fn identity(&self) -> Option<ProcessIdentity> {
        // It cannot be absent: even after its end the number is kept until `wait` has returned.
        process_table::entry(self.key.0).map(|entry| entry.identity())
    }

    /// Waits for its end. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> Result<ExitEvidence, ProcessError> {
        let status = self.child.wait().await;
        status
            .map(evidence)
            .map_err(|source| ProcessError::Wait { program: self.program.clone(), source })
    }

    /// Sends `signal` to its group, and remembers who belonged to the set while descent still shows it.
    pub(super) fn signal_group(&mut self, signal: Signal) -> Result<(), ProcessError> {
        let _members = self.set.observe()?;
        // Once waited for, the number may be another's.
        if let Some(pid) = self.child.id().and_then(adoption::raw) {
            let _gone = rustix::process::kill_process_group(pid, signal);
        }
        Ok(())
    }

    /// Ends everything it started and itself, and returns whom that took.
    pub(super) async fn end_set(&mut self) -> Result<Vec<ProcessIdentity>, ProcessError> {
        self.set.end().await
    }

    /// It has been waited for and whatever it left is dealt with.
    pub(super) fn settle(mut self) {
        self.settled = true;
        adoption::forget(self.key);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.settled {
            self.set.kill_at_once();
            adoption::abandon(self.key);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that starts programs")]
fn command(program: &Program) -> Result<Command, ProcessError> {
    let (file, args) = (located(program), program.args.clone());
    let (file, args) = match &program.confinement {
        None => (file, args),
        Some(confinement) => sandbox::command(confinement, file, args).map_err(|error| {
            let source = io::Error::other(error);
            ProcessError::Spawn { program: program.program.clone(), source }
        })?,
    };
    let mut command = Command::new(file);
    command
        .args(args)
        .current_dir(&program.cwd)
        .env_clear()
        .envs(&program.env)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(if program.piped_stdin { Stdio::piped() } else { Stdio::null() })
        .stderr(Stdio::piped());
    Ok(command)
}

/// A pipe; a `roomy` one has [`ROOM`], where the system lets us.
///
/// Programs on Node.js and Bun write what fits and keep the rest for later; one that exits at once loses the rest. OpenCode
/// does so with its answers: <https://github.com/anomalyco/opencode/issues/29330>.
fn pipe(roomy: bool) -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    #[cfg(target_os = "linux")]
    if roomy {
        // Refused when this user has many of them already: then it stays as it is.
        let _size = rustix::pipe::fcntl_setpipe_size(&writer, ROOM);
    }
    #[cfg(not(target_os = "linux"))]
    let _not_ours_to_choose = roomy;
    Ok((reader, writer))
}

/// A program named without a slash, looked up in the `PATH` that it will have. Left to the system, the lookup would be
/// done by a copy of this process: making one costs as much as a short git command.
fn located(program: &Program) -> PathBuf {
    let name = &program.program;
    let executable = |path: &PathBuf| {
        path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
    };
    let path = program.env.get("PATH").filter(|_| name.components().count() == 1);
    let found = path.and_then(|path| {
        let absolute = path.split(':').map(Path::new).filter(|directory| directory.is_absolute());
        absolute.map(|directory| directory.join(name)).find(executable)
    });
    found.unwrap_or_else(|| name.clone())
}

/// Starts `command`, which is `program`, confined if wanted, and notes it as a child of this process.
pub(super) async fn launch(
    command: &mut Command,
    program: &Path,
    confinement: Option<&Confinement>,
) -> Result<(Child, Key), ProcessError> {
    let mut tries = BUSY.0;
    loop {
        match adoption::note_started(|| spawn(command, confinement)) {
            Ok(started) => return Ok(started),
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries > 0 => {
                tries -= 1;
                tokio::time::sleep(BUSY.1).await;
            }
            Err(source) => {
                return Err(ProcessError::Spawn { program: program.to_owned(), source });
            }
        }
    }
}

fn spawn(command: &mut Command, confinement: Option<&Confinement>) -> io::Result<(Child, Key)> {
    let child = match confinement {
        None => command.spawn()?,
        Some(confinement) => {
            let runtime = Handle::current();
            let started = sandbox::confined(confinement, || {
                let _waited_for_here = runtime.enter();
                command.spawn()
            });
            started.map_err(io::Error::other)??
        }
    };
    // Not waited for yet, so it is listed even if it has already ended.
    let entry = child.id().and_then(process_table::entry);
    let key = entry.map(|entry| (entry.pid, entry.started));
    key.map(|key| (child, key)).ok_or_else(|| io::Error::other("not in the process table"))
}

/// What the system said of an end.
pub(super) fn evidence(status: ExitStatus) -> ExitEvidence {
    ExitEvidence { code: status.code(), signal: status.signal() }
}
