//! Whether what is stored is what was stored: the checks behind `receipts verify`.
//!
//! Pure: a backend hands over one consistent snapshot, event by event and then row by row. A hash chain shows that
//! something was altered only relative to an [`Anchor`] someone else keeps: who can write the whole file can also write a
//! whole new chain. Without anchors, cutting off the end or hashing everything again is not detectable.

mod chain;
mod shadow;

use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, StreamId};
use crate::domain::lease::ItemLease;

use super::envelope::{Hash, Recorded};
use super::projections::{Rows, StreamKind};
use super::rows::{IdempotencyRow, LogHead, StreamRow};

use chain::ChainCheck;
use shadow::Shadow;

/// Most problems a report lists; all are counted.
pub const MAX_LISTED_PROBLEMS: usize = 100;

/// A head someone noted down outside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Global number of the event that was last then.
    pub gseq: u64,
    /// Running hash up to it.
    pub ghash: Hash,
}

/// What to check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Leave out the comparison of the derived rows with a rebuild.
    pub chains_only: bool,
    /// Check only this many of the last events (and leave out the derived rows). Absent: all.
    pub last: Option<u64>,
    /// Heads noted down earlier.
    pub anchors: Vec<Anchor>,
}

/// Which promise a problem breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Level 1: an event or the chain of its stream.
    Stream,
    /// Level 2: the order of the whole log, its head, its streams, its idempotency records.
    Log,
    /// Level 3: a head noted down elsewhere.
    Anchor,
    /// Level 4: a derived row or an outbox row.
    Projection,
}

impl Level {
    /// The word shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream chain",
            Self::Log => "log chain",
            Self::Anchor => "anchor",
            Self::Projection => "projection",
        }
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which promise it breaks.
    pub level: Level,
    /// The event it was found at; absent for rows that belong to no single event.
    pub gseq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Where the log stands; note it down somewhere else to have an anchor.
    pub head: LogHead,
    /// Events checked.
    pub events: u64,
    /// Streams they belong to.
    pub streams: u64,
    /// Events this version cannot read (their hashes were checked all the same).
    pub unknown: u64,
    /// Problems in all.
    pub problems_found: u64,
    /// The first of them, at most `MAX_LISTED_PROBLEMS`.
    pub problems: Vec<Problem>,
    /// The most serious level with a problem: chain before anchor before projection.
    pub worst: Option<Level>,
}

/// What a backend hands over of a snapshot, besides its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// Every stream row.
    pub streams: Vec<StreamRow>,
    /// Every idempotency record.
    pub idempotency: Vec<IdempotencyRow>,
    /// Key of every outbox row.
    pub effects: Vec<EffectKey>,
    /// Every derived row.
    pub rows: Rows,
    /// Rows that could not even be read.
    pub unreadable: Vec<Problem>,
}

/// Problems found so far.
#[derive(Debug, Default)]
struct Findings {
    found: u64,
    listed: Vec<Problem>,
    worst: Option<Level>,
}

impl Findings {
    fn add(&mut self, level: Level, gseq: Option<u64>, what: impl Into<String>) {
        self.found += 1;
        self.worst = Some(self.worst.map_or(level, |worst| worst.min(level)));
        if self.listed.len() < MAX_LISTED_PROBLEMS {
            self.listed.push(Problem { level, gseq, what: what.into() });
        }
    }
}

/// A verification in progress. Feed it every event in order of `gseq`, then the tables.
#[derive(Debug)]
pub struct Verification {
    options: VerifyOptions,
    chain: ChainCheck,
    shadow: Option<Shadow>,
    findings: Findings,
}

impl Verification {
    /// Begins; `head` is the stored head row. The first event to feed is the one after [`Self::starts_after`].
    #[must_use]
    pub fn new(options: VerifyOptions, head: LogHead) -> Self {
        let whole = options.last.is_none_or(|last| last >= head.gseq);
        let after = if whole { 0 } else { head.gseq - options.last.unwrap_or(head.gseq) };
        let shadow = (whole && !options.chains_only).then(Shadow::default);
        Self {
            chain: ChainCheck::new(head, after, &options.anchors),
            options,
            shadow,
            findings: Findings::default(),
        }
    }

    /// Global number of the event before the first one to feed.
    #[must_use]
    pub fn starts_after(&self) -> u64 {
        self.chain.starts_after()
    }

    /// Whether the derived rows are needed.
    #[must_use]
    pub fn wants_rows(&self) -> bool {
        self.shadow.is_some()
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Recorded) {
        self.chain.event(event, &mut self.findings);
        if let Some(shadow) = &mut self.shadow {
            shadow.event(event, &mut self.findings);
        }
    }

    /// Takes an event row that could not be read.
    pub fn unreadable(&mut self, gseq: u64, what: &str) {
        self.chain.unreadable(gseq, what, &mut self.findings);
    }

    /// Takes the tables and says what was found.
    #[must_use]
    pub fn finish(mut self, tables: &Tables) -> VerifyReport {
        for problem in &tables.unreadable {
            self.findings.add(problem.level, problem.gseq, problem.what.clone());
        }
        let summary = self.chain.finish(tables, &self.options.anchors, &mut self.findings);
        if let Some(shadow) = self.shadow {
            shadow.finish(tables, &mut self.findings);
        }
        VerifyReport {
            head: summary.head,
            events: summary.events,
            streams: summary.streams,
            unknown: summary.unknown,
            problems_found: self.findings.found,
            problems: self.findings.listed,
            worst: self.findings.worst,
        }
    }
}

/// The effect an event cannot do without: it must have been put into the outbox together with the event.
#[must_use]
pub fn required_effect(stream: &StreamId, event: &Event) -> Option<EffectKey> {
    let effect = match (StreamKind::of(stream), event) {
        (
            StreamKind::Run,
            Event::RunStarted { .. } | Event::RunLeased { lease: ItemLease { number: 1, .. } },
        ) => "prepare".to_owned(),
        (StreamKind::Run, Event::TurnStarted { turn, .. }) => format!("turn/{turn}"),
        (StreamKind::Run, Event::RunFinished { .. }) => "clean-up".to_owned(),
        (StreamKind::Item, Event::ItemUpdateRequested { number }) => format!("update/{number}"),
        _ => return None,
    };
    Some(EffectKey(format!("{stream}/{effect}")))
}
