//! What can be wrong with an agent on a machine.

use std::path::PathBuf;

/// Something wrong with an agent on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The program is not there.
    #[error("{} is not installed, or not an executable file on the PATH", program.display())]
    NotFound {
        /// What was looked for.
        program: PathBuf,
    },
    /// It would not tell its version.
    #[error("{} does not tell its version: {reason}", program.display())]
    NoVersion {
        /// The program.
        program: PathBuf,
        /// What happened instead.
        reason: String,
    },
    /// Older than what this adapter has been tried with.
    #[error("version {found} is older than {tested}, the oldest known to work")]
    Older {
        /// The version here.
        found: String,
        /// The oldest tried.
        tested: &'static str,
    },
    /// Neither a key nor a login is configured, or the login is no longer good.
    #[error("not logged in: configure {key}, or credentials of a logged-in user")]
    NotLoggedIn {
        /// The variable that takes a key.
        key: &'static str,
    },
    /// The configured login file is not there.
    #[error("the credentials file {} is not there", path.display())]
    NoCredentials {
        /// The file.
        path: PathBuf,
    },
    /// A key is configured under a name that the program ignores.
    #[error("{set} is ignored here; the key belongs in {instead}")]
    IgnoredKey {
        /// The variable that is set.
        set: &'static str,
        /// The variable that works.
        instead: &'static str,
    },
    /// It has no protocol for a conversation; it is given one prompt per turn instead.
    #[error(
        "it cannot be talked to, so that a turn can be neither steered nor asked to stop: {command} failed"
    )]
    Silent {
        /// What it was asked.
        command: String,
    },
    /// The address of the model server is none that can be asked.
    #[error("the model server cannot be used: {reason}")]
    BadServer {
        /// What is wrong with it.
        reason: String,
    },
    /// The model server does not answer at the moment.
    #[error("the model server does not answer: {reason}")]
    Unreachable {
        /// What happened instead.
        reason: String,
    },
    /// The model server does not accept the key, or wants one.
    #[error("the model server refuses: {reason}")]
    KeyRefused {
        /// What it said.
        reason: String,
    },
    /// The model server lists its models, and the configured one is not among them.
    #[error("the model server does not list the model {model}")]
    UnknownModel {
        /// The model.
        model: String,
    },
    /// The configured script is not there.
    #[error("the script {} is not there", path.display())]
    NoScript {
        /// The file.
        path: PathBuf,
    },
}
