//! A stored event and its hashes. The byte-exact definition is `docs/receipts.md`; this file and that one change together
//! or not at all, and then under a new tag.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::ids::StreamId;
use crate::domain::time::Timestamp;

use super::rows::LogHead;

const EVENT_TAG: &[u8] = b"enact-factory/event/1";
const STREAM_TAG: &[u8] = b"enact-factory/stream/1";
const LOG_TAG: &[u8] = b"enact-factory/log/1";
const GLOBAL_TAG: &[u8] = b"enact-factory/global/1";
const HEAD_TAG: &[u8] = b"enact-factory/head/1";

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// First twelve hex digits: what people compare by eye.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

/// What could be made of a stored payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every value is the large one")]
pub enum Decoded {
    /// An event of this version's vocabulary.
    Known(Event),
    /// Nothing: another version's vocabulary, or damaged. Folds leave it out.
    Unknown {
        /// Why it could not be read.
        reason: String,
    },
    /// The payload was removed; the hashes still hold.
    Redacted,
}

impl Decoded {
    /// The event, if it could be read.
    #[must_use]
    pub fn known(&self) -> Option<&Event> {
        match self {
            Self::Known(event) => Some(event),
            Self::Unknown { .. } | Self::Redacted => None,
        }
    }
}

/// A stored event with its hashes: a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Place in the whole log, from 1, without gaps.
    pub gseq: u64,
    /// Its stream.
    pub stream: StreamId,
    /// Place in its stream, from 1, without gaps.
    pub seq: u64,
    /// Its id.
    pub id: Uuid,
    /// When; never before the event before it.
    pub at: Timestamp,
    /// What the clock really said, if that was earlier.
    pub clock: Option<Timestamp>,
    /// Its type (`work_item.claimed`).
    pub kind: String,
    /// Version of its type's payload.
    pub schema_version: u16,
    /// Who decided.
    pub actor: String,
    /// What it belongs to.
    pub correlation: Option<Uuid>,
    /// What led to it.
    pub causation: Option<Uuid>,
    /// Scope and key of the request it answers.
    pub idempotency: Option<(String, String)>,
    /// The stored JSON, byte for byte; absent after redaction.
    pub payload: Option<String>,
    /// Blinds the payload's digest; absent after redaction.
    pub salt: Option<[u8; 16]>,
    /// Digest of salt and payload.
    pub payload_sha256: Hash,
    /// Hash of the event before it in its stream.
    pub prev_hash: Hash,
    /// Its own hash.
    pub hash: Hash,
    /// Running hash of the whole log up to and including it.
    pub ghash: Hash,
    /// What this version can make of the payload.
    pub event: Decoded,
}

/// Running hash of a log without events.
#[must_use]
pub fn log_genesis(log_id: Uuid) -> Hash {
    digest(&[LOG_TAG, log_id.as_bytes()])
}

/// What the first event of a stream has as `prev_hash`: binds it to its log and stream.
#[must_use]
pub fn stream_genesis(log_id: Uuid, stream: &StreamId) -> Hash {
    digest(&[STREAM_TAG, log_id.as_bytes(), stream.as_str().as_bytes()])
}

/// Digest that stands for a payload in the event's hash.
#[must_use]
pub fn payload_digest(salt: &[u8; 16], payload: &[u8]) -> Hash {
    digest(&[salt, payload])
}

/// Running hash after an event.
#[must_use]
pub fn next_ghash(before: Hash, gseq: u64, hash: Hash) -> Hash {
    digest(&[GLOBAL_TAG, &before.0, &gseq.to_be_bytes(), &hash.0])
}

/// Hash of an event, from its own fields (`hash` itself and everything assigned globally are not read).
#[must_use]
pub fn event_hash(event: &Recorded) -> Hash {
    let mut preimage = Preimage::new(EVENT_TAG);
    preimage.bytes(event.stream.as_str().as_bytes());
    preimage.number(event.seq.to_be_bytes());
    preimage.bytes(event.id.as_bytes());
    preimage.number(event.at.0.to_be_bytes());
    preimage.optional(event.clock.map(|clock| clock.0.to_be_bytes()));
    preimage.bytes(event.kind.as_bytes());
    preimage.number(u64::from(event.schema_version).to_be_bytes());
    preimage.bytes(event.actor.as_bytes());
    preimage.optional(event.correlation.map(Uuid::into_bytes));
    preimage.optional(event.causation.map(Uuid::into_bytes));
    preimage.optional(event.idempotency.as_ref().map(|(scope, _)| scope.as_bytes()));
    preimage.optional(event.idempotency.as_ref().map(|(_, key)| key.as_bytes()));
    preimage.bytes(&event.payload_sha256.0);
    preimage.bytes(&event.prev_hash.0);
    preimage.finish()
}

/// Checksum of the head row: the fields no event vouches for cannot be changed one by one.
#[must_use]
pub fn head_seal(head: &LogHead) -> Hash {
    let mut preimage = Preimage::new(HEAD_TAG);
    preimage.bytes(head.log_id.as_bytes());
    preimage.number(head.gseq.to_be_bytes());
    preimage.bytes(&head.ghash.0);
    preimage.number(head.at.0.to_be_bytes());
    preimage.number(head.epoch.to_be_bytes());
    preimage.bytes(head.instance.as_bytes());
    preimage.finish()
}

fn digest(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// Fields one after the other, each with its length in front, so that no two lists of fields give the same bytes.
struct Preimage(Sha256);

impl Preimage {
    fn new(tag: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(tag))
    }

    fn bytes(&mut self, field: &[u8]) {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
    }

    fn number(&mut self, field: [u8; 8]) {
        self.bytes(&field);
    }

    fn optional(&mut self, field: Option<impl AsRef<[u8]>>) {
        match field {
            Some(field) => self.bytes(field.as_ref()),
            None => self.0.update(u64::MAX.to_be_bytes()),
        }
    }

    fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}
