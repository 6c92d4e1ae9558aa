//! Everything a store may refuse or fail with.

use uuid::Uuid;

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, StreamId};

use super::batch::Expected;

/// Why nothing was stored, or nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A stream is not where the caller believed it to be: load again and decide again.
    #[error("stream `{stream}` is at event {actual}, not where it was expected ({expected:?})")]
    Conflict {
        /// Which stream.
        stream: StreamId,
        /// What the caller believed.
        expected: Expected,
        /// Sequence number of its last event (0: none).
        actual: u64,
    },
    /// The caller has lost the right to write this: it must stop.
    #[error("`{resource}` is at fence {stored}, so fence {given} no longer counts")]
    Fenced {
        /// The lease, or `daemon` for the epoch.
        resource: String,
        /// What the caller showed.
        given: u64,
        /// What counts.
        stored: u64,
    },
    /// The idempotency key was used for a different request.
    #[error("key `{key}` of `{scope}` was used for a different request")]
    IdempotencyMismatch {
        /// Who handed out the key.
        scope: String,
        /// The key.
        key: String,
    },
    /// An event is larger than `MAX_PAYLOAD_BYTES`.
    #[error("event `{kind}` has {bytes} bytes, more than may be stored")]
    PayloadTooLarge {
        /// Its type.
        kind: String,
        /// Its size.
        bytes: usize,
    },
    /// A batch has more than `MAX_BATCH_EVENTS` events.
    #[error("a batch of {events} events is more than may be stored at once")]
    BatchTooLarge {
        /// How many.
        events: usize,
    },
    /// An event with this id is stored already.
    #[error("event {id} is stored already")]
    DuplicateEvent {
        /// The id.
        id: Uuid,
    },
    /// An effect was settled that nobody asked for.
    #[error("no effect `{key}` was ever requested")]
    UnknownEffect {
        /// The key.
        key: EffectKey,
    },
    /// An event or a state could not be written as JSON.
    #[error("cannot encode {what}")]
    Encode {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another process held the database for too long.
    #[error("the database was locked by another process for too long")]
    Busy,
    /// What is stored contradicts itself.
    #[error("the log is damaged: {what}")]
    Corrupt {
        /// Where and how.
        what: String,
    },
    /// The database was made by another version than this one can work with.
    #[error("the database schema does not fit this version: {what}")]
    Schema {
        /// In which way.
        what: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The file system or the database failed.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// What this means for whoever wanted something stored.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let class = match self {
            Self::Conflict { .. } | Self::Busy | Self::Io { .. } | Self::Closed => {
                FailureClass::Infrastructure
            }
            Self::Fenced { .. } => FailureClass::Cancelled,
            Self::IdempotencyMismatch { .. }
            | Self::PayloadTooLarge { .. }
            | Self::BatchTooLarge { .. }
            | Self::DuplicateEvent { .. }
            | Self::UnknownEffect { .. }
            | Self::Encode { .. }
            | Self::Corrupt { .. }
            | Self::Schema { .. } => FailureClass::Configuration,
        };
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Failure::new(class, message)
    }
}
