use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Upcast, current_versions, decode, decode_with, encode};
use crate::domain::event::Event;
use crate::store::batch::MAX_PAYLOAD_BYTES;
use crate::store::envelope::Decoded;
use crate::store::error::StoreError;
use crate::store::samples::events::every_event;

fn golden_file(kind: &str, version: u16) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/events")
        .join(format!("{kind}.v{version}.json"))
}

#[test]
fn every_event_type_is_registered_and_has_a_golden_file_of_each_version() {
    let sampled: BTreeSet<_> =
        every_event().iter().map(|event| encode(event).unwrap().kind).collect();
    let registered: BTreeSet<_> = current_versions().map(|(kind, _)| kind.to_owned()).collect();
    assert_eq!(sampled, registered);
    for (kind, current) in current_versions() {
        for version in 1..=current {
            let path = golden_file(kind, version);
            let stored = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let decoded = decode(kind, version, Some(stored.trim_end()));
            assert!(decoded.known().is_some(), "{kind} v{version}: {decoded:?}");
        }
    }
}

#[test]
fn an_event_is_stored_as_its_golden_file_shows_and_read_back_equal() {
    for event in every_event() {
        let encoded = encode(&event).unwrap();
        let path = golden_file(&encoded.kind, encoded.schema_version);
        #[expect(clippy::disallowed_methods, reason = "how a person asks for them to be written")]
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, format!("{}\n", encoded.payload)).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(encoded.payload, golden.trim_end(), "{}", path.display());
        let decoded = decode(&encoded.kind, encoded.schema_version, Some(&encoded.payload));
        assert_eq!(decoded, Decoded::Known(event));
    }
}

#[test]
fn what_an_older_version_wrote_is_brought_up_to_date_step_by_step() {
    let renamed: Upcast = |mut value| {
        let by = value["who"].take();
        json!({ "by": by })
    };
    let prefixed: Upcast =
        |value| json!({ "by": format!("human:{}", value["by"].as_str().unwrap()) });
    let types: &[(&str, &[Upcast])] = &[("ops.paused", &[renamed, prefixed])];
    let paused = |by: &str| Decoded::Known(Event::Paused { by: by.to_owned() });
    let read = |version, payload: Value| {
        decode_with(types, "ops.paused", version, Some(&payload.to_string()))
    };
    assert_eq!(read(1, json!({ "who": "ann" })), paused("human:ann"));
    assert_eq!(read(2, json!({ "by": "ann" })), paused("human:ann"));
    assert_eq!(read(3, json!({ "by": "ann" })), paused("ann"));
    assert!(matches!(read(4, json!({ "by": "ann" })), Decoded::Unknown { .. }));
}

#[test]
fn what_cannot_be_read_is_unknown_and_says_why() {
    let reason = |kind: &str, version, payload: &str| match decode(kind, version, Some(payload)) {
        Decoded::Unknown { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason("work_item.dreamt", 1, "{}"), "no event type `work_item.dreamt`");
    assert_eq!(reason("ops.paused", 2, "{}"), "`ops.paused` has version 2, known up to 1");
    assert_eq!(reason("ops.paused", 0, "{}"), "`ops.paused` has version 0, known up to 1");
    assert!(reason("ops.paused", 1, "{}").contains("missing field `by`"));
    assert!(reason("ops.paused", 1, "{").starts_with("unreadable payload"));
    assert_eq!(decode("ops.paused", 1, None), Decoded::Redacted);
}

#[test]
fn a_payload_that_is_too_large_is_refused_with_its_size() {
    let by = "x".repeat(MAX_PAYLOAD_BYTES);
    match encode(&Event::Paused { by }) {
        Err(StoreError::PayloadTooLarge { kind, bytes }) => {
            assert_eq!((kind.as_str(), bytes), ("ops.paused", MAX_PAYLOAD_BYTES + 9));
        }
        other => panic!("{other:?}"),
    }
}
