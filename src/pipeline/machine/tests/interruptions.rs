//! The daemon dies, a person interferes, results come late.

use super::driver::{Driver, TURN_USAGE, change, plan, turn_report};
use crate::domain::agent::{Stage, TurnEnding};
use crate::domain::change::Delivered;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::run::{Interruption, Outcome, Phase};
use crate::domain::verdict::Verdict;
use crate::pipeline::input::{FinishedTurn, Input};

/// A run in each of its unfinished phases, with and without a turn in flight.
fn everywhere() -> Vec<(&'static str, Driver)> {
    let preparing = Driver::fresh(plan(), Vec::new());
    let coding = Driver::new();
    let mut coder_at_work = Driver::new();
    coder_at_work.begin();
    let mut checking = Driver::new();
    checking.coder_done("a");
    let mut critiquing = Driver::new();
    critiquing.coder_done("a").checks(None);
    let mut critic_at_work = critiquing.clone();
    critic_at_work.begin();
    let mut publishing = critiquing.clone();
    publishing.approve();
    let mut waiting = Driver::new();
    waiting.turn_fails(crate::domain::failure::FailureClass::Infrastructure);
    let mut second_round = critiquing.clone();
    second_round.revise("one");
    vec![
        ("preparing", preparing),
        ("coding", coding),
        ("coder at work", coder_at_work),
        ("checking", checking),
        ("critiquing", critiquing),
        ("critic at work", critic_at_work),
        ("publishing", publishing),
        ("waiting", waiting),
        ("second round", second_round),
    ]
}

/// Plays the run to its good end from wherever it is.
fn play_out(run: &mut Driver) {
    for _ in 0..20 {
        match run.wait() {
            Effect::PrepareWorkspace { .. } => run.workspace(),
            Effect::RunTurn { .. } if run.state.turn_in_flight().is_some() => {
                match run.state.stage().unwrap() {
                    Stage::Coder => run.end(TurnEnding::Completed, "", Some(change("z")), false),
                    _ => {
                        let turn = run.state.turn_in_flight().unwrap().clone();
                        let answer = super::driver::Answer {
                            verdict: Verdict::Approve,
                            nonce: turn.nonce.unwrap(),
                            commit: turn.head,
                            findings: Vec::new(),
                            unmet: Vec::new(),
                        };
                        run.critic_answers(&answer)
                    }
                }
            }
            Effect::RunTurn { .. } => run.begin(),
            Effect::RunChecks { .. } => run.checks(None),
            Effect::Deliver { .. } => run.deliver(),
            Effect::CleanUp { .. }
            | Effect::UpdateTracker { .. }
            | Effect::CreateItem { .. }
            | Effect::Claim { .. }
            | Effect::Release { .. } => return,
        };
    }
    panic!("no end in sight: {:?}", run.state.phase);
}

#[test]
fn a_turn_whose_agent_outlives_its_daemon_goes_on_as_if_nothing_had_happened() {
    for (place, mut run) in everywhere() {
        let (before, fence) = (run.clone(), run.state.fence + 1);
        let in_flight = run.state.turn_in_flight().map(|turn| turn.turn);
        for _ in 0..3 {
            run.feed(Input::Adopted { fence });
        }
        match in_flight {
            None => assert_eq!(run.state, before.state, "{place}"),
            Some(turn) => {
                assert_eq!(run.state.fence, fence, "{place}");
                assert_eq!(run.state.turn_in_flight().map(|it| it.turn), Some(turn), "{place}");
                assert_eq!(run.state.crash, None, "{place}");
                assert_eq!(run.wait(), Effect::RunTurn { run: run.state.id, turn }, "{place}");
            }
        }
        play_out(&mut run);
        assert_eq!(run.state.outcome, Some(Outcome::Succeeded), "{place}");
    }
}

#[test]
fn a_crash_in_any_phase_continues_from_there_with_a_new_turn() {
    for (place, mut run) in everywhere() {
        let (phase, round) = (run.state.phase, run.state.round);
        let in_flight = run.state.turn_in_flight().map(|turn| turn.turn);
        run.crash();
        assert_eq!((run.state.phase, run.state.round), (phase, round), "{place}");
        assert_eq!(run.state.fence, 2, "{place}");
        if let Some(turn) = in_flight {
            assert_eq!(run.state.turn(turn).unwrap().interrupted, Some(Interruption::Crash));
            assert_eq!(run.wanted(), Effect::RunTurn { run: run.state.id, turn: turn + 1 });
        }
        play_out(&mut run);
        assert_eq!(run.outcome(), &Outcome::Succeeded, "{place}");
    }
}

#[test]
fn a_second_crash_in_the_same_phase_asks_a_person() {
    // Neither waiting nor finding out whether it was delivered can be what brings a daemon down.
    let suspect =
        |run: &Driver| run.state.waiting.is_none() && run.state.phase != Phase::Publishing;
    for (place, mut run) in everywhere().into_iter().filter(|(_, run)| suspect(run)) {
        run.crash();
        run.crash();
        assert_eq!(run.outcome(), &Outcome::WaitingHuman, "{place}");
        assert!(run.state.detail.contains("went down 2 times"), "{}", run.state.detail);
    }
}

#[test]
fn crashes_in_different_phases_are_not_added_up() {
    let mut run = Driver::new();
    run.crash().coder_done("a").crash().checks(None).crash().revise("one");
    run.crash().coder_done("b").crash().checks(None).crash().approve().crash().deliver();
    assert_eq!(run.outcome(), &Outcome::Succeeded);
}

#[test]
fn a_crash_while_a_run_waits_for_its_time_is_not_held_against_it() {
    let mut run = Driver::new();
    run.quota(Some(run.now.after(std::time::Duration::from_secs(3600))));
    let until = run.state.waiting.clone();
    run.crash().crash().crash();
    assert_eq!((&run.state.outcome, &run.state.waiting), (&None, &until), "and waits as before");
    run.begin().crash().begin().crash();
    assert_eq!(run.outcome(), &Outcome::WaitingHuman, "at work it is");
}

#[test]
fn being_stopped_in_order_never_counts_as_a_crash() {
    let mut run = Driver::new();
    for _ in 0..10 {
        run.begin().shutdown();
    }
    assert_eq!(run.state.outcome, None);
    assert_eq!(run.state.infra_failures, 0);
    run.begin().crash();
    run.begin().shutdown();
    assert_eq!(run.state.outcome, None);
    play_out(&mut run);
    assert_eq!((run.outcome(), run.state.round), (&Outcome::Succeeded, 1));
}

#[test]
fn an_interrupted_coder_is_told_that_it_continues() {
    let mut run = Driver::new();
    run.begin().crash();
    run.coder_done("a");
    let told = run.given(Stage::Coder);
    assert!(!told[0].contains("# Recovery"));
    assert!(told[1].contains("# Recovery") && told[1].contains("uncommitted work"));
    run.checks(None).revise("one").coder_done("b");
    assert!(!run.given(Stage::Coder)[2].contains("# Recovery"), "only in the round it happened");
}

#[test]
fn a_run_that_only_waited_is_not_blamed_for_any_number_of_crashes() {
    let mut run = Driver::new();
    run.begin().turn_fails(FailureClass::Quota { until: None });
    for fence in 2..6 {
        run.feed(Input::Interrupted { cause: Interruption::Crash, fence, salvaged: None });
    }
    assert_eq!((run.state.outcome.clone(), run.state.crash.clone()), (None, None));
}

#[test]
fn the_fence_only_grows() {
    let mut run = Driver::new();
    run.feed(Input::Interrupted { cause: Interruption::Shutdown, fence: 9, salvaged: None });
    run.feed(Input::Interrupted { cause: Interruption::Shutdown, fence: 4, salvaged: None });
    assert_eq!(run.state.fence, 9);
}

#[test]
fn the_result_of_an_interrupted_turn_comes_too_late() {
    let mut run = Driver::new();
    run.begin().crash();
    let report = turn_report(TurnEnding::Completed, "");
    let change = Some(change("stale"));
    run.feed(Input::TurnFinished(Box::new(FinishedTurn {
        turn: 1,
        report,
        change,
        tampered: false,
        instead: None,
    })));
    assert!(run.state.change.is_none());
    assert_eq!(run.state.next_turn(), 2);
}

#[test]
fn cancelling_ends_the_run_in_every_phase() {
    for (place, mut run) in everywhere() {
        run.cancel();
        assert_eq!(run.outcome(), &Outcome::Cancelled { by: "ada".to_owned() }, "{place}");
        assert!(run.last.as_ref().unwrap().stop_tasks, "{place}");
        assert!(matches!(run.wanted(), Effect::CleanUp { keep: true, .. }), "{place}");
        let before = run.state.clone();
        run.cancel();
        assert_eq!(run.state, before, "{place}: twice is once");
    }
}

#[test]
fn an_item_that_goes_away_ends_the_run_in_every_phase() {
    for (place, mut run) in everywhere() {
        run.feed(Input::Supersede { reason: "closed by its author".to_owned(), settled: false });
        assert_eq!(run.outcome(), &Outcome::Superseded, "{place}");
        assert!(run.last.as_ref().unwrap().stop_tasks, "{place}");
        assert!(matches!(run.wanted(), Effect::CleanUp { keep: true, .. }), "{place}");
    }
    for (place, mut run) in everywhere() {
        run.feed(Input::Supersede { reason: "it is done".to_owned(), settled: true });
        assert!(matches!(run.wanted(), Effect::CleanUp { keep: false, .. }), "{place}");
    }
}

#[test]
fn results_after_the_end_are_kept_as_evidence_and_change_nothing() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve().cancel();
    let (base, before, after) = ("trunk".to_owned(), "b".repeat(40), "f".repeat(40));
    let delivered = Delivered::Merge { base, before, after, checkout: None };
    run.feed(Input::Delivered { delivered });
    assert_eq!(run.outcome(), &Outcome::Cancelled { by: "ada".to_owned() });
    assert!(run.state.delivered.is_none());
    let Event::LateResult { effect, reason } = run.last_event() else { panic!() };
    assert_eq!(effect, "delivered");
    assert!(reason.contains("merged into trunk as ffffffffffff"), "{reason}");
}

#[test]
fn what_a_cancelled_turn_had_used_is_still_counted() {
    let mut run = Driver::new();
    run.begin().cancel();
    run.end(TurnEnding::Cancelled, "", Some(change("half")), false);
    assert_eq!(run.state.usage, TURN_USAGE);
    assert!(run.state.turn_in_flight().is_none());
    assert_eq!(run.state.phase, Phase::Finished);
    assert_eq!(run.outcome(), &Outcome::Cancelled { by: "ada".to_owned() });
    assert!(matches!(run.last_event(), Event::LateResult { .. }));
}

#[test]
fn an_interruption_after_the_end_is_nothing() {
    let mut run = Driver::new();
    run.cancel();
    let before = run.state.clone();
    run.crash();
    assert_eq!(run.state, before);
}
