//! What the demo says before and after.

use crate::domain::agent::TurnEnding;
use crate::domain::item_record::ItemStatus;
use crate::domain::run::Interruption;
use crate::pipeline::state::{RunState, TurnRecord};
use crate::surfaces::cli::format::{shortened, usage};
use crate::surfaces::cli::screen::{Screen, Tone};
use crate::surfaces::cli::surroundings::Surroundings;
use crate::surfaces::control::views::ExplanationView;

use super::DemoAgent;
use super::cast::Part;
use super::place::Place;
use super::play::Played;
use super::verdict::{Ending, Verdict, last_run};

/// Characters of foreign text on a line.
const WIDTH: usize = 100;

/// What is about to happen.
pub(super) fn opening(place: &Place, agent: DemoAgent, parts: &[Part], screen: &Screen) {
    screen.line(format!("A throw-away repository with a failing check: {}", place.root.display()));
    if agent == DemoAgent::Scripted {
        screen.line(
            "The agent is scripted: no model, no account, no cost. Its words, tokens and prices are in script.toml.",
        );
        screen.line(
            "All else is real: the daemon and its event log, a process per agent turn, git, checks, merges, a kill -9.",
        );
    }
    screen.line("");
    for part in parts {
        screen.line(format!("  {}  {}", part.identifier, part.shows));
    }
    screen.line("");
}

/// What became of everything.
pub(super) fn closing(
    place: &Place,
    surroundings: &Surroundings,
    played: &Played,
    verdict: &Verdict,
    screen: &Screen,
) {
    heading(screen, "What became of each item, and why");
    for (ending, explanation) in verdict.endings.iter().zip(&played.explanations) {
        one_item(ending, explanation, screen);
    }
    heading(screen, "git log --oneline --graph main");
    for line in verdict.log.lines() {
        screen.line(format!("  {line}"));
    }
    heading(screen, "Afterwards");
    afterwards(played, verdict, screen);
    heading(screen, "Where to look");
    where_to_look(place, surroundings, verdict, screen);
}

fn heading(screen: &Screen, text: &str) {
    screen.line("");
    screen.line(screen.paint(Tone::Strong, text));
}

fn one_item(ending: &Ending, explanation: &ExplanationView, screen: &Screen) {
    let tone = match (ending.as_expected, ending.status) {
        (false, _) => Tone::Bad,
        (true, ItemStatus::Done) => Tone::Good,
        (true, _) => Tone::Warning,
    };
    let status = screen.paint(tone, &format!("{:<13}", ending.status.word()));
    screen.line(format!("  {}  {status}  {}", ending.identifier, ending.title));
    for run in &ending.runs {
        let spent = usage(&run.usage.into());
        screen.line(format!(
            "          {}, {}, {spent}",
            counted(run.round, "round"),
            counted(run.turns.len(), "turn")
        ));
    }
    for reason in ending.runs.iter().flat_map(story) {
        screen.line(format!("          {}", shortened(&reason, WIDTH)));
    }
    // The others hold it as well; `why` shows them all.
    if let Some(held) = explanation.held.first() {
        let release = held.released_by.as_ref().map(|way| format!("; {way}")).unwrap_or_default();
        let reason = format!("held by gate `{}`: {}{release}", held.gate, held.reason);
        screen.line(format!("          {}", shortened(&reason, WIDTH)));
    }
}

/// What happened in a run, one line each.
fn story(run: &RunState) -> Vec<String> {
    let mut lines: Vec<(u32, String)> = Vec::new();
    for turn in &run.turns {
        lines.extend(mishap(turn).map(|text| (turn.round, text)));
    }
    for raised in &run.findings {
        let problem = raised.finding.problem.lines().next().unwrap_or_default();
        let problem = problem.trim_end_matches(" Its output:");
        lines.push((raised.round, format!("round {}: {problem}", raised.round)));
    }
    lines.sort_by_key(|(round, _)| *round);
    let mut lines: Vec<String> = lines.into_iter().map(|(_, text)| text).collect();
    let detail = run.detail.split(';').next().unwrap_or_default();
    lines.push(detail.to_owned());
    lines
}

fn mishap(turn: &TurnRecord) -> Option<String> {
    let (number, stage) = (turn.turn, turn.stage.word());
    if turn.interrupted == Some(Interruption::Crash) {
        return Some(format!(
            "turn {number} ({stage}): the daemon was killed during it; it was ended and done again"
        ));
    }
    match turn.report.as_ref().map(|report| &report.ending) {
        Some(TurnEnding::Failed { failure }) => {
            Some(format!("turn {number} ({stage}): {}", failure.message))
        }
        Some(
            TurnEnding::Completed
            | TurnEnding::TimedOut { .. }
            | TurnEnding::Stuck { .. }
            | TurnEnding::Cancelled,
        )
        | None => None,
    }
}

fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if noun.ends_with('s') { "es" } else { "s" };
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}{plural}") }
}

fn afterwards(played: &Played, verdict: &Verdict, screen: &Screen) {
    let receipts = &verdict.receipts;
    let ok = |good: bool| {
        if good { screen.paint(Tone::Good, "✓") } else { screen.paint(Tone::Bad, "✗") }
    };
    screen.line(format!(
        "  {} receipts verify: {} in {}, {}",
        ok(receipts.problems_found == 0),
        counted(receipts.events, "event"),
        counted(receipts.streams, "stream"),
        counted(receipts.problems_found, "problem"),
    ));
    if played.orphans > 0 {
        screen.line(format!(
            "  {} kill -9 of the daemon left {} of agents at work; the next daemon went on with them",
            ok(true),
            counted(played.orphans, "process")
        ));
    }
    screen.line(format!(
        "  {} processes left of {} and {}: {}",
        ok(played.survivors.is_empty()),
        counted(verdict.turns, "agent turn"),
        counted(played.daemons, "daemon"),
        played.survivors.len()
    ));
    screen.line(format!(
        "  {} the checkout was not touched meanwhile; its owner then ran this, and red checks were green:",
        ok(verdict.checkout_is_right)
    ));
    screen.line(format!("      {}", verdict.sync));
}

fn where_to_look(place: &Place, surroundings: &Surroundings, verdict: &Verdict, screen: &Screen) {
    let (program, root) = (surroundings.program.display(), place.root.display());
    let run = last_run(&verdict.endings, "DEMO-2")
        .or_else(|| last_run(&verdict.endings, "DEMO-1"))
        .map(|run| run.short())
        .unwrap_or_default();
    for line in [
        format!("cd {root}"),
        format!("alias demo='{program} --config {}'", place.config().display()),
        "git -C greeter log --stat main      # what was merged".to_owned(),
        "cat work-items/DEMO-3.md            # an item, and what was written back to it".to_owned(),
        "demo why DEMO-3                     # why it is where it is".to_owned(),
        format!("demo receipts inspect {run}      # everything about one run"),
        "demo start                          # go on: then `retry` DEMO-3, or change DEMO-6's lane"
            .to_owned(),
        "cat daemon.log".to_owned(),
        format!("rm -r {root}"),
    ] {
        screen.line(format!("  {line}"));
    }
}
