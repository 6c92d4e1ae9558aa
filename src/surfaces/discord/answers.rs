//! Answers to questions, out of what every surface may read.

use std::fmt::Write as _;

use crate::domain::budget::Usage;
use crate::domain::language::Language;
use crate::domain::time::Timestamp;
use crate::locale::fill;
use crate::runtime::engine::{Explanation, ItemView, RunView, Status};

use super::catalogue::Action;
use super::message::{Answer, Tone};
use super::text::{clip, neutral, neutral_line};

/// Items that one answer lists.
const LISTED: usize = 40;

/// Longest title of an item in a list.
const TITLE: usize = 80;

/// How answers are worded.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'a> {
    /// The language.
    pub language: Language,
    /// What stands before a command.
    pub prefix: &'a str,
}

impl Wording<'_> {
    /// The text called `name`.
    #[must_use]
    pub fn say(&self, name: &str, values: &[(&str, &str)]) -> String {
        fill(self.language, &format!("discord.{name}"), values)
    }

    /// An answer whose title is the text `title-<title>`.
    #[must_use]
    pub fn answer(&self, tone: Tone, title: &str, body: impl Into<String>) -> Answer {
        Answer::new(tone, self.say(&format!("title-{title}"), &[]), body)
    }

    /// Why one item runs or does not run.
    #[must_use]
    pub fn why(&self, name: &str, found: Option<&Explanation>) -> Answer {
        let Some(found) = found else {
            let name = neutral_line(&clip(name, TITLE));
            let sentence = self.say("unknown-item", &[("name", &name)]);
            return self.answer(Tone::Bad, "refused", sentence);
        };
        let title = self.say("title-why", &[("name", found.item.id.as_str())]);
        let mut lines = vec![self.item(&found.item)];
        lines.extend(found.run.as_ref().map(|run| self.run(run, None)));
        for held in &found.held {
            let reason = neutral_line(&held.reason);
            let values = [("gate", held.gate), ("reason", reason.as_str())];
            let mut line = self.say("line-held", &values);
            if let Some(until) = held.until {
                let until = self.say("line-until", &[("until", &moment(until))]);
                let _never = write!(line, ", {until}");
            }
            if let Some(action) = &held.released_by {
                let _never = write!(line, " → {}", neutral_line(action));
            }
            lines.push(line);
        }
        Answer::new(Tone::Plain, neutral_line(&title), lines.join("\n"))
    }

    /// What `action` asks for, as far as the whole picture has it.
    #[must_use]
    pub fn picture(&self, action: Action, status: &Status) -> Answer {
        match action {
            Action::Tasks => self.answer(Tone::Plain, "tasks", self.runs(status)),
            Action::Pair => self.answer(Tone::Plain, "pairs", self.runs(status)),
            Action::WorkItems => self.answer(Tone::Plain, "items", self.items(status)),
            Action::Limits => self.answer(Tone::Plain, "limits", self.limits(status)),
            Action::Provider => {
                let agents: Vec<String> =
                    status.provider.agents.iter().map(|it| neutral_line(&it.name)).collect();
                let body = format!("{}\n{}", self.provider(status), agents.join(", "));
                self.answer(Tone::Plain, "provider", body)
            }
            Action::Turbo => self.answer(Tone::Plain, "turbo", self.turbo(status)),
            Action::Auto => {
                let lines = [self.intake(status), self.turbo(status), self.counts(status)];
                self.answer(Tone::Plain, "auto", lines.join("\n"))
            }
            _ => {
                let mut lines = vec![self.intake(status), self.counts(status), self.spent(status)];
                lines.extend(status.turbo_until.map(|_| self.turbo(status)));
                lines.push(self.provider(status));
                lines.extend(self.troubles(status));
                let mut body = lines.join("\n");
                if !status.runs.is_empty() {
                    let _never = write!(body, "\n\n{}", self.runs(status));
                }
                self.answer(Tone::Plain, "status", body)
            }
        }
    }

    fn intake(&self, status: &Status) -> String {
        match &status.paused_by {
            Some(by) => self.say("line-paused", &[("by", &neutral_line(by))]),
            None => self.say("line-open", &[]),
        }
    }

    fn turbo(&self, status: &Status) -> String {
        match status.turbo_until {
            Some(until) => self.say("line-turbo", &[("until", &moment(until))]),
            None => self.say("line-no-turbo", &[]),
        }
    }

    fn provider(&self, status: &Status) -> String {
        self.say("line-provider", &[("agent", &neutral_line(&status.provider.agent))])
    }

    fn counts(&self, status: &Status) -> String {
        let settled = |item: &&ItemView| matches!(item.status, "done" | "failed" | "cancelled");
        let open = status.items.iter().filter(|item| !settled(item)).count();
        let asks = |item: &&ItemView| item.question.is_some() || item.awaits_approval;
        let waiting = status.items.iter().filter(asks).count();
        let values = [status.runs.len(), open, waiting].map(|count| count.to_string());
        let [runs, open, waiting] = values.each_ref();
        self.say("line-counts", &[("runs", runs), ("open", open), ("waiting", waiting)])
    }

    fn spent(&self, status: &Status) -> String {
        let (cost, tokens) = (money(status.spent_today), status.spent_today.billed_tokens());
        self.say("line-spent", &[("cost", &cost), ("tokens", &tokens.to_string())])
    }

    fn troubles(&self, status: &Status) -> Vec<String> {
        let refused = status.refused_agents.iter().map(|agent| {
            let (name, reason) = (neutral_line(&agent.name), neutral_line(&agent.reason));
            self.say("line-agent-refused", &[("agent", &name), ("reason", &reason)])
        });
        let missing = status.unavailable_agents.iter().map(|(name, reason)| {
            let (name, reason) = (neutral_line(name), neutral_line(reason));
            self.say("line-agent-missing", &[("agent", &name), ("reason", &reason)])
        });
        let problems = status.problems.iter().take(5);
        let problems = problems.map(|it| self.say("line-problem", &[("text", &neutral_line(it))]));
        refused.chain(missing).chain(problems).collect()
    }

    fn limits(&self, status: &Status) -> String {
        let limited = ["pace", "budget", "hours", "slot", "quota", "wip", "window"];
        let held = status.items.iter().filter(|item| {
            let gate = item.decision.split(':').next().unwrap_or_default();
            limited.iter().any(|word| gate.contains(word))
        });
        let mut lines = vec![self.spent(status), self.turbo(status)];
        lines.extend(held.take(LISTED).map(|item| self.item(item)));
        lines.join("\n")
    }

    fn runs(&self, status: &Status) -> String {
        let runs = status.runs.iter().map(|run| self.run(run, Some(status.at)));
        self.listed(runs.collect(), status.runs.len())
    }

    fn items(&self, status: &Status) -> String {
        let items = status.items.iter().take(LISTED).map(|item| self.item(item));
        self.listed(items.collect(), status.items.len())
    }

    /// Lines, and how many more there are.
    fn listed(&self, mut lines: Vec<String>, all: usize) -> String {
        if lines.is_empty() {
            return self.say("line-none", &[]);
        }
        let more = all.saturating_sub(lines.len());
        if more > 0 {
            lines.push(self.say("line-more", &[("count", &more.to_string())]));
        }
        lines.join("\n")
    }

    /// One line about a run.
    #[must_use]
    pub fn run(&self, run: &RunView, now: Option<Timestamp>) -> String {
        let elapsed = now.map_or_else(|| moment(run.started), |now| span(now, run.started));
        let [round, rounds] = [run.round, run.max_rounds].map(|count| count.to_string());
        let agent = neutral_line(run.agent.as_deref().unwrap_or("–"));
        let line = self.say(
            "line-run",
            &[
                ("item", &neutral_line(run.item.identifier())),
                ("run", &run.short),
                ("phase", run.phase),
                ("round", &round),
                ("rounds", &rounds),
                ("agent", &agent),
                ("cost", &money(run.usage)),
                ("elapsed", &elapsed),
            ],
        );
        match &run.waiting {
            None => line,
            Some((reason, until)) => {
                let reason = self.say("line-waits", &[("reason", &neutral_line(reason))]);
                let until = self.say("line-until", &[("until", &moment(*until))]);
                format!("{line}\n  {reason}, {until}")
            }
        }
    }

    /// One line about an item, and its question if it has one.
    #[must_use]
    pub fn item(&self, item: &ItemView) -> String {
        let decision = match item.decision.as_str() {
            "" => String::new(),
            decision => format!(", {}", neutral_line(&clip(decision, 200))),
        };
        let line = self.say(
            "line-item",
            &[
                ("item", &neutral_line(item.id.identifier())),
                ("title", &neutral_line(&clip(&item.title, TITLE))),
                ("status", item.status),
                ("decision", &decision),
            ],
        );
        match &item.question {
            None => line,
            Some(question) => {
                let question = neutral(&clip(question, 500));
                format!("{line}\n  {}", self.say("line-question", &[("text", &question)]))
            }
        }
    }
}

/// Money, with a sign where some calls reported none.
#[must_use]
pub fn money(usage: Usage) -> String {
    let cents = usage.cost_micro_usd / 10_000;
    let more = if usage.unpriced_calls > 0 { "≥ " } else { "" };
    format!("{more}${}.{:02}", cents / 100, cents % 100)
}

/// An instant as everybody's own clock shows it: Discord renders it.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    format!("<t:{}:f>", at.0 / 1000)
}

/// Time between two instants, in its two largest units.
#[must_use]
pub fn span(now: Timestamp, earlier: Timestamp) -> String {
    let seconds = now.since(earlier).as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
    }
}
