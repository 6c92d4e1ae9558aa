//! The daemon dies at every place where it stores something, and everything ends as it would have without that.

use crate::runtime::simulation::scenario::{Faults, Script};
use crate::runtime::simulation::{Simulated, play};

use super::script;

/// What must not depend on whether the daemon died on the way.
pub(super) fn essence(simulated: &Simulated) -> Vec<String> {
    simulated
        .items
        .iter()
        .map(|item| {
            let state = item.state.unwrap_or("(gone)");
            let (runs, delivered, attempts) = (item.runs, item.delivered, item.attempts);
            let last = item.last.unwrap_or_default();
            format!(
                "{}: {} {state} {last}, {runs} runs, {delivered} delivered, {attempts} attempts",
                item.item, item.status
            )
        })
        .collect()
}

pub(super) fn assert_sound(what: &str, simulated: &Simulated) {
    assert!(simulated.is_sound(), "{what}:\n{simulated}");
    assert_eq!(simulated.receipts.open_effects, 0, "{what} leaves effects open:\n{simulated}");
}

/// Lets the daemon die before and after every single append of the scenario, one death per play.
fn dies_everywhere(name: &str) {
    let undisturbed = play(&script(name));
    assert_sound(name, &undisturbed);
    for append in 1..=undisturbed.appends {
        for (word, before, after) in
            [("before", vec![append], Vec::new()), ("after", Vec::new(), vec![append])]
        {
            let mut dying = script(name);
            dying.faults.before_append = before;
            dying.faults.after_append = after;
            let simulated = play(&dying);
            let what = format!("{name}, death {word} append {append}");
            assert_sound(&what, &simulated);
            assert!(simulated.daemons > undisturbed.daemons, "{what}: nobody died");
            assert_eq!(essence(&simulated), essence(&undisturbed), "{what}:\n{simulated}");
        }
    }
}

#[test]
fn one_item_approved() {
    dies_everywhere("approve-at-once");
}

#[test]
fn one_item_revised() {
    dies_everywhere("revise-then-approve");
}

#[test]
fn one_item_in_every_stage() {
    dies_everywhere("every-stage");
}

#[test]
fn items_that_conflict() {
    dies_everywhere("conflicting-merges");
}

#[test]
fn a_chain_of_items() {
    dies_everywhere("blocked-by-chain");
}

#[test]
fn results_that_were_visible_but_never_reported_are_not_repeated() {
    let with_lag = |mut script: Script| {
        script.lag = std::time::Duration::from_secs(20);
        script
    };
    let undisturbed = play(&with_lag(script("revise-then-approve")));
    let end = undisturbed.ended.since(undisturbed.began).as_secs();
    for at in (0..end).step_by(7) {
        let mut dying = with_lag(script("revise-then-approve"));
        let down = std::time::Duration::from_secs(11);
        let crash = crate::runtime::simulation::scenario::Happening::Crash { down };
        let at = dying.start.after(std::time::Duration::from_secs(at));
        dying.happenings.push((at, crash));
        let simulated = play(&dying);
        let what = format!("death at {at}");
        assert_sound(&what, &simulated);
        assert_eq!(essence(&simulated), essence(&undisturbed), "{what}:\n{simulated}");
    }
}

#[test]
fn a_death_right_after_a_death_loses_nothing_either() {
    let undisturbed = play(&script("revise-then-approve"));
    for append in 1..=undisturbed.appends {
        let mut dying = script("revise-then-approve");
        let Faults { before_append, after_append, .. } = &mut dying.faults;
        before_append.push(append);
        after_append.push(append + 1);
        let simulated = play(&dying);
        let what = format!("deaths before append {append} and after the next");
        assert_sound(&what, &simulated);
        let parked = simulated.items.iter().any(|item| item.status == "waiting_human");
        assert!(
            parked || essence(&simulated) == essence(&undisturbed),
            "{what} ends otherwise:\n{simulated}"
        );
    }
}
