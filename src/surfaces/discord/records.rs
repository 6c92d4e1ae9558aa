//! Answers out of the log: what a run has done, and how runs ended.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::budget::Usage;
use crate::domain::ids::RunId;
use crate::domain::run::Outcome;
use crate::runtime::handle::Stopping;
use crate::store::envelope::Recorded;
use crate::store::projections::runs::RunState;

use super::answers::{moment, money};
use super::desk::Desk;
use super::message::{Answer, Tone};
use super::text::{block, clip, neutral_line};

/// Lines of a log where no number is given.
pub(super) const LINES: u32 = 20;

/// Runs in a list where no number is given.
const RUNS: u32 = 5;

/// Runs that statistics look at, per repository.
const COUNTED: usize = 200;

/// Events read at once.
const PAGE: usize = 256;

/// Longest line of a log.
const LINE: usize = 300;

impl Desk {
    /// The last lines of what a run has done.
    pub(super) async fn log(&self, name: &str, lines: u32) -> Result<Answer, Stopping> {
        let wording = self.wording();
        let Some(found) = self.handle.why(name).await? else {
            return Ok(wording.why(name, None));
        };
        let run = match found.run {
            Some(run) => Some(run.id),
            None => self
                .store
                .runs_of(&found.item.id)
                .await
                .ok()
                .and_then(|runs| runs.last().map(|run| run.id)),
        };
        let title = wording.say("title-log", &[("name", found.item.id.identifier())]);
        let body = match run {
            None => wording.say("line-none", &[]),
            Some(run) => {
                let events = self.events(run).await;
                let skipped = events.len().saturating_sub(lines as usize);
                let lines: Vec<String> = events.iter().skip(skipped).map(log_line).collect();
                block(&(self.rules.redact)(&lines.join("\n")))
            }
        };
        Ok(Answer::new(Tone::Plain, neutral_line(&title), body))
    }

    async fn events(&self, run: RunId) -> Vec<Recorded> {
        let (stream, mut events) = (run.stream(), Vec::new());
        loop {
            let from = events.len() as u64 + 1;
            let Ok(page) = self.store.read_stream(&stream, from, PAGE).await else { return events };
            let whole = page.len() == PAGE;
            events.extend(page);
            if !whole {
                return events;
            }
        }
    }

    /// The runs that ended last, over all repositories.
    async fn ended(&self, most: usize) -> Vec<RunState> {
        let mut runs = Vec::new();
        for path in self.store.repositories().await.unwrap_or_default() {
            runs.extend(self.store.recent_runs(&path, most).await.unwrap_or_default());
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.finished));
        runs.truncate(most);
        runs
    }

    /// The runs that ended last.
    pub(super) async fn history(&self, most: Option<u32>) -> Answer {
        let wording = self.wording();
        let runs = self.ended(most.unwrap_or(RUNS) as usize).await;
        let lines: Vec<String> = runs.iter().map(|run| self.ended_line(run)).collect();
        let body = if lines.is_empty() { wording.say("line-none", &[]) } else { lines.join("\n") };
        wording.answer(Tone::Plain, "history", body)
    }

    fn ended_line(&self, run: &RunState) -> String {
        self.wording().say(
            "line-ended",
            &[
                ("item", &neutral_line(run.item.identifier())),
                ("run", &run.id.short()),
                ("outcome", run.outcome.as_ref().map_or("–", Outcome::word)),
                ("rounds", &run.round.to_string()),
                ("cost", &money(run.usage)),
                ("when", &run.finished.map_or_else(String::new, moment)),
            ],
        )
    }

    /// What came of the runs.
    pub(super) async fn statistics(&self) -> Answer {
        let wording = self.wording();
        let runs = self.ended(COUNTED).await;
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut usage = Usage::default();
        let mut rounds = 0_u64;
        for run in &runs {
            *outcomes.entry(run.outcome.as_ref().map_or("–", Outcome::word)).or_default() += 1;
            usage += run.usage;
            rounds += u64::from(run.round);
        }
        let Some(count) = u64::try_from(runs.len()).ok().filter(|count| *count > 0) else {
            return wording.answer(Tone::Plain, "stats", wording.say("line-none", &[]));
        };
        let tenths = rounds * 10 / count;
        let average = Usage { cost_micro_usd: usage.cost_micro_usd / count, ..usage };
        let rounds = format!("{}.{}", tenths / 10, tenths % 10);
        let values = [("runs", count.to_string()), ("rounds", rounds), ("cost", money(average))];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut lines = vec![wording.say("line-stats", &values)];
        lines.extend(outcomes.iter().map(|(word, count)| format!("{word}: {count}")));
        wording.answer(Tone::Plain, "stats", lines.join("\n"))
    }

    /// Records of the latest sessions: the agents' turns, with what goes on in them.
    pub(super) async fn sessions(&self, most: Option<u32>) -> Answer {
        let wording = self.wording();
        let mut lines = Vec::new();
        for run in self.ended(most.unwrap_or(RUNS) as usize).await {
            lines.push(self.ended_line(&run));
            let turns = self.store.turns(run.id).await.unwrap_or_default();
            lines.extend(turns.iter().map(|turn| {
                let session = neutral_line(&clip(&turn.session, 40));
                let ending = turn.ending.as_deref().unwrap_or("–");
                let agent = neutral_line(&turn.agent);
                format!("  {}. {} {agent} {session} {ending}", turn.turn, turn.stage)
            }));
        }
        let body = if lines.is_empty() { wording.say("line-none", &[]) } else { lines.join("\n") };
        wording.answer(Tone::Plain, "codex", body)
    }
}

/// When, what, and what its payload says in short.
fn log_line(recorded: &Recorded) -> String {
    let payload = recorded.payload.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut parts = Vec::new();
    if let Some(Value::Object(fields)) = payload {
        for (name, value) in &fields {
            parts.extend(part(name, value));
        }
    }
    let at = recorded.at.to_string();
    clip(&format!("{at} {} {}", recorded.kind, parts.join(" ")), LINE)
}

fn part(name: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Object(fields) => {
            let said = ["text", "summary", "message", "kind", "verdict"];
            let found = said.iter().filter_map(|key| fields.get(*key)?.as_str());
            found.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        }
        Value::String(_) | Value::Array(_) | Value::Null => return None,
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| format!("{name}={}", clip(&text, 160)))
}
