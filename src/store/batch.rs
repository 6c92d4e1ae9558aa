//! What is appended: one decision with everything that must become true together with it.

use uuid::Uuid;

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, StreamId};
use crate::domain::time::Timestamp;

use super::envelope::Hash;

/// Most bytes one event's payload may have. Larger things belong into files that an event names by digest.
///
/// 1 MiB: an item's text (96 KiB, at most six times that when escaped in JSON) travels in the event that starts a run.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Most events one batch may have.
pub const MAX_BATCH_EVENTS: usize = 4096;

/// What the caller believes about a stream; anything else is a conflict and nothing is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No belief: append whatever is there.
    Any,
    /// The stream has no events yet.
    NoStream,
    /// The stream's last event has this sequence number (0: no events yet).
    Exact(u64),
    /// The stream's last event has this hash.
    Head(Hash),
}

/// An event that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id (UUIDv7); unique over the whole log.
    pub id: Uuid,
    /// What happened.
    pub event: Event,
}

/// Events for one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamAppend {
    /// Which stream.
    pub stream: StreamId,
    /// What the caller believes about it.
    pub expected: Expected,
    /// What is added to it, in order.
    pub events: Vec<NewEvent>,
}

/// Makes a repeated request one request: the same scope and key are stored once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who hands out the keys (`command`, `tracker/local`).
    pub scope: String,
    /// The request's key within the scope.
    pub key: String,
    /// Digest of the request: the same key for another request is an error, not a silent success.
    pub request_sha256: [u8; 32],
}

/// A side effect that is to be done after the batch is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEffect {
    /// What.
    pub effect: Effect,
    /// Not before.
    pub not_before: Timestamp,
}

/// How an attempt at an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It is done.
    Done,
    /// It will not be done.
    Dead {
        /// Why.
        error: String,
    },
    /// It is to be tried again.
    Retry {
        /// Not before.
        not_before: Timestamp,
        /// Why this attempt did not do.
        error: String,
    },
    /// It was given up and is wanted again after all.
    Revived {
        /// Not before.
        not_before: Timestamp,
    },
}

/// Settles an effect together with the events that follow from it. The first settlement that is final wins; later ones
/// change nothing, but for the wish to have what was given up after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleEffect {
    /// Which effect.
    pub key: EffectKey,
    /// How it ended.
    pub settlement: Settlement,
}

/// A change of who may work on something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseChange {
    /// `holder` has it now.
    Acquire {
        /// What.
        resource: String,
        /// Who.
        holder: String,
        /// Fencing number; must be larger than every earlier one of the resource.
        fence: u64,
        /// When others may take it over.
        expires: Timestamp,
    },
    /// Nobody has it now.
    Release {
        /// What.
        resource: String,
        /// Fencing number it was acquired with.
        fence: u64,
    },
}

/// One decision. Stored whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Events, per stream. The global order is the order given here.
    pub streams: Vec<StreamAppend>,
    /// The clock at the decision. Stored times never go backwards: an earlier one than the log's last is raised to it.
    pub at: Timestamp,
    /// Who decided (`system:dispatcher`, `human:cli:ann`, `agent:claude:critic`).
    pub actor: String,
    /// What the events belong to, usually a run.
    pub correlation: Option<Uuid>,
    /// The event or command that led to them.
    pub causation: Option<Uuid>,
    /// Makes the batch repeatable.
    pub idempotency: Option<Idempotency>,
    /// Side effects that become due. One that was asked for before is not asked for again.
    pub effects: Vec<NewEffect>,
    /// Side effects that are settled by this batch.
    pub settle: Vec<SettleEffect>,
    /// Leases the caller believes to hold: resource and fencing number. Checked before `leases` is carried out.
    pub fences: Vec<(String, u64)>,
    /// Leases that change hands.
    pub leases: Vec<LeaseChange>,
    /// The caller's daemon epoch (see `Store::begin_epoch`; 0 before the first); any other than the log's is refused.
    pub epoch: u64,
}

impl Batch {
    /// A batch that changes nothing yet.
    pub fn new(at: Timestamp, actor: impl Into<String>, epoch: u64) -> Self {
        Self {
            streams: Vec::new(),
            at,
            actor: actor.into(),
            correlation: None,
            causation: None,
            idempotency: None,
            effects: Vec::new(),
            settle: Vec::new(),
            fences: Vec::new(),
            leases: Vec::new(),
            epoch,
        }
    }

    /// The same batch with `events` added to `stream`.
    #[must_use]
    pub fn with_events(
        mut self,
        stream: StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Self {
        self.streams.push(StreamAppend { stream, expected, events });
        self
    }
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Global number of the batch's first event; `last_gseq + 1` if it had none.
    pub first_gseq: u64,
    /// Global number of the batch's last event; the log's head if it had none.
    pub last_gseq: u64,
    /// The streams written to and the sequence number of their last event in this batch, sorted by name.
    pub heads: Vec<(StreamId, u64)>,
    /// Whether the batch was stored earlier under the same idempotency key; nothing was done now.
    pub deduplicated: bool,
}
