//! What a scenario came to: as values, and as text for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::domain::change::Delivered;
use crate::domain::event::Event;
use crate::domain::ids::ProjectId;
use crate::domain::item_record::ItemRecord;
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::store::StoreReader as _;
use crate::store::verify::VerifyOptions;

use super::at_once;
use super::chronicle::Line;
use super::factory::Factory;

/// Everything that is known after a scenario was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Simulated {
    /// One line about the scenario.
    pub title: String,
    /// When it began.
    pub began: Timestamp,
    /// When the last thing happened.
    pub ended: Timestamp,
    /// Daemons that were started.
    pub daemons: u32,
    /// Batches that were to be stored: each is a place where a daemon may die.
    pub appends: u64,
    /// What happened, in order of time.
    pub lines: Vec<Line>,
    /// Where each item stands.
    pub items: Vec<ItemOutcome>,
    /// What the planner says in the end; absent when no daemon is there.
    pub report: Option<String>,
    /// What verifying the log found.
    pub receipts: Receipts,
    /// Rules that were broken. Always empty, or there is a mistake in the factory.
    pub violations: Vec<String>,
}

/// Where one item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemOutcome {
    /// What people call it.
    pub item: String,
    /// Execution status.
    pub status: &'static str,
    /// What its tracker says; absent when it is gone from there.
    pub state: Option<&'static str>,
    /// How its last run ended.
    pub last: Option<&'static str>,
    /// Runs it had.
    pub runs: usize,
    /// Runs of it that were delivered.
    pub delivered: usize,
    /// Failed attempts that count.
    pub attempts: u32,
    /// Agent turns that count.
    pub turns: u32,
    /// Billed tokens that count.
    pub tokens: u64,
    /// Millionths of a dollar that count.
    pub cost_micro_usd: u64,
    /// What a person has to answer.
    pub question: Option<String>,
    /// What its tracker was told, oldest first.
    pub told: Vec<String>,
}

/// What verifying the log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipts {
    /// Events in the log.
    pub events: u64,
    /// Streams they belong to.
    pub streams: u64,
    /// What is wrong with them.
    pub problems: Vec<String>,
    /// Effects that were asked for and are neither done nor given up.
    pub open_effects: usize,
}

impl Simulated {
    /// Whether no rule was broken and the log is as it must be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty() && self.receipts.problems.is_empty()
    }

    /// Where the item that people call `name` stands.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<&ItemOutcome> {
        self.items.iter().find(|item| item.item == name)
    }
}

/// Looks at everything once it is over.
pub(super) fn of(mut factory: Factory<'_>) -> Simulated {
    factory.tell();
    factory.check_deliveries();
    factory.check_tracker();
    let log = &factory.log;
    let verified = at_once(log.verify(VerifyOptions::default()));
    let mut receipts = Receipts {
        events: 0,
        streams: 0,
        problems: Vec::new(),
        open_effects: at_once(log.open_effects()).unwrap_or_default().len(),
    };
    match verified {
        Ok(report) => {
            (receipts.events, receipts.streams) = (report.events, report.streams);
            let problems = report.problems.iter();
            receipts.problems =
                problems.map(|found| format!("{}: {}", found.level.word(), found.what)).collect();
        }
        Err(error) => receipts.problems.push(error.to_string()),
    }
    let items = at_once(log.load_items()).unwrap_or_default();
    let report = factory.daemon.as_ref().and_then(|daemon| daemon.engine.report());
    Simulated {
        title: factory.script.title.clone(),
        began: factory.script.start,
        ended: factory.now(),
        daemons: factory.daemons,
        appends: factory.store.appends(),
        items: items.iter().map(|record| factory.item_outcome(record)).collect(),
        report: report.map(ToString::to_string),
        receipts,
        violations: factory.store.inspector(|inspector| inspector.violations().to_vec()),
        lines: factory.chronicle.into_lines(),
    }
}

impl Factory<'_> {
    fn item_outcome(&self, record: &ItemRecord) -> ItemOutcome {
        let id = &record.item.id;
        let runs = at_once(self.log.runs_of(id)).unwrap_or_default();
        ItemOutcome {
            item: id.identifier().to_owned(),
            status: record.status.word(),
            state: record.present.then(|| record.item.state.label()),
            last: record.last_outcome.as_ref().map(Outcome::word),
            runs: runs.len(),
            delivered: runs.iter().filter(|run| run.delivered.is_some()).count(),
            attempts: record.spend.attempts,
            turns: record.spend.turns,
            tokens: record.spend.usage.billed_tokens(),
            cost_micro_usd: record.spend.usage.cost_micro_usd,
            question: record.human.as_ref().map(|human| human.question.clone()),
            told: self.tracker.log(id),
        }
    }

    /// Every commit of every base branch is on record, each delivered run is in there once, and nothing else is.
    fn check_deliveries(&self) {
        let mut steps: BTreeMap<ProjectId, BTreeMap<String, String>> = BTreeMap::new();
        for (project, before, after) in &self.commits {
            steps.entry(project.clone()).or_default().insert(before.clone(), after.clone());
        }
        let mut projects = BTreeMap::new();
        let mut late = BTreeSet::new();
        for recorded in at_once(self.log.read_all(0, usize::MAX)).unwrap_or_default() {
            match recorded.event.known() {
                Some(Event::RunStarted { plan, .. }) => {
                    projects.insert(recorded.stream.clone(), plan.project.clone());
                }
                Some(Event::RunDelivered { delivered: Delivered::Merge { before, after, .. } }) => {
                    let Some(project) = projects.get(&recorded.stream) else { continue };
                    let steps = steps.entry(project.clone()).or_default();
                    if steps.insert(before.clone(), after.clone()).is_some() {
                        self.violated(format!("{project}: two things were put on top of {before}"));
                    }
                }
                // Delivered after somebody had given it up: only words are on record of that.
                Some(Event::LateResult { effect, .. }) if effect == "delivered" => {
                    late.extend(projects.get(&recorded.stream).cloned());
                }
                _ => {}
            }
        }
        for (project, first) in &self.first_commits {
            let repository = format!("/repositories/{project}");
            let tip = self.workspaces.tip(Path::new(&repository), "main").unwrap_or_default();
            let mut steps = steps.remove(project).unwrap_or_default();
            let mut at = first.clone();
            while let Some(next) = steps.remove(&at) {
                at = next;
            }
            if at != tip && !late.contains(project) {
                self.violated(format!("{project}: main is at {tip}, which nobody has on record"));
            }
            for after in steps.values() {
                self.violated(format!("{project}: {after} is on record, but not in main"));
            }
        }
    }

    /// The tracker was told everything once and in order.
    fn check_tracker(&self) {
        for id in self.script.parts.keys() {
            let log = self.tracker.log(id);
            let numbers: Vec<u32> = log
                .iter()
                .filter_map(|line| line.rsplit_once("/update/"))
                .filter_map(|(_, rest)| rest.trim_end_matches(" -->").parse().ok())
                .collect();
            if numbers.len() != log.len() || !numbers.is_sorted_by(|one, next| one < next) {
                self.violated(format!("{id}: its tracker was told {numbers:?}"));
            }
        }
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.title.is_empty() {
            writeln!(formatter, "{}\n", self.title)?;
        }
        writeln!(formatter, "What happened, from {} on:", self.began)?;
        let width = self.lines.iter().map(|line| line.who.chars().count()).max().unwrap_or(0);
        for line in &self.lines {
            let at = offset(line.at.since(self.began));
            writeln!(formatter, "  {at:>11}  {:width$}  {}", line.who, line.what)?;
        }
        writeln!(formatter, "\nWhere everything stands at {}:", self.ended)?;
        self.fmt_items(formatter)?;
        match &self.report {
            Some(report) => write!(formatter, "\nThe planner:\n{report}")?,
            None => writeln!(formatter, "\nNo daemon is there.")?,
        }
        let Receipts { events, streams, problems, open_effects } = &self.receipts;
        let verdict = if problems.is_empty() { "verified" } else { "NOT as they were written" };
        writeln!(formatter, "\nReceipts: {events} events in {streams} streams, {verdict}")?;
        for problem in problems {
            writeln!(formatter, "  {problem}")?;
        }
        if *open_effects > 0 {
            writeln!(formatter, "Effects still open: {open_effects}")?;
        }
        if self.violations.is_empty() {
            return writeln!(formatter, "No rule was broken.");
        }
        writeln!(formatter, "RULES WERE BROKEN:")?;
        self.violations.iter().try_for_each(|what| writeln!(formatter, "  {what}"))
    }
}

impl Simulated {
    fn fmt_items(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 6]> = self.items.iter().map(ItemOutcome::row).collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..6).map(width).collect();
        for (row, item) in rows.iter().zip(&self.items) {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}", width = *width))
                .collect();
            writeln!(formatter, "  {}", cells.join("  ").trim_end())?;
            if let Some(question) = &item.question {
                let question = question.lines().next().unwrap_or_default();
                writeln!(formatter, "    asks: {question}")?;
            }
        }
        Ok(())
    }
}

impl ItemOutcome {
    fn row(&self) -> [String; 6] {
        let (dollars, cents) =
            (self.cost_micro_usd / 1_000_000, self.cost_micro_usd % 1_000_000 / 10_000);
        let count = |number: usize, noun: &str| match number {
            1 => format!("1 {noun}"),
            number => format!("{number} {noun}s"),
        };
        [
            self.item.clone(),
            self.status.to_owned(),
            self.state.unwrap_or("(gone)").to_owned(),
            format!(
                "{}, {} failed, {}",
                count(self.runs, "run"),
                self.attempts,
                count(usize::try_from(self.turns).unwrap_or(usize::MAX), "turn")
            ),
            format!("${dollars}.{cents:02}"),
            self.last.map(|last| format!("last: {last}")).unwrap_or_default(),
        ]
    }
}

/// Time since the beginning: `1d 02:03:04`.
fn offset(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if days == 0 { clock } else { format!("{days}d {clock}") }
}
