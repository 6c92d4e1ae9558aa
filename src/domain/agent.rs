//! What the core knows of a coding agent: its turns, their endings, its capabilities.

use serde::{Deserialize, Serialize};

use super::budget::Usage;
use super::failure::Failure;

/// The adapters this build has. The word is what gets persisted and configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// Claude Code, stream-JSON.
    Claude,
    /// Codex, `exec --json`.
    Codex,
    /// OpenCode, `run --format json`.
    Opencode,
    /// Cursor's CLI, stream-JSON.
    Cursor,
    /// Hermes Agent.
    Hermes,
    /// Any program that speaks the Agent Client Protocol.
    Acp,
    /// Any program: prompt on stdin, answer on stdout.
    Command,
    /// Replays a script as a real child process; for the demo, tests and benchmarks.
    Scripted,
    /// Our own agent loop on a server of `/v1/responses` or chat completions.
    Responses,
}

impl AgentKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Claude,
        Self::Codex,
        Self::Opencode,
        Self::Cursor,
        Self::Hermes,
        Self::Acp,
        Self::Command,
        Self::Scripted,
        Self::Responses,
    ];

    /// The word used in configuration, events and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::Cursor => "cursor",
            Self::Hermes => "hermes",
            Self::Acp => "acp",
            Self::Command => "command",
            Self::Scripted => "scripted",
            Self::Responses => "responses",
        }
    }

    /// Parses a kind word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == text)
    }
}

/// What a model is doing for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Divides an item that is too large for one run, read-only, before anything else.
    Planner,
    /// Writes the change.
    Coder,
    /// Reviews it, read-only, in another session.
    Critic,
    /// Looks at the task and the code before anything is written, read-only.
    Diagnose,
    /// Adds tests to an accepted change.
    Tester,
    /// Brings the documentation up to an accepted change.
    Documenter,
    /// Looks for what would do harm, read-only; a gate like the critic.
    Auditor,
    /// Sums the run up for people and for later runs, read-only.
    #[serde(rename = "stage-documenter")]
    StageDocumenter,
}

impl Stage {
    /// Every stage, in the order of a run.
    pub const ALL: [Self; 8] = [
        Self::Planner,
        Self::Diagnose,
        Self::Coder,
        Self::Critic,
        Self::Tester,
        Self::Documenter,
        Self::Auditor,
        Self::StageDocumenter,
    ];

    /// The word used in configuration, events and on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Coder => "coder",
            Self::Critic => "critic",
            Self::Diagnose => "diagnose",
            Self::Tester => "tester",
            Self::Documenter => "documenter",
            Self::Auditor => "auditor",
            Self::StageDocumenter => "stage-documenter",
        }
    }

    /// Whether the operator switches it on and drives it like every other stage. The planner has rules of its own, and
    /// whether a run has one is decided item by item.
    #[must_use]
    pub fn is_configurable(self) -> bool {
        self != Self::Planner
    }

    /// Parses a stage word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == text)
    }

    /// Whether it may change the worktree. The others are held to reading, and git verifies it afterwards.
    #[must_use]
    pub fn writes(self) -> bool {
        match self {
            Self::Coder | Self::Tester | Self::Documenter => true,
            Self::Planner
            | Self::Critic
            | Self::Diagnose
            | Self::Auditor
            | Self::StageDocumenter => false,
        }
    }

    /// Whether a run cannot go on without its readable, nonce-bound verdict.
    #[must_use]
    pub fn is_gate(self) -> bool {
        match self {
            Self::Critic | Self::Auditor => true,
            Self::Planner
            | Self::Coder
            | Self::Diagnose
            | Self::Tester
            | Self::Documenter
            | Self::StageDocumenter => false,
        }
    }
}

/// Which clock ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutKind {
    /// No output for too long.
    Silence,
    /// The turn as a whole took too long.
    Total,
}

/// How an agent's turn ended. Exit codes are evidence; this is the judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TurnEnding {
    /// The agent reported its turn as complete.
    Completed,
    /// The turn failed for the stated, classified reason.
    Failed {
        /// What and why.
        failure: Failure,
    },
    /// One of our clocks ended it.
    TimedOut {
        /// Which one.
        clock: TimeoutKind,
    },
    /// Repeating itself without progress: ended by us.
    Stuck {
        /// The tool call or error that was repeated.
        evidence: String,
    },
    /// Ended because its run was cancelled or superseded.
    Cancelled,
}

/// Evidence of how the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExitEvidence {
    /// Exit code, if it exited.
    pub code: Option<i32>,
    /// Signal number, if a signal ended it.
    pub signal: Option<i32>,
}

/// Everything known about a finished turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnReport {
    /// The judgement.
    pub ending: TurnEnding,
    /// The agent's final text, bounded and redacted (the whole transcript is on disk).
    pub text: String,
    /// Tokens and money of this turn alone.
    pub usage: Usage,
    /// The agent's session id, ours where it lets us choose.
    pub session: Option<String>,
    /// The model the agent says it used.
    pub model: Option<String>,
    /// How the process ended.
    pub exit: ExitEvidence,
    /// Milliseconds from spawn to end.
    pub duration_ms: u64,
    /// Processes that outlived the agent and had to be ended.
    pub leftovers: u32,
    /// Tool calls the agent reported.
    pub tool_calls: u32,
}

impl TurnReport {
    /// Why the turn failed, if it did for a classified reason.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.ending {
            TurnEnding::Failed { failure } => Some(failure),
            TurnEnding::Completed
            | TurnEnding::TimedOut { .. }
            | TurnEnding::Stuck { .. }
            | TurnEnding::Cancelled => None,
        }
    }

    /// The report of a turn whose process never ran.
    #[must_use]
    pub fn not_started(failure: Failure) -> Self {
        Self {
            ending: TurnEnding::Failed { failure },
            text: String::new(),
            usage: Usage::default(),
            session: None,
            model: None,
            exit: ExitEvidence::default(),
            duration_ms: 0,
            leftovers: 0,
            tool_calls: 0,
        }
    }
}
