//! Everything that can go wrong, as people read it: what failed, where, what to do, and the exit code.

use std::error::Error;

use crate::config::report::ConfigReport;
use crate::daemon::DaemonError;
use crate::runtime::state_dir::StateDirError;
use crate::store::error::StoreError;
use crate::surfaces::control::client::ClientError;
use crate::surfaces::control::server::BindError;
use crate::surfaces::control::wire::ErrorCode;
use crate::surfaces::http::server::PortError;

/// All went well.
pub const OK: u8 = 0;
/// It did not work; for `run` and `exec`: the task did not succeed.
pub const FAILURE: u8 = 1;
/// `exec`: the time was up and the work was cancelled.
pub const TIMEOUT: u8 = 2;
/// `receipts verify`: the log was altered or is damaged.
pub const INTEGRITY: u8 = 2;
/// `stop`: the stop policy says no.
pub const STOP_DENIED: u8 = 2;
/// `receipts verify`: the derived tables do not follow from the log.
pub const PROJECTION_DRIFT: u8 = 3;
/// `receipts verify`: the log does not continue a head that was noted down.
pub const ANCHOR_MISMATCH: u8 = 4;
/// The command line is not understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// Another process holds the state directory (`EX_TEMPFAIL`).
pub const HELD: u8 = 75;
/// The configuration is wrong (`EX_CONFIG`); `validate` itself exits with 1.
pub const CONFIGURATION: u8 = 78;
/// Interrupted (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

/// A command that could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// What failed and where.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// How the process ends.
    pub code: u8,
}

impl CliError {
    /// A failure in plain words.
    pub fn failure(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: FAILURE }
    }

    /// A mistake in the arguments that only shows when they are looked at together.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: USAGE }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// An error with all its sources.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Nobody has recorded anything at this place yet.
#[must_use]
pub fn nothing_recorded(state_dir: &std::path::Path) -> CliError {
    CliError::failure(format!("there is nothing on record in {} yet", state_dir.display())).hint(
        "`enact-factory start` begins; if it runs with another configuration, name it with `--config`",
    )
}

/// What a daemon or the log does not know.
#[must_use]
pub fn unknown(target: &str) -> CliError {
    CliError::failure(format!("no item or run is called `{target}`, or several are"))
        .hint("`enact-factory status` lists them; `source/identifier` names one of several")
}

impl From<ConfigReport> for CliError {
    fn from(report: ConfigReport) -> Self {
        let count = report.problems.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        Self {
            message: format!("the configuration has {count} {noun}\n{report}"),
            hint: Some("`enact-factory validate` shows them again".to_owned()),
            code: CONFIGURATION,
        }
    }
}

impl From<StateDirError> for CliError {
    fn from(error: StateDirError) -> Self {
        match &error {
            StateDirError::Held { .. } => Self {
                message: error.to_string(),
                hint: Some(
                    "one daemon per state directory: stop that one, or give this one a \
                     `daemon.state_dir` of its own"
                        .to_owned(),
                ),
                code: HELD,
            },
            StateDirError::Io { .. } => Self::failure(chain(&error))
                .hint("`daemon.state_dir` must be a directory that this user may write to"),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let failure = Self::failure(chain(&error));
        match &error {
            StoreError::Corrupt { .. } => {
                failure.hint("`enact-factory receipts verify` says what is damaged")
            }
            StoreError::Schema { .. } => {
                failure.hint("use the version of enact-factory that wrote it, or a newer one")
            }
            StoreError::Busy => failure.hint("another process is writing a lot; try again"),
            StoreError::Io { .. } => {
                failure.hint("look at free space, permissions and the disk: `enact-factory doctor`")
            }
            StoreError::Conflict { .. }
            | StoreError::Fenced { .. }
            | StoreError::IdempotencyMismatch { .. }
            | StoreError::PayloadTooLarge { .. }
            | StoreError::BatchTooLarge { .. }
            | StoreError::DuplicateEvent { .. }
            | StoreError::UnknownEffect { .. }
            | StoreError::Encode { .. }
            | StoreError::Closed => failure,
        }
    }
}

impl From<DaemonError> for CliError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::State(error) => error.into(),
            DaemonError::Store(error) => error.into(),
            DaemonError::NotDurable(message) => Self { message, hint: None, code: CONFIGURATION },
            DaemonError::Workspaces(_) | DaemonError::Recovery(_) | DaemonError::Tracker(_) => {
                Self::failure(chain(&error))
                    .hint("`enact-factory doctor` looks at everything the daemon needs")
            }
        }
    }
}

impl From<BindError> for CliError {
    fn from(error: BindError) -> Self {
        Self::failure(chain(&error))
            .hint("a `daemon.state_dir` on a local file system with a shorter path usually helps")
    }
}

impl From<PortError> for CliError {
    fn from(error: PortError) -> Self {
        Self::failure(chain(&error)).hint(
            "another program, or another daemon, listens there: stop it, or set `http.listen` to another port",
        )
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let failure = Self::failure(chain(&error));
        match &error {
            ClientError::Refused { code, .. } => match code {
                ErrorCode::Protocol => {
                    failure.hint("`enact-factory --version` says what this one is")
                }
                ErrorCode::Stopping | ErrorCode::Busy => failure.hint("try again in a moment"),
                ErrorCode::Malformed
                | ErrorCode::TooLarge
                | ErrorCode::Forbidden
                | ErrorCode::Store => failure,
            },
            ClientError::Silent { .. } | ClientError::Garbled { .. } => {
                failure.hint("look at the daemon's log; starting it again loses nothing")
            }
            ClientError::Io { .. } | ClientError::Gone { .. } => {
                failure.hint("`enact-factory status` says whether it is still running")
            }
        }
    }
}
