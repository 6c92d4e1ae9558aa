use std::time::Duration;

use super::*;
use crate::domain::agent::TimeoutKind;
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemStatus;
use crate::domain::run::StuckKind;
use crate::domain::work_item::{Lane, Overrides, Priority, Trust, WorkItem};
use crate::pipeline::input::Input;
use crate::pipeline::machine::tests::driver::{Driver, START, change, finding, plan};

const MINUTE: Duration = Duration::from_secs(60);

fn item(id: &str) -> WorkItem {
    WorkItem {
        id: ItemId::new(id),
        project: None,
        title: "Greet".to_owned(),
        body: String::new(),
        state: ItemState::InProgress,
        priority: Priority::Medium,
        labels: Vec::new(),
        lane: Lane::Autopilot,
        blocked_by: Vec::new(),
        parent: None,
        author: None,
        trust: Trust::Trusted,
        created_at: None,
        revision: "1".to_owned(),
        overrides: Overrides::default(),
    }
}

/// The record of `id` while `run` has it.
fn claimed(id: &str, run: &RunState) -> ItemRecord {
    let mut record =
        ItemRecord::first(&Event::ItemCreated { item: item(id), standing: None }, START).unwrap();
    let owner = "daemon".to_owned();
    record.evolve(&Event::ItemClaimed { run: run.id, attempt: 1, fence: 1, owner }, START);
    record
}

/// A run that ended as `outcome`, whatever led there.
fn ended(outcome: Outcome) -> RunState {
    let mut state = Driver::new().state;
    let detail = "why it ended\nwith more lines".to_owned();
    let findings = vec![finding(Severity::Major, "left open")];
    state.evolve(&Event::RunFinished { outcome, detail, findings }, START);
    state
}

fn every_outcome() -> Vec<Outcome> {
    vec![
        Outcome::Succeeded,
        Outcome::Rejected,
        Outcome::GateNotRun,
        Outcome::AgentFailed,
        Outcome::Stuck { stuck: StuckKind::NoProgress },
        Outcome::TimedOut { clock: TimeoutKind::Total },
        Outcome::WaitingQuota { until: None },
        Outcome::WaitingHuman,
        Outcome::Throttled { until: None },
        Outcome::InfraFailed,
        Outcome::Cancelled { by: "ada".to_owned() },
        Outcome::Superseded,
        Outcome::DeliveryFailed,
    ]
}

/// What follows, in one line: the settlement, what holds the item for how long, and the state its tracker shows.
fn told(conclusion: &Conclusion, now: Timestamp) -> String {
    let what = match &conclusion.event {
        Event::ItemReleased { hold: Some(hold), .. } => {
            let minutes = hold.until.since(now).as_secs_f64() / 60.0;
            format!("again in {minutes:.2} min ({})", hold.class.word())
        }
        Event::ItemReleased { hold: None, .. } => "again at once".to_owned(),
        Event::ItemHumanRequested { reason, .. } => format!("asks: {}", reason.word()),
        Event::ItemResolved { .. } => "settled".to_owned(),
        other => panic!("not a settlement: {other:?}"),
    };
    let state = conclusion.state.map_or("as it is", ItemState::label);
    format!("{what}; {state}")
}

/// One row per outcome; columns: an item of a tracker, the same after two fruitless runs, a one-off task, an item that
/// was closed meanwhile.
#[test]
fn every_outcome_means_one_thing_for_every_kind_of_item() {
    let table = [
        ["settled; Done"; 4],
        ["asks: critic_rejected; Blocked"; 4],
        [
            "again in 0.17 min (infrastructure); Todo",
            "asks: infra_permanent; Blocked",
            "settled; Blocked",
            "again in 0.17 min (infrastructure); Todo",
        ],
        [
            "again in 10.00 min (agent); Todo",
            "again in 60.00 min (agent); Todo",
            "settled; Blocked",
            "again in 10.00 min (agent); Todo",
        ],
        [
            "again in 10.00 min (agent); Todo",
            "again in 60.00 min (agent); Todo",
            "settled; Blocked",
            "again in 10.00 min (agent); Todo",
        ],
        [
            "again in 10.00 min (agent); Todo",
            "again in 60.00 min (agent); Todo",
            "settled; Blocked",
            "again in 10.00 min (agent); Todo",
        ],
        [
            "again in 1440.00 min (quota); Todo",
            "again in 1440.00 min (quota); Todo",
            "settled; Blocked",
            "again in 1440.00 min (quota); Todo",
        ],
        ["asks: needs_info; Blocked"; 4],
        [
            "again in 5.00 min (throttled); Todo",
            "again in 5.00 min (throttled); Todo",
            "settled; Blocked",
            "again in 5.00 min (throttled); Todo",
        ],
        [
            "again in 0.17 min (infrastructure); Todo",
            "asks: infra_permanent; Blocked",
            "settled; Blocked",
            "again in 0.17 min (infrastructure); Todo",
        ],
        ["settled; Cancelled"; 4],
        [
            "again at once; as it is",
            "again at once; as it is",
            "settled; as it is",
            "settled; as it is",
        ],
        [
            "again in 0.17 min (infrastructure); Todo",
            "asks: merge_conflict; Blocked",
            "settled; Blocked",
            "again in 0.17 min (infrastructure); Todo",
        ],
    ];
    let outcomes = every_outcome();
    assert_eq!(outcomes.len(), table.len());
    for (outcome, row) in outcomes.into_iter().zip(table) {
        let run = ended(outcome.clone());
        let ordinary = claimed("local/DEMO-1", &run);
        let mut tried = ordinary.clone();
        tried.spend.attempts = 2;
        tried.infra_failures = 2;
        tried.delivery_failures = 2;
        let one_off = claimed("cli/task", &run);
        let mut closed = ordinary.clone();
        closed.item.state = ItemState::Done;
        for (record, expected) in [ordinary, tried, one_off, closed].iter().zip(row) {
            let conclusion = conclude(record, &run, START).unwrap();
            assert_eq!(told(&conclusion, START), expected, "{outcome:?}");
            settles_exactly_once(record, &run, &conclusion);
        }
    }
}

/// The item is out of the run's hands afterwards, knows how the run ended, and pays for it only if it should.
fn settles_exactly_once(record: &ItemRecord, run: &RunState, conclusion: &Conclusion) {
    let (of_run, outcome) = match &conclusion.event {
        Event::ItemReleased { run, outcome, .. } => (Some(*run), Some(outcome.clone())),
        Event::ItemHumanRequested { run, outcome, .. } => (*run, outcome.clone()),
        Event::ItemResolved { run, outcome, .. } => (*run, Some(outcome.clone())),
        other => panic!("not a settlement: {other:?}"),
    };
    assert_eq!((of_run, &outcome), (Some(run.id), &run.outcome));
    let mut after = record.clone();
    after.evolve(&conclusion.event, START);
    assert_ne!(after.status, ItemStatus::InFlight);
    assert_eq!((after.run, &after.last_outcome), (None, &run.outcome));
    let spent = u32::from(outcome.unwrap().spends_attempt());
    assert_eq!(after.spend.attempts, record.spend.attempts + spent);
    assert!(!conclusion.entry.contains('\n') && conclusion.entry.contains("why it ended"));
    let free = after.status == ItemStatus::Pending && after.hold.is_none();
    assert!(!free || run.outcome == Some(Outcome::Superseded), "would be claimed again at once");
}

#[test]
fn a_run_that_is_not_over_means_nothing() {
    let run = Driver::new().state;
    assert_eq!(conclude(&claimed("local/DEMO-1", &run), &run, START), None);
}

#[test]
fn a_branch_is_in_review_and_a_merge_is_done() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve().deliver();
    let record = claimed("local/DEMO-1", &run.state);
    assert_eq!(conclude(&record, &run.state, run.now).unwrap().state, Some(ItemState::InReview));
    let mut run = Driver::new();
    run.coder_says("", r#"{"no_change_reason": "fine already"}"#).approve();
    assert_eq!(conclude(&record, &run.state, run.now).unwrap().state, Some(ItemState::Done));
}

#[test]
fn waits_last_as_long_as_the_provider_said() {
    let until = Some(START.after(300 * MINUTE));
    for outcome in [Outcome::WaitingQuota { until }, Outcome::Throttled { until }] {
        let run = ended(outcome);
        let conclusion = conclude(&claimed("local/DEMO-1", &run), &run, START).unwrap();
        let Event::ItemReleased { hold: Some(hold), .. } = &conclusion.event else { panic!() };
        assert_eq!(Some(hold.until), until);
        assert!(conclusion.entry.contains("next try not before"), "{}", conclusion.entry);
    }
}

#[test]
fn the_pause_grows_with_every_failed_attempt() {
    let run = ended(Outcome::AgentFailed);
    let mut record = claimed("local/DEMO-1", &run);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let conclusion = conclude(&record, &run, START).unwrap();
        let Event::ItemReleased { hold: Some(hold), .. } = &conclusion.event else { panic!() };
        pauses.push(hold.until.since(START).as_secs() / 60);
        record.evolve(&conclusion.event, START);
    }
    assert_eq!(pauses, [10, 30, 60, 120, 120]);
}

fn asked(run: &Driver) -> HumanReason {
    assert_eq!(run.outcome(), &Outcome::WaitingHuman, "{}", run.state.detail);
    let conclusion = conclude(&claimed("local/DEMO-1", &run.state), &run.state, run.now).unwrap();
    let Event::ItemHumanRequested { reason, question, .. } = conclusion.event else { panic!() };
    assert_eq!(question, run.state.detail);
    reason
}

#[test]
fn people_are_told_what_is_wanted_of_them_wherever_the_run_stopped() {
    let mut run = Driver::new();
    run.coder_says("", r#"{"question": "Which one?"}"#);
    assert_eq!(asked(&run), HumanReason::NeedsInfo);

    let mut run = Driver::new();
    for _ in 0..20 {
        run.turn_fails(FailureClass::Authentication);
    }
    assert_eq!(asked(&run), HumanReason::NeedsCredentials);

    let mut run = Driver::new();
    run.coder_done("a").fails(FailureClass::Configuration);
    assert_eq!(asked(&run), HumanReason::InfraPermanent, "the checks cannot be run");

    let mut run = Driver::fresh(plan(), Vec::new());
    run.fails(FailureClass::Configuration);
    assert_eq!(asked(&run), HumanReason::InfraPermanent, "the worktree cannot be made");

    let mut run = Driver::new();
    run.begin().crash();
    run.begin().crash();
    assert_eq!(asked(&run), HumanReason::CrashedTwice);

    let mut run = Driver::new();
    run.infra();
    run.coder_says("", r#"{"question": "Which one?"}"#);
    assert_eq!(asked(&run), HumanReason::NeedsInfo, "an old failure is over");
}

#[test]
fn the_next_run_inherits_what_was_left_open_newest_first_and_each_once() {
    let mut run = Driver::fresh(plan(), vec![finding(Severity::Major, "of an earlier run")]);
    run.workspace();
    run.coder_done("a").checks(None).revise("one");
    run.coder_done("b").checks(None).revise("two");
    run.coder_done("c").checks(None).revise("one");
    let conclusion = conclude(&claimed("local/DEMO-1", &run.state), &run.state, run.now).unwrap();
    let Event::ItemReleased { findings, .. } = conclusion.event else { panic!() };
    let open: Vec<&str> = findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(open, ["one", "two", "of an earlier run"]);
}

#[test]
fn the_next_run_knows_why_its_predecessor_could_not_be_delivered() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve().fails(FailureClass::Agent);
    let conclusion = conclude(&claimed("local/DEMO-1", &run.state), &run.state, run.now).unwrap();
    let Event::ItemReleased { findings, .. } = conclusion.event else { panic!() };
    assert!(findings[0].problem.contains("could not be delivered"));
}

#[test]
fn what_is_inherited_is_bounded() {
    let mut run = ended(Outcome::AgentFailed);
    for number in 0..200 {
        let finding = finding(Severity::Minor, &format!("number {number}"));
        run.findings.push(crate::pipeline::state::RaisedFinding { round: 1, finding });
    }
    let conclusion = conclude(&claimed("local/DEMO-1", &run), &run, START).unwrap();
    let Event::ItemReleased { findings, .. } = conclusion.event else { panic!() };
    assert_eq!(findings.len(), MOST_INHERITED_FINDINGS);
    assert_eq!(findings[0].problem, "number 199");
}

#[test]
fn an_item_that_went_away_is_not_tried_again() {
    let mut run = Driver::new();
    run.coder_done("a").feed(Input::Supersede { reason: "gone".to_owned() });
    assert_eq!(run.state.change, Some(change("a")));
    let mut record = claimed("local/DEMO-1", &run.state);
    record.evolve(&Event::ItemWithdrawn {}, run.now);
    let conclusion = conclude(&record, &run.state, run.now).unwrap();
    assert_eq!(told(&conclusion, run.now), "settled; as it is");
}
