//! What one `hermes -z` process says: its answer at the end, and how it went in a file of its own.

use serde_json::Value;

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};

use super::super::{AgentEvent, ProcessEnd, Transcript, TurnSummary, classification, money};

/// Standard output, of which the end is kept. It may be an error in words.
#[derive(Default)]
pub(in crate::agents) struct HermesTranscript {
    output: String,
}

impl Transcript for HermesTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        self.output.push_str(line);
        self.output.push('\n');
        if self.output.len() > 4 * classification::TEXT_LIMIT {
            self.output = classification::bounded_text(std::mem::take(&mut self.output));
        }
        vec![AgentEvent::Text(line.to_owned())]
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let report =
            end.answer.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let judged = match self.failure(report.as_ref(), &end) {
            None => TurnEnding::Completed,
            Some(failure) => TurnEnding::Failed { failure },
        };
        let report = report.unwrap_or_default();
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(self.output.trim_end().to_owned()),
            usage: used(&report),
            session: report["session_id"].as_str().map(str::to_owned),
            model: report["model"].as_str().map(str::to_owned),
            tool_calls: 0,
        }
    }
}

impl HermesTranscript {
    fn failure(&self, report: Option<&Value>, end: &ProcessEnd<'_>) -> Option<Failure> {
        let Some(report) = report else { return Some(classification::broke_off(end)) };
        if report["completed"] == true && report["failed"] != true {
            return None;
        }
        let said = [report["failure"].as_str().unwrap_or_default(), self.output.trim()];
        let said = said.into_iter().chain([end.stderr_tail.trim()]).find(|text| !text.is_empty());
        let said = said.unwrap_or("failed without a reason");
        let class = match classification::of_message(said, Some(end.now)) {
            Some(class) => class,
            // It went on as long as it may, and its last words are no error.
            None if report["failed"] != true => FailureClass::Agent,
            None => FailureClass::Infrastructure,
        };
        Some(classification::failure(class, said))
    }
}

fn used(report: &Value) -> Usage {
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let cost_micro_usd = money::micro_dollars(report["estimated_cost_usd"].as_f64().unwrap_or(0.0));
    Usage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        cache_read_tokens: count("cache_read_tokens"),
        cache_write_tokens: count("cache_write_tokens"),
        cost_micro_usd,
        unpriced_calls: u32::from(cost_micro_usd == 0),
    }
}
