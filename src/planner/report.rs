//! The answer to "why not?": one line per item, as data; `Display` aligns it as plain text.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::ItemStatus;
use crate::domain::time::Timestamp;

use super::allowance::Warning;
use super::budget_use::BudgetUse;
use super::held::Held;
use super::rank::{RankReason, split_number};

/// Most characters of a title in the text form.
const TITLE_WIDTH: usize = 40;

/// What was decided about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It starts now.
    Chosen {
        /// Its place among all that start now, from 1.
        rank: usize,
        /// Why it has that place.
        reason: RankReason,
    },
    /// A run has it.
    Running {
        /// Which run.
        run: RunId,
    },
    /// It waits; every gate that holds it, the decisive one first. Never empty.
    Held(Vec<Held>),
    /// Only a person can bring it back.
    Settled(ItemStatus),
    /// Its tracker no longer has it.
    NotPresent,
}

impl Decision {
    /// What holds the item; empty unless it is held.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        match self {
            Self::Held(held) => held,
            Self::Chosen { .. } | Self::Running { .. } | Self::Settled(_) | Self::NotPresent => &[],
        }
    }

    /// The word shown to people.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Chosen { .. } => "start",
            Self::Running { .. } => "running",
            Self::Held(_) => "held",
            Self::Settled(status) => status.word(),
            Self::NotPresent => "gone",
        }
    }

    /// Chosen ones by rank, then running, held, settled and gone ones.
    fn order(&self) -> (u8, usize) {
        match self {
            Self::Chosen { rank, .. } => (0, *rank),
            Self::Running { .. } => (1, 0),
            Self::Held(_) => (2, 0),
            Self::Settled(_) => (3, 0),
            Self::NotPresent => (4, 0),
        }
    }
}

/// What the planner says about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The item.
    pub item: ItemId,
    /// Its title; empty for an item that was never read. Tracker text.
    pub title: String,
    /// The decision.
    pub decision: Decision,
    /// Lifetime ceilings of which 80 % or more are used.
    pub warnings: Vec<BudgetUse>,
}

impl Line {
    /// The order of lines in a report.
    pub(crate) fn order_key(&self) -> ((u8, usize), &str, Option<u64>, &str) {
        let (stem, number) = split_number(&self.item);
        (self.decision.order(), stem, number, self.item.as_str())
    }
}

/// What the planner says about everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When it was made.
    pub at: Timestamp,
    /// Exactly one per item: chosen ones by rank, then running, held, settled and gone ones, each by name.
    pub lines: Vec<Line>,
    /// When time alone makes another look worth while; absent when it never does.
    pub wake_at: Option<Timestamp>,
    /// Ceilings of days and windows of which 80 % or more are used.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// What was decided about `item`.
    #[must_use]
    pub fn line(&self, item: &ItemId) -> Option<&Line> {
        self.lines.iter().find(|line| line.item == *item)
    }

    fn count(&self, wanted: impl Fn(&Decision) -> bool) -> usize {
        self.lines.iter().filter(|line| wanted(&line.decision)).count()
    }

    fn headline(&self) -> String {
        let counts = [
            (self.count(|decision| matches!(decision, Decision::Chosen { .. })), "to start"),
            (self.count(|decision| matches!(decision, Decision::Running { .. })), "running"),
            (self.count(|decision| matches!(decision, Decision::Held(_))), "held"),
            (self.count(|decision| matches!(decision, Decision::Settled(_))), "settled"),
            (self.count(|decision| matches!(decision, Decision::NotPresent)), "gone"),
        ];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        let counts = if counts.is_empty() { "no items".to_owned() } else { counts.join(", ") };
        match self.wake_at {
            Some(instant) => format!("{}: {counts}; next look due at {instant}", self.at),
            None => format!("{}: {counts}", self.at),
        }
    }

    /// The part people type, or the whole identity where two trackers use the same part.
    fn names(&self) -> Vec<String> {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &self.lines {
            *uses.entry(line.item.identifier()).or_default() += 1;
        }
        let name = |line: &Line| match uses.get(line.item.identifier()) {
            Some(1) => printable(line.item.identifier()),
            _ => printable(line.item.as_str()),
        };
        self.lines.iter().map(name).collect()
    }
}

impl fmt::Display for Report {
    /// A headline and one aligned line per item, without colours; control characters of tracker text become spaces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.headline())?;
        for warning in &self.warnings {
            writeln!(formatter, "  warning: {warning}")?;
        }
        let names = self.names();
        let titles: Vec<String> = self.lines.iter().map(|line| short(&line.title)).collect();
        let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
        let name_width = width(&names).unwrap_or(0);
        let title_width = width(&titles).unwrap_or(0);
        let word_width = self.lines.iter().map(|line| line.decision.word().len()).max();
        let word_width = word_width.unwrap_or(0);
        for ((line, name), title) in self.lines.iter().zip(&names).zip(&titles) {
            let word = line.decision.word();
            let text = format!(
                "  {word:word_width$}  {name:name_width$}  {title:title_width$}  {}",
                printable(&line.explain())
            );
            writeln!(formatter, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

impl Line {
    /// The decision in words: rank, run, or gate, reason, release time and what a person could do.
    #[must_use]
    pub fn explain(&self) -> String {
        explain(self)
    }
}

fn explain(line: &Line) -> String {
    let decision = match &line.decision {
        Decision::Chosen { rank, reason } => format!("{rank}. {reason}"),
        Decision::Running { run } => format!("run {}", run.short()),
        Decision::Held(held) => explain_held(held),
        Decision::Settled(_) | Decision::NotPresent => String::new(),
    };
    let warnings = line.warnings.iter().map(|warning| format!(" [warning: {warning} used]"));
    std::iter::once(decision).chain(warnings).collect()
}

fn explain_held(held: &[Held]) -> String {
    let Some((first, others)) = held.split_first() else { return String::new() };
    let until = first.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let action = first.released_by.as_ref().map(|action| format!(" → {action}"));
    let words: Vec<&str> = others.iter().map(|held| held.gate.word()).collect();
    let also =
        if words.is_empty() { String::new() } else { format!(" (also {})", words.join(", ")) };
    format!("{}: {}{until}{}{also}", first.gate.word(), first.reason, action.unwrap_or_default())
}

fn short(title: &str) -> String {
    let title = printable(title);
    if title.chars().count() <= TITLE_WIDTH {
        return title;
    }
    let kept: String = title.chars().take(TITLE_WIDTH - 1).collect();
    format!("{}…", kept.trim_end())
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
