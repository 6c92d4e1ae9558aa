//! The failure table: what a turn may come to, and the test that shows what the factory makes of it, with every agent.

use std::collections::BTreeSet;

use enact_factory::domain::agent::AgentKind;

use super::{Cli, EVERY};

/// What a turn may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Approve,
    Revise,
    Reject,
    /// An answer that is not what was asked for.
    Malformed,
    /// An answer without anything in it.
    Empty,
    /// 429.
    Throttled,
    /// A used-up limit, with the time at which it is reset.
    Quota,
    /// 500.
    Broken,
    /// 401.
    Authentication,
    Hang,
    /// A process of the agent's that outlives it.
    Grandchild,
    HugeLine,
    InvalidUtf8,
    /// It ends before it has read what it is told.
    EarlyEnd,
    KilledMidTurn,
}

const ROWS: [Row; 15] = [
    Row::Approve,
    Row::Revise,
    Row::Reject,
    Row::Malformed,
    Row::Empty,
    Row::Throttled,
    Row::Quota,
    Row::Broken,
    Row::Authentication,
    Row::Hang,
    Row::Grandchild,
    Row::HugeLine,
    Row::InvalidUtf8,
    Row::EarlyEnd,
    Row::KilledMidTurn,
];

/// A test of this folder and the rows that it shows.
struct Shown {
    rows: &'static [Row],
    test: &'static str,
    source: &'static str,
}

macro_rules! shown {
    ($file:ident::$test:ident, $rows:expr) => {
        Shown {
            rows: $rows,
            test: stringify!($test),
            source: include_str!(concat!(stringify!($file), ".rs")),
        }
    };
}

const SUITE: [Shown; 8] = [
    shown!(
        verdicts::a_change_is_judged_told_and_paid_for,
        &[Row::Approve, Row::Revise, Row::Reject]
    ),
    shown!(gate::only_a_verdict_of_this_turn_approves, &[Row::Malformed, Row::Empty]),
    shown!(
        outages::a_provider_that_says_no_is_waited_for,
        &[Row::Throttled, Row::Quota, Row::Broken]
    ),
    shown!(failures::a_refused_key_is_a_matter_for_people, &[Row::Authentication]),
    shown!(hangs::a_hanging_agent_is_ended_with_what_it_started, &[Row::Hang, Row::Grandchild]),
    shown!(
        failures::long_lines_and_broken_bytes_are_only_output,
        &[Row::HugeLine, Row::InvalidUtf8]
    ),
    shown!(
        failures::an_agent_that_refuses_its_arguments_is_told_apart_from_bad_work,
        &[Row::EarlyEnd]
    ),
    shown!(failures::an_agent_that_is_killed_is_done_again, &[Row::KilledMidTurn]),
];

/// Who of [`EVERY`] shows that an agent of this kind is understood; for the others, where that is shown.
fn column(kind: AgentKind) -> Result<Cli, &'static str> {
    match kind {
        AgentKind::Claude => Ok(Cli::Claude),
        AgentKind::Codex => Ok(Cli::Codex),
        AgentKind::Opencode => Ok(Cli::Opencode),
        AgentKind::Cursor => Ok(Cli::Cursor),
        AgentKind::Hermes => Ok(Cli::Hermes),
        AgentKind::Acp => Ok(Cli::Acp),
        AgentKind::Responses => Ok(Cli::Responses),
        AgentKind::Command => Err("it has no provider; src/agents/command/tests.rs"),
        AgentKind::Scripted => Err("it is not for work; tests/it/scenario"),
    }
}

#[test]
fn every_row_is_shown_with_every_agent() {
    let shown: BTreeSet<Row> = SUITE.iter().flat_map(|test| test.rows).copied().collect();
    let missing: Vec<Row> = ROWS.into_iter().filter(|row| !shown.contains(row)).collect();
    assert_eq!(missing, [], "rows without a test");
    for Shown { test, source, .. } in &SUITE {
        let with_every_agent = format!("#[test]\nfn {test}() {{\n    with_each_cli(|cli| {{\n");
        assert!(source.contains(&with_every_agent), "{test} does not run with every agent");
    }
    let columns: BTreeSet<Cli> =
        AgentKind::ALL.into_iter().filter_map(|kind| column(kind).ok()).collect();
    assert_eq!(columns, BTreeSet::from(EVERY));
}
