//! Operational rows next to the log: head, streams, outbox, leases, processes, idempotency records.

use uuid::Uuid;

use crate::domain::effect::Effect;
use crate::domain::ids::{EffectKey, RunId, StreamId};
use crate::domain::time::Timestamp;

use super::envelope::Hash;

/// Where the log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Identity of this log; part of every hash, so that events cannot be moved between logs.
    pub log_id: Uuid,
    /// Global number of the last event (0: none).
    pub gseq: u64,
    /// Running hash over all events: an anchor, if written down elsewhere.
    pub ghash: Hash,
    /// Time of the last event.
    pub at: Timestamp,
    /// Number of daemons that took over the log so far.
    pub epoch: u64,
    /// The daemon that took it over last.
    pub instance: String,
}

/// Where one stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// Its name.
    pub name: StreamId,
    /// Sequence number of its last event.
    pub seq: u64,
    /// Hash of its last event.
    pub hash: Hash,
    /// Global number of its first event.
    pub created_gseq: u64,
}

/// Whether an effect is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxState {
    /// To be done.
    Pending,
    /// Done.
    Done,
    /// Given up.
    Dead,
}

impl OutboxState {
    /// The word in the `state` column.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// Parses the word in the `state` column.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Done, Self::Dead].into_iter().find(|state| state.word() == word)
    }
}

/// A requested side effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its deterministic name.
    pub key: EffectKey,
    /// What is to be done.
    pub effect: Effect,
    /// Global number of the last event of the batch that asked for it.
    pub gseq: u64,
    /// Whether it is still to be done.
    pub state: OutboxState,
    /// Attempts that ended so far.
    pub attempts: u32,
    /// When it may be tried (again).
    pub not_before: Timestamp,
    /// Why the last attempt did not do.
    pub last_error: Option<String>,
    /// Global number of the last event of the batch that settled it for good.
    pub settled_gseq: Option<u64>,
}

/// The right to work on something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// On what.
    pub resource: String,
    /// Whose; nobody's after a release.
    pub holder: Option<String>,
    /// Fencing number: only ever grows.
    pub fence: u64,
    /// When it was taken.
    pub acquired: Timestamp,
    /// When others may take it over.
    pub expires: Timestamp,
}

/// An agent's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    /// The run it works for.
    pub run: RunId,
    /// The turn it works for.
    pub turn: u32,
    /// Its process id.
    pub pid: u32,
    /// When the system says it was started; with the id, this names the process and not its successor.
    pub start_time: String,
}

/// A remembered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// Who handed out the key.
    pub scope: String,
    /// The key.
    pub key: String,
    /// Digest of the request.
    pub request_sha256: [u8; 32],
    /// Global number of the first event it led to.
    pub first_gseq: u64,
    /// Global number of the last event it led to.
    pub last_gseq: u64,
    /// When.
    pub at: Timestamp,
}
