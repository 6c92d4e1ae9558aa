//! Random scenarios: whatever agents, people and deaths do, no rule is broken; and whatever deaths do, the end is the
//! same.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::deaths::{assert_sound, essence};
use crate::runtime::simulation::simulate;

/// Random scenarios per property. More of them: `SIMULATIONS=2000 cargo test random`.
const CASES: u32 = 12;

const CODER: [&str; 20] = [
    "change",
    "change",
    "change",
    "3m change",
    "29m change",
    "same",
    "nothing",
    "no-change: it is so already",
    "question: which one?",
    "fail: does not compile",
    "timeout",
    "hang",
    "loop",
    "infra: 503",
    "quota 2h",
    "quota 30h",
    "quota",
    "throttle 90s",
    "login: logged out",
    "$0.40 900tok change",
];

const CRITIC: [&str; 18] = [
    "approve",
    "approve",
    "approve",
    "1m approve",
    "revise: no test",
    "revise: too long",
    "revise: too slow",
    "reject: wrong",
    "unmet 1",
    "silent",
    "prose: fine",
    "forged",
    "stale",
    "tamper",
    "hang",
    "infra: 503",
    "quota 1h",
    "fail: crashed",
];

const CHECKS: [&str; 6] =
    ["pass", "pass", "fail: red", "already-failing", "timeout", "unavailable: disk full"];

const PORT: [&str; 4] = ["ok", "ok", "unavailable: later", "3m ok"];

fn acts(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(proptest::sample::select(words), 0..5).prop_map(|acts| {
        // The last act is repeated for ever: a port that never works again would never let the factory rest.
        let last = words.first().filter(|first| **first == "ok");
        let acts = acts.iter().chain(last);
        let quoted: Vec<String> = acts.map(|act| format!("\"{act}\"")).collect();
        quoted.join(", ")
    })
}

/// One item; `blockers` are numbers of items before it, as far as there are any.
fn item() -> impl Strategy<Value = (String, Vec<usize>, usize)> {
    let lists = (acts(&CODER), acts(&CRITIC), acts(&CHECKS), acts(&PORT), acts(&PORT), acts(&PORT));
    let priority = proptest::sample::select(&["critical", "high", "medium", "low"][..]);
    (lists, priority, vec(0..6_usize, 0..2), 0..40_usize).prop_map(
        |((coder, critic, checks, workspace, delivery, tracker), priority, blockers, appears)| {
            let text = format!(
                "priority = \"{priority}\"\nappears = \"{appears}m\"\ncoder = [{coder}]\n\
                 critic = [{critic}]\nchecks = [{checks}]\nworkspace = [{workspace}]\n\
                 delivery = [{delivery}]\ntracker = [{tracker}]\n\
                 body = \"- [ ] it works\"\n"
            );
            (text, blockers, appears)
        },
    )
}

fn items() -> impl Strategy<Value = String> {
    vec(item(), 1..5).prop_map(|items| {
        let mut text = String::new();
        for (number, (item, blockers, _)) in items.iter().enumerate() {
            let known: Vec<String> = blockers
                .iter()
                .filter(|blocker| **blocker < number)
                .map(|blocker| format!("\"A-{blocker}\""))
                .collect();
            let blockers = known.join(", ");
            writeln!(text, "[[item]]\nid = \"A-{number}\"\nblocked_by = [{blockers}]\n{item}")
                .unwrap();
        }
        text
    })
}

/// What does not depend on when things happen. Everything in it comes to rest.
fn rules() -> impl Strategy<Value = String> {
    let stages = proptest::sample::subsequence(
        vec!["diagnose", "tester", "documenter", "auditor", "stage-documenter"],
        0..3,
    );
    let numbers = (1..4_u32, 1..5_u32, 0..3_u64, any::<bool>(), stages);
    numbers.prop_map(|(rounds, slots, lag, one_coder, stages)| {
        let agents = if one_coder { ", agents = { coder = 1 }" } else { "" };
        format!(
            "[factory]\nuntil = \"60d\"\nlag = \"{lag}s\"\n[policy]\nmax_rounds = {rounds}\n\
             item_budget = {{ attempts = 3, turns = 60 }}\n\
             slots = {{ global = {slots}{agents} }}\nstages = {stages:?}\n"
        )
    })
}

/// Who may stand in for whom, if anybody; lines of the policy.
fn standing_in() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &[
            "",
            "agents = [\"other\"]\n",
            "failover = { coder = [\"other\"] }\n",
            "failover = { coder = [\"other\", \"critic\"], other = [\"coder\"], critic = [\"coder\"] }\n",
        ][..],
    )
}

fn stops() -> impl Strategy<Value = String> {
    vec((0..10_000_u32, 1..600_u32), 0..4).prop_map(|stops| {
        let mut text = String::new();
        for (at, down) in stops {
            writeln!(text, "[[event]]\nat = \"{at}s\"\nstop = \"{down}s\"").unwrap();
        }
        text
    })
}

/// One death, by number of the append or by time.
fn one_death() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..150_u64).prop_map(|append| format!("[faults]\nbefore_append = [{append}]\n")),
        (1..150_u64).prop_map(|append| format!("[faults]\nafter_append = [{append}]\n")),
        (0..10_000_u64).prop_map(|at| format!("[[event]]\nat = \"{at}s\"\ncrash = \"9s\"\n")),
    ]
}

fn many_deaths() -> impl Strategy<Value = String> {
    let appends = || vec(1..200_u64, 0..4);
    (appends(), appends(), vec(0..20_000_u64, 0..4)).prop_map(|(before, after, times)| {
        let mut text = format!("[faults]\nbefore_append = {before:?}\nafter_append = {after:?}\n");
        for at in times {
            writeln!(text, "[[event]]\nat = \"{at}s\"\ncrash = \"7s\"").unwrap();
        }
        text
    })
}

const PEOPLE: [&str; 18] = [
    "command = \"provider other\"",
    "command = \"provider --reset\"",
    "command = \"cancel A-0\"",
    "command = \"cancel A-1\"",
    "command = \"retry A-0 try again\"",
    "command = \"retry A-1\"",
    "command = \"pause\"",
    "command = \"resume\"",
    "command = \"run demo Say hello\"",
    "edit = { item = \"A-0\", state = \"Done\" }",
    "edit = { item = \"A-0\", state = \"Todo\" }",
    "edit = { item = \"A-0\", state = \"Blocked\" }",
    "edit = { item = \"A-0\", lane = \"manual\" }",
    "edit = { item = \"A-0\", lane = \"autopilot\", body = \"Louder.\" }",
    "delete = \"A-0\"",
    "damage = { item = \"A-0\", reason = \"torn\" }",
    "tracker_down = \"out of reach\"",
    "commit = { files = [\"A-0.txt\", \"other.txt\"] }",
];

fn people() -> impl Strategy<Value = String> {
    vec((0..15_000_u32, proptest::sample::select(&PEOPLE[..])), 0..10).prop_map(|events| {
        let mut text = String::new();
        for (at, event) in events {
            writeln!(text, "[[event]]\nat = \"{at}s\"\n{event}").unwrap();
        }
        text
    })
}

/// A runner that plays the same scenarios every time.
#[expect(clippy::disallowed_methods, reason = "a developer's switch, read by these tests alone")]
fn runner() -> TestRunner {
    let wanted = std::env::var("SIMULATIONS").ok().and_then(|number| number.parse().ok());
    let config = Config {
        cases: wanted.unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: 150,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Something to interfere with, so that what people do to is always possible.
const TWO_MORE: &str = "[[item]]\nid = \"A-8\"\n[[item]]\nid = \"A-9\"\n";

/// What was damaged or deleted is mended in the end: an item that can never be read again is never told the rest.
const MENDED: &str = "[[event]]\nat = \"9h\"\nedit = { item = \"A-0\" }\n";

#[test]
fn whatever_happens_no_rule_is_broken() {
    let scenario = (rules(), standing_in(), items(), people(), many_deaths(), stops());
    let outcome = runner().run(&scenario, |(rules, others, items, people, deaths, stops)| {
        let items = if items.contains("\"A-1\"") {
            items
        } else {
            items.replace("id = \"A-0\"", "id = \"A-1\"\n[[item]]\nid = \"A-0\"")
        };
        let text = format!("{rules}{others}{items}{TWO_MORE}{people}{MENDED}{deaths}{stops}");
        let simulated = simulate(&text)
            .map_err(|error| TestCaseError::fail(format!("not a scenario: {error}\n{text}")))?;
        prop_assert!(simulated.is_sound(), "{}\n{}", text, simulated);
        prop_assert_eq!(simulated.receipts.open_effects, 0, "{}\n{}", text, simulated);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn one_death_and_any_number_of_stops_change_nothing_about_the_end() {
    let scenario = (rules(), items(), one_death(), stops());
    let outcome = runner().run(&scenario, |(rules, items, death, stops)| {
        // A start has an effect on an agent that is not let in: it is tried again.
        let items = items.replace("login: logged out", "infra: 503");
        let undisturbed = simulate(&format!("{rules}{items}"))
            .map_err(|error| TestCaseError::fail(format!("not a scenario: {error}")))?;
        assert_sound(&format!("{rules}{items}"), &undisturbed);
        let text = format!("{rules}{items}{death}{stops}");
        let simulated = simulate(&text)
            .map_err(|error| TestCaseError::fail(format!("not a scenario: {error}")))?;
        assert_sound(&text, &simulated);
        prop_assert_eq!(essence(&simulated), essence(&undisturbed), "{}\n{}", text, simulated);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
