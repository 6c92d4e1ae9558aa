//! The only place that starts other programs, and the only one that ends them.
//!
//! Responsible for: complete environments (nothing is inherited), process groups, line streams with bounds, clocks, the
//! kill ladder, and the proof that nothing a run started is left. Coding agents put tool commands into sessions of their
//! own, so ending a group is not enough: a run's processes are found by an environment marker ([`marker`]), by descent,
//! and, on Linux, by adoption ([`adoption`]). Never decides what an ending means: exit codes and clocks are evidence for
//! the caller.

use std::io;
use std::path::PathBuf;

use crate::process::identity::ProcessIdentity;

pub mod adoption;
pub mod agent_process;
pub mod capture;
pub mod companion;
pub mod conversation;
pub mod identity;
pub mod independent;
pub mod journal;
mod leader;
mod lines;
pub mod marker;
mod process_set;
mod process_table;
pub mod recovery;
pub mod redact;
pub mod sandbox;
pub mod speech;
#[cfg(test)]
mod testing;
mod transcript;

/// Why a program could not be run or accounted for.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program could not be started: absent, not executable, arguments too long, no resources.
    #[error("could not start {}", program.display())]
    Spawn {
        /// The program that was asked for.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory to start in is not there, or is no directory.
    #[error("no directory to start in: {}", path.display())]
    WorkingDirectory {
        /// The directory that was asked for.
        path: PathBuf,
    },
    /// The system would not say how the program ended.
    #[error("could not wait for {}", program.display())]
    Wait {
        /// The program that was started.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The list of running processes could not be read, so nothing can be proven about them.
    #[error("could not read the process table")]
    Table {
        /// What the system said.
        source: io::Error,
    },
    /// These processes were still there after repeated SIGKILL.
    #[error("{} of its processes cannot be ended: {}", survivors.len(), identity::list(survivors))]
    Survivors {
        /// Who they are.
        survivors: Vec<ProcessIdentity>,
    },
    /// The transcript of the program's output could not be written.
    #[error("could not write the transcript {}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller cancelled it; everything it had started is gone.
    #[error("cancelled")]
    Cancelled,
}
