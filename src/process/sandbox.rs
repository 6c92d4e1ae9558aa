//! Confining a process with everything it starts: where it may write, and where it may connect to.
//!
//! On Linux by Landlock (kernel 6.2 for files, 6.7 for the network): the calling thread gives up rights for good, and so
//! does everything it starts afterwards. So a process that is to be confined is started by a process that has confined
//! itself. Beside what is asked for, a confined process can no longer mount anything, nor, unless it is root, read the
//! environment or memory of processes outside its confinement. Reading files is not limited, and of the network only TCP
//! is.
//!
//! On macOS by `sandbox-exec`: what is to be confined is started through it ([`command`]). That part was reviewed and never
//! run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(test, target_os = "macos"))]
mod profile;

/// What it takes for files to be confined, for people.
pub const NEEDED: &str = "it takes Linux 6.2 or later with Landlock, or macOS with sandbox-exec";

/// What it takes for the network to be confined where files can be, for people.
pub const NEEDED_FOR_NETWORK: &str = "limiting the network takes Linux 6.7 or later with Landlock";

/// What a confined process may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Files and directories, with all that is below them, in which it may create, change and remove; each must exist.
    pub writable: Vec<PathBuf>,
    /// Where it may connect to.
    pub network: Network,
}

/// Where a confined process may connect to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Anywhere.
    Open,
    /// Over TCP to these ports only, on whatever host; none at all when empty. It may not listen on TCP either.
    Ports(Vec<u16>),
}

/// Whether agents are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They are not.
    #[default]
    Off,
    /// They are where the system can, and run unconfined where it cannot.
    Preferred,
    /// They are, or do not run.
    Required,
}

/// What the operator wants of the confinement of agents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Whether.
    pub mode: Mode,
    /// Where they may write, beside their worktree and their home.
    pub writable: Vec<PathBuf>,
    /// The TCP ports they may connect to; any when absent.
    pub ports: Option<Vec<u16>>,
}

/// What this system can confine. Found out by doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Writing to files.
    pub files: bool,
    /// Connecting over TCP.
    pub network: bool,
}

/// Why a process could not be confined as asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The system has no means.
    #[error("this system cannot confine {what}: {needed}")]
    Unsupported {
        /// What could not be confined.
        what: &'static str,
        /// What it would take.
        needed: &'static str,
    },
    /// A place to write to cannot be named to the system.
    #[error("{} cannot be made writable: {reason}", path.display())]
    Place {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The system refused the rules.
    #[error("the system refused the confinement: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
}

/// Devices that programs write to without leaving anything behind.
#[cfg(target_os = "linux")]
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
];

/// Program and arguments that have to be started, by [`confined`], so that `program` with `args` runs confined.
///
/// # Errors
/// When the confinement cannot be put into the system's words.
#[cfg(target_os = "macos")]
pub fn command(
    confinement: &Confinement,
    program: PathBuf,
    args: Vec<OsString>,
) -> Result<(PathBuf, Vec<OsString>), SandboxError> {
    macos::command(confinement, program, args)
}

/// Program and arguments that have to be started, by [`confined`], so that `program` with `args` runs confined: the same.
///
/// # Errors
/// None here.
#[cfg(not(target_os = "macos"))]
pub fn command(
    _confinement: &Confinement,
    program: PathBuf,
    args: Vec<OsString>,
) -> Result<(PathBuf, Vec<OsString>), SandboxError> {
    Ok((program, args))
}

/// Runs `work` on a thread of its own that is confined first, and waits for it. What it starts stays confined: where the
/// system confines programs and not threads, if it is what [`command`] said.
///
/// # Errors
/// When the system cannot do it completely; then `work` was not run.
pub fn confined<T: Send>(
    confinement: &Confinement,
    work: impl FnOnce() -> T + Send,
) -> Result<T, SandboxError> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| confine_thread(confinement).map(|()| work()));
        thread.join().unwrap_or_else(|_| {
            Err(SandboxError::Refused { reason: "its thread broke off".to_owned() })
        })
    })
}

/// Confines the calling thread and everything it starts from now on. It cannot be taken back.
#[cfg(target_os = "linux")]
fn confine_thread(confinement: &Confinement) -> Result<(), SandboxError> {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, PathBeneath,
        PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
        path_beneath_rules,
    };
    let refused = |error: RulesetError| SandboxError::Refused { reason: error.to_string() };
    let no_files = |_| SandboxError::Unsupported {
        what: "writing to files",
        needed: "it takes Linux 6.2 or later with Landlock",
    };
    let no_network = |_| SandboxError::Unsupported {
        what: "the network",
        needed: "it takes Linux 6.7 or later with Landlock",
    };
    let write = AccessFs::from_write(ABI::V3);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(write)
        .map_err(no_files)?;
    if let Network::Ports(_) = &confinement.network {
        rules = rules.handle_access(AccessNet::from_all(ABI::V4)).map_err(no_network)?;
    }
    let mut created = rules.create().map_err(refused)?;
    for path in &confinement.writable {
        let opened = PathFd::new(path).map_err(|error| SandboxError::Place {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let rights = if path.is_dir() { write } else { write & AccessFs::from_file(ABI::V3) };
        created = created.add_rule(PathBeneath::new(opened, rights)).map_err(refused)?;
    }
    let devices = path_beneath_rules(DEVICES, AccessFs::WriteFile | AccessFs::Truncate);
    created = created.add_rules(devices).map_err(refused)?;
    if let Network::Ports(ports) = &confinement.network {
        for port in ports {
            let rule = NetPort::new(*port, AccessNet::ConnectTcp);
            created = created.add_rule(rule).map_err(refused)?;
        }
    }
    let _complete = created.restrict_self().map_err(refused)?;
    Ok(())
}

/// Here the program that is started confines itself; see [`command`].
#[cfg(target_os = "macos")]
fn confine_thread(_confinement: &Confinement) -> Result<(), SandboxError> {
    Ok(())
}

/// This system has no means that can be used here.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn confine_thread(_confinement: &Confinement) -> Result<(), SandboxError> {
    Err(SandboxError::Unsupported { what: "processes", needed: NEEDED })
}

/// What this system can confine, tried out by a program that ends at once.
#[cfg(target_os = "macos")]
#[must_use]
pub fn support() -> Support {
    macos::support()
}

/// What this system can confine, tried out on a thread of its own that ends at once.
#[cfg(not(target_os = "macos"))]
#[must_use]
pub fn support() -> Support {
    let can = |network: Network| {
        let confinement = Confinement { writable: Vec::new(), network };
        confined(&confinement, || ()).is_ok()
    };
    Support { files: can(Network::Open), network: can(Network::Ports(Vec::new())) }
}

/// The directories of a git worktree's repository that git itself writes to when its status or index is refreshed:
/// those of the worktree alone, never hooks, configuration, refs or objects.
#[must_use]
pub fn git_places(worktree: &Path) -> Vec<PathBuf> {
    let Ok(pointer) = std::fs::read_to_string(worktree.join(".git")) else { return Vec::new() };
    let named = pointer.lines().next().and_then(|line| line.strip_prefix("gitdir: "));
    named.map(|path| worktree.join(path)).filter(|path| path.is_dir()).into_iter().collect()
}

#[cfg(test)]
mod tests;
