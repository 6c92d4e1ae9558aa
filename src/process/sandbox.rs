//! Confining a process with everything it starts: where it may write, and where it may connect to.
//!
//! On Linux by Landlock (kernel 6.2 for files, 6.7 for the network): the calling thread gives up rights for good, and so
//! does everything it starts afterwards. So a process that is to be confined is started by a process that has confined
//! itself. Beside what is asked for, a confined process can no longer mount anything, nor, unless it is root, read the
//! environment or memory of processes outside its confinement. Reading files is not limited, and of the network only TCP
//! is.

use std::path::{Path, PathBuf};

/// What a confined process may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    /// Files and directories, with all that is below them, in which it may create, change and remove; each must exist.
    pub writable: Vec<PathBuf>,
    /// Where it may connect to.
    pub network: Network,
}

/// Where a confined process may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Confines the calling thread and everything it starts from now on. It cannot be taken back.
///
/// # Errors
/// When the system cannot do it completely; then nothing that was asked for may be relied on.
#[cfg(target_os = "linux")]
pub fn confine_thread(confinement: &Confinement) -> Result<(), SandboxError> {
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

/// Confines the calling thread and everything it starts from now on. It cannot be taken back.
///
/// # Errors
/// Always: this system has no such means that can be used here.
#[cfg(not(target_os = "linux"))]
pub fn confine_thread(_confinement: &Confinement) -> Result<(), SandboxError> {
    Err(SandboxError::Unsupported { what: "processes", needed: "it takes Linux with Landlock" })
}

/// What this system can confine, tried out on a thread of its own that ends at once.
#[must_use]
pub fn support() -> Support {
    let can = |network: Network| {
        std::thread::scope(|scope| {
            let confinement = Confinement { writable: Vec::new(), network };
            scope.spawn(move || confine_thread(&confinement).is_ok()).join().unwrap_or(false)
        })
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    use super::*;

    /// Runs `work` on a thread that confines itself first.
    fn confined<T: Send>(confinement: &Confinement, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                confine_thread(confinement).unwrap();
                work()
            });
            thread.join().unwrap()
        })
    }

    /// Whether the tests can be run here; says so if not.
    fn supported() -> bool {
        let support = support();
        if !support.files || !support.network {
            println!("skipped: Landlock for files and network not found");
        }
        support.files && support.network
    }

    #[expect(clippy::disallowed_methods, reason = "a confined program, to see what it can do")]
    fn shell(script: &str) -> bool {
        Command::new("/bin/sh").args(["-c", script]).status().unwrap().success()
    }

    #[test]
    fn a_confined_process_and_its_children_write_only_where_they_may() {
        if !supported() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
        fs::create_dir_all(inside.join("deep")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("there"), "old").unwrap();
        let writable = vec![inside.clone()];
        let confinement = Confinement { writable, network: Network::Open };
        confined(&confinement, || {
            fs::write(inside.join("deep/new"), "1").unwrap();
            fs::rename(inside.join("deep/new"), inside.join("moved")).unwrap();
            fs::remove_file(inside.join("moved")).unwrap();
            assert!(fs::write(outside.join("new"), "1").is_err());
            assert!(fs::write(outside.join("there"), "new").is_err());
            assert!(fs::remove_file(outside.join("there")).is_err());
            assert_eq!(
                fs::read_to_string(outside.join("there")).unwrap(),
                "old",
                "reading is free"
            );
            let (inside, outside) = (inside.display(), outside.display());
            assert!(shell(&format!("echo 1 > {inside}/child && echo 1 > /dev/null")));
            assert!(!shell(&format!("echo 1 > {outside}/child")));
            assert!(!shell(&format!("ln -s {outside} {inside}/link && echo 1 > {inside}/link/x")));
        });
        assert!(!outside.join("new").exists() && !outside.join("child").exists());
        fs::write(outside.join("new"), "1").unwrap();
    }

    #[test]
    fn a_confined_process_connects_only_to_the_ports_it_may() {
        if !supported() {
            return;
        }
        let allowed = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let [allowed, other] = [&allowed, &other].map(|it| it.local_addr().unwrap());
        let network = Network::Ports(vec![allowed.port()]);
        confined(&Confinement { writable: Vec::new(), network }, || {
            assert!(TcpStream::connect(allowed).is_ok());
            assert!(TcpStream::connect(other).is_err());
            assert!(TcpListener::bind("127.0.0.1:0").is_err());
        });
        assert!(TcpStream::connect(other).is_ok());
    }

    #[test]
    fn a_confined_process_cannot_read_the_environment_of_one_that_is_not() {
        if !supported() {
            return;
        }
        if rustix::process::geteuid().is_root() {
            println!("skipped: root may read every environment, confined or not");
            return;
        }
        let own = format!("/proc/{}/environ", std::process::id());
        assert!(fs::read(&own).is_ok());
        let confinement = Confinement { writable: Vec::new(), network: Network::Open };
        assert!(confined(&confinement, || !shell(&format!("cat {own} > /dev/null 2> /dev/null"))));
    }

    #[test]
    fn a_place_that_is_not_there_is_an_error_and_not_forgotten() {
        if !supported() {
            return;
        }
        let writable = vec![PathBuf::from("/nowhere/at/all")];
        let confinement = Confinement { writable, network: Network::Open };
        let said = std::thread::scope(|scope| {
            scope.spawn(|| confine_thread(&confinement).unwrap_err().to_string()).join().unwrap()
        });
        assert!(said.contains("/nowhere/at/all"), "{said}");
    }

    #[test]
    fn of_a_worktrees_repository_only_its_own_corner_is_git_s_to_write() {
        let directory = tempfile::tempdir().unwrap();
        let corner = directory.path().join("repository/.git/worktrees/one");
        let worktree = directory.path().join("one");
        fs::create_dir_all(&corner).unwrap();
        fs::create_dir(&worktree).unwrap();
        assert_eq!(git_places(&worktree), Vec::<PathBuf>::new());
        fs::write(worktree.join(".git"), format!("gitdir: {}\n", corner.display())).unwrap();
        assert_eq!(git_places(&worktree), [corner]);
    }
}
