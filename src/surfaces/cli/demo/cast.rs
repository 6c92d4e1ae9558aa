//! The work items of the demo, and what must become of each.

use crate::domain::agent::TurnEnding;
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::work_item::ItemState;
use crate::pipeline::state::RunState;

/// A work item and what it shows.
pub(super) struct Part {
    /// What people call it; also the name of its file.
    pub(super) identifier: &'static str,
    /// The file.
    pub(super) text: &'static str,
    /// What it is in the demo for.
    pub(super) shows: &'static str,
    /// Where execution must end up.
    pub(super) status: ItemStatus,
    /// What its file must say in the end.
    pub(super) state: ItemState,
    /// What must have happened on the way, besides.
    pub(super) proof: fn(&Evidence<'_>) -> Result<(), String>,
}

/// What is on record about an item.
pub(super) struct Evidence<'a> {
    pub(super) record: &'a ItemRecord,
    /// Its runs, oldest first.
    pub(super) runs: &'a [RunState],
    /// Gates that hold it.
    pub(super) gates: &'a [String],
    /// Commit the repository began with.
    pub(super) first_commit: &'a str,
}

const APPROVED: Part = Part {
    identifier: "DEMO-1",
    text: include_str!("../../../../assets/demo/items/DEMO-1.md"),
    shows: "approved at once",
    status: ItemStatus::Done,
    state: ItemState::Done,
    proof: |evidence| last_round_is(evidence, 1),
};

const REVISED: Part = Part {
    identifier: "DEMO-2",
    text: include_str!("../../../../assets/demo/items/DEMO-2.md"),
    shows: "a check fails, then the critic wants more, then it is approved",
    status: ItemStatus::Done,
    state: ItemState::Done,
    proof: |evidence| last_round_is(evidence, 3),
};

const REJECTED: Part = Part {
    identifier: "DEMO-3",
    text: include_str!("../../../../assets/demo/items/DEMO-3.md"),
    shows: "green checks, and rejected by the critic all the same",
    status: ItemStatus::WaitingHuman,
    state: ItemState::Blocked,
    proof: |evidence| last_round_is(evidence, 1),
};

const BLOCKED: Part = Part {
    identifier: "DEMO-4",
    text: include_str!("../../../../assets/demo/items/DEMO-4.md"),
    shows: "blocked until DEMO-1 is merged",
    status: ItemStatus::Done,
    state: ItemState::Done,
    proof: started_later,
};

const CRASHED: Part = Part {
    identifier: "DEMO-5",
    text: include_str!("../../../../assets/demo/items/DEMO-5.md"),
    shows: "its agent dies in the middle of a turn",
    status: ItemStatus::Done,
    state: ItemState::Done,
    proof: agent_died,
};

const HELD: Part = Part {
    identifier: "DEMO-6",
    text: include_str!("../../../../assets/demo/items/DEMO-6.md"),
    shows: "held by a gate: a person wants to do it",
    status: ItemStatus::Pending,
    state: ItemState::Todo,
    proof: held_by_lane,
};

const OUTLIVING: Part = Part {
    identifier: "DEMO-7",
    text: include_str!("../../../../assets/demo/items/DEMO-7.md"),
    shows: "its agent is at work when the daemon is killed, and goes on",
    status: ItemStatus::Done,
    state: ItemState::Done,
    proof: outlived_the_daemon,
};

/// Every item of the demo.
pub(super) const SCRIPTED: [Part; 7] =
    [APPROVED, REVISED, REJECTED, BLOCKED, CRASHED, HELD, OUTLIVING];

/// Those that are played with a real agent, who may take as many rounds as it needs.
pub(super) const REAL: [Part; 2] =
    [Part { proof: |evidence| only_run(evidence).map(drop), ..APPROVED }, HELD];

/// Whether nothing more will happen to the item by itself within this demo.
pub(super) fn is_settled(record: &ItemRecord) -> bool {
    let only_people = record.item.lane != crate::domain::work_item::Lane::Autopilot;
    match record.status {
        ItemStatus::Done
        | ItemStatus::Failed
        | ItemStatus::Cancelled
        | ItemStatus::WaitingHuman => true,
        ItemStatus::Pending => only_people || record.hold.is_some(),
        ItemStatus::InFlight => false,
    }
}

fn only_run<'a>(evidence: &Evidence<'a>) -> Result<&'a RunState, String> {
    match evidence.runs {
        [run] => Ok(run),
        runs => Err(format!("it had {} runs instead of one", runs.len())),
    }
}

fn last_round_is(evidence: &Evidence<'_>, expected: u32) -> Result<(), String> {
    match only_run(evidence)?.round {
        round if round == expected => Ok(()),
        round => Err(format!("it took {round} rounds instead of {expected}")),
    }
}

fn started_later(evidence: &Evidence<'_>) -> Result<(), String> {
    let base = only_run(evidence)?.workspace.as_ref().map(|workspace| &workspace.base_commit);
    match base {
        Some(base) if base != evidence.first_commit => Ok(()),
        _ => Err("it did not start from the merged base".to_owned()),
    }
}

fn agent_died(evidence: &Evidence<'_>) -> Result<(), String> {
    let died =
        only_run(evidence)?.turns.iter().filter_map(|turn| turn.report.as_ref()).any(|report| {
            report.exit.signal.is_some() && matches!(report.ending, TurnEnding::Failed { .. })
        });
    if !died {
        return Err("no turn was ended by a signal".to_owned());
    }
    match evidence.record.spend.attempts {
        0 => Ok(()),
        spent => Err(format!("the dead agent cost {spent} attempts instead of none")),
    }
}

fn held_by_lane(evidence: &Evidence<'_>) -> Result<(), String> {
    if !evidence.runs.is_empty() {
        return Err("it was started".to_owned());
    }
    if evidence.gates.iter().any(|gate| gate == "lane") {
        return Ok(());
    }
    Err(format!("it is held by {:?} instead of its lane", evidence.gates))
}

fn outlived_the_daemon(evidence: &Evidence<'_>) -> Result<(), String> {
    let run = only_run(evidence)?;
    if run.turns.iter().any(|turn| turn.interrupted.is_some()) {
        return Err("a turn of it was cut short by the kill".to_owned());
    }
    match run.turns.len() {
        2 => Ok(()),
        count => Err(format!("{count} turns were begun instead of two")),
    }
}
