//! Levels 1 to 3: every event against its stream's chain and the log's, then head, streams, requests and anchors.

use std::collections::HashMap;

use crate::domain::ids::StreamId;
use crate::domain::time::Timestamp;
use crate::store::envelope::{
    Decoded, Hash, Recorded, event_hash, log_genesis, next_ghash, payload_digest, stream_genesis,
};
use crate::store::rows::{LogHead, StreamRow};
use crate::store::verify::{Anchor, Findings, Level, Tables};

/// Where a stream stood after the last event seen of it.
#[derive(Debug)]
struct Tip {
    seq: u64,
    hash: Hash,
    /// Absent when its first event lies before the events that are checked.
    created_gseq: Option<u64>,
}

/// What was counted, and the head.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) head: LogHead,
    pub(super) events: u64,
    pub(super) streams: u64,
    pub(super) unknown: u64,
}

/// Each event is compared with the stored values of its predecessor, so that one altered value is reported where it is
/// and not at every event after it; if all comparisons hold, all stored values are the computed ones.
#[derive(Debug)]
pub(super) struct ChainCheck {
    head: LogHead,
    after: u64,
    last_gseq: u64,
    /// Stored running hash of the event before; unknown at the start of a partial check.
    ghash: Option<Hash>,
    at: Option<Timestamp>,
    tips: HashMap<StreamId, Tip>,
    requests: HashMap<(String, String), (u64, u64)>,
    /// Running hashes found at the anchors.
    anchored: HashMap<u64, Option<Hash>>,
    events: u64,
    unknown: u64,
}

impl ChainCheck {
    pub(super) fn new(head: LogHead, after: u64, anchors: &[Anchor]) -> Self {
        let ghash = (after == 0).then(|| log_genesis(head.log_id));
        let mut anchored: HashMap<_, _> =
            anchors.iter().map(|anchor| (anchor.gseq, None)).collect();
        if let (Some(found), Some(genesis)) = (anchored.get_mut(&0), ghash) {
            *found = Some(genesis);
        }
        Self {
            head,
            after,
            last_gseq: after,
            ghash,
            at: None,
            tips: HashMap::new(),
            requests: HashMap::new(),
            anchored,
            events: 0,
            unknown: 0,
        }
    }

    pub(super) fn starts_after(&self) -> u64 {
        self.after
    }

    pub(super) fn event(&mut self, event: &Recorded, findings: &mut Findings) {
        self.events += 1;
        if matches!(event.event, Decoded::Unknown { .. }) {
            self.unknown += 1;
        }
        check_own_hashes(event, findings);
        self.check_stream(event, findings);
        self.check_log(event, findings);
        if let Some(found) = self.anchored.get_mut(&event.gseq) {
            *found = Some(event.ghash);
        }
        if let Some((scope, key)) = &event.idempotency {
            let range = self
                .requests
                .entry((scope.clone(), key.clone()))
                .or_insert((event.gseq, event.gseq));
            range.1 = event.gseq;
        }
    }

    pub(super) fn unreadable(&mut self, gseq: u64, what: &str, findings: &mut Findings) {
        self.events += 1;
        findings.add(Level::Stream, Some(gseq), format!("unreadable event: {what}"));
        self.last_gseq = gseq;
        self.ghash = None;
    }

    fn check_stream(&mut self, event: &Recorded, findings: &mut Findings) {
        let mut problem = |what: String| findings.add(Level::Stream, Some(event.gseq), what);
        match self.tips.get(&event.stream) {
            Some(tip) => {
                if event.seq != tip.seq + 1 {
                    problem(format!(
                        "event {} of `{}` follows event {}",
                        event.seq, event.stream, tip.seq
                    ));
                }
                if event.prev_hash != tip.hash {
                    problem(format!("`{}` is not chained to its predecessor", event.stream));
                }
            }
            None if self.after == 0 || event.seq <= 1 => {
                if event.seq != 1 {
                    problem(format!("`{}` begins with event {}", event.stream, event.seq));
                }
                if event.prev_hash != stream_genesis(self.head.log_id, &event.stream) {
                    problem(format!("`{}` does not begin in this log", event.stream));
                }
            }
            None => {}
        }
        let created = (event.seq <= 1).then_some(event.gseq);
        let tip = self.tips.entry(event.stream.clone()).or_insert(Tip {
            seq: event.seq,
            hash: event.hash,
            created_gseq: created,
        });
        tip.seq = event.seq;
        tip.hash = event.hash;
    }

    fn check_log(&mut self, event: &Recorded, findings: &mut Findings) {
        let mut problem = |what: String| findings.add(Level::Log, Some(event.gseq), what);
        if event.gseq != self.last_gseq + 1 {
            problem(format!("event {} follows event {}", event.gseq, self.last_gseq));
        }
        if self
            .ghash
            .is_some_and(|before| event.ghash != next_ghash(before, event.gseq, event.hash))
        {
            problem("the running hash does not follow".to_owned());
        }
        if self.at.is_some_and(|before| event.at < before) {
            problem("its time lies before its predecessor's".to_owned());
        }
        self.last_gseq = event.gseq;
        self.ghash = Some(event.ghash);
        self.at = Some(event.at);
    }

    pub(super) fn finish(
        self,
        tables: &Tables,
        anchors: &[Anchor],
        findings: &mut Findings,
    ) -> Summary {
        self.check_head(findings);
        self.check_stream_rows(tables, findings);
        self.check_requests(tables, findings);
        for anchor in anchors.iter().filter(|anchor| anchor.gseq == 0 || anchor.gseq > self.after) {
            match self.anchored.get(&anchor.gseq).copied().flatten() {
                Some(found) if found == anchor.ghash => {}
                Some(_) => findings.add(
                    Level::Anchor,
                    Some(anchor.gseq),
                    "the log differs from what was noted down",
                ),
                None => findings.add(
                    Level::Anchor,
                    Some(anchor.gseq),
                    format!("the log has no event {} any more", anchor.gseq),
                ),
            }
        }
        Summary {
            events: self.events,
            streams: self.tips.len() as u64,
            unknown: self.unknown,
            head: self.head,
        }
    }

    fn check_head(&self, findings: &mut Findings) {
        let mut problem = |what: String| findings.add(Level::Log, Some(self.last_gseq), what);
        if self.head.gseq != self.last_gseq {
            problem(format!(
                "the head says {} events, the last one is {}",
                self.head.gseq, self.last_gseq
            ));
        }
        if self.ghash.is_some_and(|ghash| ghash != self.head.ghash) {
            problem("the head has another running hash than the last event".to_owned());
        }
        if self.at.is_some_and(|at| at != self.head.at) {
            problem("the head has another time than the last event".to_owned());
        }
    }

    fn check_stream_rows(&self, tables: &Tables, findings: &mut Findings) {
        let rows: HashMap<&StreamId, &StreamRow> =
            tables.streams.iter().map(|row| (&row.name, row)).collect();
        for (stream, tip) in &self.tips {
            let agrees = rows.get(stream).is_some_and(|row| {
                row.seq == tip.seq
                    && row.hash == tip.hash
                    && tip.created_gseq.is_none_or(|created| created == row.created_gseq)
            });
            if !agrees {
                findings.add(
                    Level::Log,
                    tip.created_gseq,
                    format!("the row of stream `{stream}` does not agree with its events"),
                );
            }
        }
        if self.after > 0 {
            return;
        }
        for row in tables.streams.iter().filter(|row| !self.tips.contains_key(&row.name)) {
            findings.add(
                Level::Log,
                Some(row.created_gseq),
                format!("stream `{}` has a row and no events", row.name),
            );
        }
    }

    fn check_requests(&self, tables: &Tables, findings: &mut Findings) {
        if self.after > 0 {
            return;
        }
        let mut unclaimed = self.requests.clone();
        for row in &tables.idempotency {
            let empty = row.last_gseq < row.first_gseq;
            match unclaimed.remove(&(row.scope.clone(), row.key.clone())) {
                Some(range) if range == (row.first_gseq, row.last_gseq) => {}
                None if empty => {}
                _ => findings.add(
                    Level::Log,
                    Some(row.first_gseq),
                    format!("the record of request `{}` does not agree with its events", row.key),
                ),
            }
        }
        for ((_, key), (first, _)) in unclaimed {
            findings.add(Level::Log, Some(first), format!("request `{key}` has no record"));
        }
    }
}

fn check_own_hashes(event: &Recorded, findings: &mut Findings) {
    let mut problem = |what: &str| findings.add(Level::Stream, Some(event.gseq), what);
    match (&event.payload, &event.salt) {
        (Some(payload), Some(salt)) => {
            if payload_digest(salt, payload.as_bytes()) != event.payload_sha256 {
                problem("the payload is not the one that was stored");
            }
        }
        (None, None) => problem("the payload was removed"),
        _ => problem("the payload or its salt is missing"),
    }
    if event_hash(event) != event.hash {
        problem("the event is not the one that was stored");
    }
}
