//! The planner on ten thousand work items: pure, so it is called directly.

use std::time::Instant;

use enact_factory::domain::event::Event;
use enact_factory::domain::ids::{ItemId, ProjectId};
use enact_factory::domain::item_record::ItemRecord;
use enact_factory::domain::time::Timestamp;
use enact_factory::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use enact_factory::planner::plan::plan;
use enact_factory::planner::world::World;

use crate::figures::{millis, note, percentile, rounded};
use crate::place::{Place, Wanted};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// Plans for many open items, and for as many settled ones with a hundred open ones.
pub fn run() {
    let place = Place::new(Wanted { slots: 4, agent_ms: 0, poll_ms: 2000 });
    let policy = place.settings().policy;
    for (open, settled) in [(100, 0), (1_000, 0), (10_000, 0), (100, 10_000)] {
        let world = world(open, settled);
        let spans: Vec<f64> = (0..15)
            .map(|_| {
                let begun = Instant::now();
                let planned = plan(&world, &policy, NOW);
                assert_eq!(planned.report.lines.len(), open + settled);
                millis(begun.elapsed())
            })
            .collect();
        let what = format!("planning {open} open and {settled} settled items, median of 15");
        note(&what, &format!("{} ms", rounded(percentile(&spans, 0.5))));
    }
}

fn world(open: usize, settled: usize) -> World {
    let items = (0..open + settled).filter_map(|number| {
        let mut record =
            ItemRecord::first(&Event::ItemCreated { item: item(number), standing: None }, NOW)?;
        if number >= open {
            record.status = enact_factory::domain::item_record::ItemStatus::Done;
        }
        Some((record.item.id.clone(), record))
    });
    World {
        items: items.collect(),
        ops: enact_factory::domain::ops::OpsState::default(),
        active: Vec::new(),
        starts: Vec::new(),
        parts_planned: 0,
        spent: enact_factory::domain::budget::ledger::Ledger::default(),
        closed_windows: std::collections::BTreeMap::new(),
        trying: std::collections::BTreeSet::new(),
        unreadable: std::collections::BTreeSet::new(),
        unavailable_agents: std::collections::BTreeMap::new(),
    }
}

/// Every tenth is a child of the one before, every seventh is blocked by the one before.
fn item(number: usize) -> WorkItem {
    let id = |number: usize| ItemId(format!("local/SHOP-{number}"));
    WorkItem {
        id: id(number),
        project: Some(ProjectId::new("bench")),
        title: format!("Something to be done, number {number}"),
        body: format!("What is to be done, at some length, for item {number}. ").repeat(10),
        state: ItemState::Todo,
        priority: Priority::ALL[number % 4],
        labels: Vec::new(),
        lane: Lane::Autopilot,
        blocked_by: (number > 0 && number.is_multiple_of(7))
            .then(|| id(number - 1))
            .into_iter()
            .collect(),
        parent: (number > 0 && number.is_multiple_of(10)).then(|| id(number - 1)),
        author: None,
        trust: Trust::Trusted,
        created_at: Some(Timestamp(NOW.0 - number as i64 * 60_000)),
        revision: format!("{number:064x}"),
        overrides: Overrides::default(),
    }
}
