//! Events to stored bytes and back, over all schema versions there ever were.
//!
//! The stored bytes are never rewritten. What an older version wrote is brought up to date each time it is read, one
//! version at a time; what this version does not know stays unread and is kept.

use serde_json::Value;

use crate::domain::event::Event;

use super::batch::MAX_PAYLOAD_BYTES;
use super::envelope::Decoded;
use super::error::StoreError;

/// Turns a payload of one version into the next version's.
pub type Upcast = fn(Value) -> Value;

/// Every event type, the version this build writes, and how to get there: the upcaster at index `n` turns version
/// `n + 1` into `n + 2`. Nothing is ever removed from here.
const TYPES: &[(&str, &[Upcast])] = &[
    ("work_item.created", &[]),
    ("work_item.source_changed", &[]),
    ("work_item.withdrawn", &[]),
    ("work_item.claimed", &[]),
    ("work_item.released", &[]),
    ("work_item.human_requested", &[]),
    ("work_item.human_answered", &[]),
    ("work_item.approval_requested", &[]),
    ("work_item.approval_given", &[]),
    ("work_item.approval_refused", &[]),
    ("work_item.approval_expired", &[]),
    ("work_item.resolved", &[]),
    ("work_item.reopened", &[]),
    ("work_item.decomposed", &[]),
    ("work_item.kept_whole", &[]),
    ("work_item.part_created", &[]),
    ("work_item.update_requested", &[]),
    ("work_item.update_refused", &[]),
    ("work_item.charged", &[]),
    ("work_item.close_deferred", &[]),
    ("work_item.close_acknowledged", &[]),
    ("work_item.closure_unproven", &[]),
    ("lane.proposed", &[]),
    ("lane.started", &[]),
    ("lane.moved", &[]),
    ("lane.reviewed", &[]),
    ("lane.unlinked", &[]),
    ("work_item.offered", &[]),
    ("work_item.pull_request_read", &[]),
    ("run.started", &[]),
    ("run.workspace_ready", &[]),
    ("turn.started", &[]),
    ("turn.finished", &[]),
    ("turn.interrupted", &[]),
    ("checks.finished", &[]),
    ("checks.unavailable", &[]),
    ("review.submitted", &[]),
    ("coder.reported", &[]),
    ("review.missing", &[]),
    ("audit.submitted", &[]),
    ("division.submitted", &[]),
    ("division.refused", &[]),
    ("stage.finished", &[]),
    ("run.advanced", &[]),
    ("run.revision_requested", &[]),
    ("run.approved", &[]),
    ("run.waiting", &[]),
    ("run.adopted", &[]),
    ("run.instructed", &[]),
    ("run.goal_changed", &[]),
    ("run.interrupted", &[]),
    ("run.agent_switched", &[]),
    ("run.delivered", &[]),
    ("run.delivery_failed", &[]),
    ("run.late_result", &[]),
    ("run.finished", &[]),
    ("run.cleaned", &[]),
    ("ops.daemon_started", &[]),
    ("ops.daemon_stopped", &[]),
    ("ops.paused", &[]),
    ("ops.resumed", &[]),
    ("ops.turbo_set", &[]),
    ("ops.agent_refused", &[]),
    ("ops.agent_cleared", &[]),
    ("ops.agent_accepted", &[]),
    ("ops.provider_set", &[]),
    ("ops.command_received", &[]),
    ("ops.command_answered", &[]),
    ("ops.channel_read", &[]),
    ("ops.report_posted", &[]),
    ("ops.report_closed", &[]),
    ("ops.stop_judged", &[]),
    ("ops.stop_acknowledged", &[]),
];

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Its type.
    pub kind: String,
    /// Version of the payload.
    pub schema_version: u16,
    /// The payload as JSON.
    pub payload: String,
}

/// Every event type and the version this build writes.
pub fn current_versions() -> impl Iterator<Item = (&'static str, u16)> {
    TYPES.iter().map(|(kind, upcasters)| (*kind, version_after(upcasters)))
}

/// The stored form of an event.
///
/// # Errors
/// `PayloadTooLarge`, and `Encode` for a type that is missing in the table above.
pub fn encode(event: &Event) -> Result<Encoded, StoreError> {
    let text = serde_json::to_string(event)
        .map_err(|source| StoreError::Encode { what: "an event".to_owned(), source })?;
    // Adjacent tagging writes exactly this frame; cutting it off keeps the payload's bytes without parsing them again.
    let (kind, payload) = text
        .strip_prefix(r#"{"type":""#)
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|rest| rest.split_once(r#"","data":"#))
        .ok_or_else(|| unencodable("event without a type", &text))?;
    let upcasters = find(TYPES, kind).ok_or_else(|| unencodable("unregistered event", kind))?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(StoreError::PayloadTooLarge { kind: kind.to_owned(), bytes: payload.len() });
    }
    Ok(Encoded {
        kind: kind.to_owned(),
        schema_version: version_after(upcasters),
        payload: payload.to_owned(),
    })
}

/// What this build can make of a stored event.
#[must_use]
pub fn decode(kind: &str, schema_version: u16, payload: Option<&str>) -> Decoded {
    decode_with(TYPES, kind, schema_version, payload)
}

fn decode_with(
    types: &[(&str, &[Upcast])],
    kind: &str,
    schema_version: u16,
    payload: Option<&str>,
) -> Decoded {
    let Some(payload) = payload else { return Decoded::Redacted };
    let Some(upcasters) = find(types, kind) else {
        return Decoded::Unknown { reason: format!("no event type `{kind}`") };
    };
    let current = version_after(upcasters);
    if schema_version == 0 || schema_version > current {
        let reason = format!("`{kind}` has version {schema_version}, known up to {current}");
        return Decoded::Unknown { reason };
    }
    let parsed = if schema_version == current {
        serde_json::from_str(&format!(r#"{{"type":"{kind}","data":{payload}}}"#))
    } else {
        let missing = &upcasters[usize::from(schema_version) - 1..];
        serde_json::from_str(payload).and_then(|stored: Value| {
            let data = missing.iter().fold(stored, |value, upcast| upcast(value));
            serde_json::from_value(serde_json::json!({ "type": kind, "data": data }))
        })
    };
    match parsed {
        Ok(event) => Decoded::Known(event),
        Err(error) => Decoded::Unknown { reason: format!("unreadable payload: {error}") },
    }
}

fn find<'a>(types: &[(&str, &'a [Upcast])], kind: &str) -> Option<&'a [Upcast]> {
    types.iter().find(|(name, _)| *name == kind).map(|(_, upcasters)| *upcasters)
}

fn version_after(upcasters: &[Upcast]) -> u16 {
    u16::try_from(upcasters.len()).unwrap_or(u16::MAX).saturating_add(1)
}

fn unencodable(what: &str, text: &str) -> StoreError {
    let source = <serde_json::Error as serde::ser::Error>::custom(what);
    StoreError::Encode {
        what: format!("event `{}`", text.chars().take(80).collect::<String>()),
        source,
    }
}

#[cfg(test)]
mod tests;
