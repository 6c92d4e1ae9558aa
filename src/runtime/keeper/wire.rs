//! What daemon and keeper say to each other: the assignment on the keeper's standard input, lines over its socket, and the
//! outcome in a file.
//!
//! Requests and answers are one JSON object per line. Both ends may be of different versions, because a keeper lives on
//! while its daemon is replaced: fields are only ever added, with a default.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::agents::Opening;
use crate::domain::agent::{AgentKind, TurnReport};
use crate::process::sandbox::Confinement;

/// Longest request line, in bytes: room for a long instruction.
pub const LONGEST_REQUEST: u64 = 1 << 20;

/// One turn to be done. It comes over a pipe and holds secrets; it is never written to a disk.
#[derive(Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// The adapter that understands the agent.
    pub agent: AgentKind,
    /// The program; without a slash it is looked up in the `PATH` of `env`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The worktree.
    pub cwd: PathBuf,
    /// The agent's whole environment but for the marker.
    pub env: BTreeMap<String, String>,
    /// What it reads.
    pub told: Told,
    /// Where it may write and connect to; anything when absent.
    #[serde(default)]
    pub confinement: Option<Confinement>,
    /// How the conversation with it goes on.
    #[serde(default)]
    pub opening: Option<Opening>,
    /// File that will hold its final text.
    pub answer_file: Option<PathBuf>,
    /// How it is asked to stop.
    pub graceful: Ask,
    /// The run's mark.
    pub marker: String,
    /// Milliseconds that it may take.
    pub total_ms: u64,
    /// Milliseconds that it may print nothing at all.
    pub silence_ms: u64,
    /// Private directory of the turn, for journal, socket and outcome.
    pub scratch: PathBuf,
    /// Values that may not be stored or shown.
    pub secrets: Vec<String>,
    /// Milliseconds that it goes on without a daemon.
    pub orphan_grace_ms: u64,
    /// What whoever consumes the outcome has to know.
    pub remembered: Remembered,
}

impl fmt::Debug for Assignment {
    /// Without everything that may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (self.agent, &self.program, &self.cwd, &self.marker);
        formatter.debug_tuple("Assignment").field(&shown).finish_non_exhaustive()
    }
}

/// What an agent reads; see [`crate::process::speech::Stdin`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Nothing.
    Nothing,
    /// This text and then the end.
    Closed(String),
    /// This text, and then whatever is said while it runs.
    Open(String),
}

/// How an agent is asked to stop; see [`crate::process::agent_process::Signal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// Not at all: SIGKILL.
    Kill,
}

/// What the daemon knew when it started the turn and needs when the turn is over; the keeper only carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The adapter, for the co-author of the commit.
    pub agent: AgentKind,
    /// The worktree before a stage that may only read.
    pub before: Option<Before>,
}

/// A worktree as it was; see [`crate::workspaces::Fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// HEAD and its commit.
    pub head: String,
    /// The commit of the run's branch.
    pub branch: String,
    /// Digest of the index.
    pub index: String,
    /// Digest of the files.
    pub files: String,
}

/// What a turn came to. In the file `outcome.json`, whole or not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The judged turn, redacted.
    pub report: TurnReport,
    /// What the daemon gave along.
    pub remembered: Remembered,
}

/// What may be asked of a keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Request {
    /// Stay in touch: the end is announced on this connection, and while it is open the keeper is no orphan.
    Attach {
        /// Place in the journal from which on its lines are wanted: 0, or a cursor that came with lines. Absent: none.
        #[serde(default)]
        cursor: Option<u64>,
    },
    /// End the agent in good order.
    Stop {
        /// Why, for the keeper's log.
        reason: String,
    },
    /// Give the agent an instruction.
    Steer {
        /// Equal for one and the same instruction: it is given once, however often it is asked for.
        id: String,
        /// The instruction.
        text: String,
    },
    /// The outcome is in good hands; the keeper can go.
    Acknowledge {},
}

/// What a keeper answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Response {
    /// In touch.
    Attached {
        /// The keeper's process.
        process: u32,
    },
    /// Lines of the journal, redacted, each with its end.
    Lines {
        /// Place in the journal behind them.
        cursor: u64,
        /// The lines.
        text: String,
        /// Bytes before them that were wanted and are left out, because a journal is bounded.
        #[serde(default)]
        skipped: u64,
    },
    /// The agent is being asked to end.
    Stopping {},
    /// What became of an instruction.
    Instructed {
        /// The instruction.
        id: String,
        /// What became of it.
        reception: Reception,
    },
    /// The agent has ended, and the outcome is in its file.
    Ended {},
    /// The request is not understood or cannot be met.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What became of an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reception {
    /// It is in the agent's standard input.
    Injected {},
    /// The agent takes it only at the next turn.
    NextTurn {},
    /// It was not given.
    NotDelivered {
        /// Why, for people.
        reason: String,
    },
}
