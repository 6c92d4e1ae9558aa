//! The key `stages`: what the stages are told, and how they are driven.

use crate::domain::agent::Stage;
use crate::domain::run::StagePlan;

use super::Reader;
use super::front_matter::{Content, Node};

/// A week: no turn is meant to be longer.
const MAXIMUM_MS: u64 = 604_800_000;

/// Milliseconds a stage may take that the operator says nothing about.
const USUAL_MS: u64 = 600_000;

const KEYS: [&str; 10] = [
    "enabled",
    "adapter",
    "model",
    "escalate_model",
    "escalate_after_iteration",
    "timeout_ms",
    "silence_ms",
    "effort",
    "max_turns",
    "prompt",
];

impl Reader<'_> {
    pub(super) fn stages(&mut self, node: &Node) {
        let Content::Map(entries) = &node.content else {
            return self.wrong(node, "`stages` is no map".to_owned(), None);
        };
        for (key, value) in entries {
            let stage = Stage::parse(&key.text().replace('_', "-"));
            match stage.filter(|stage| stage.is_configurable()) {
                Some(stage) => self.stage(stage, key, value),
                None => {
                    let known = Stage::ALL.into_iter().filter(|stage| stage.is_configurable());
                    let words = known.map(Stage::word).collect::<Vec<_>>().join(", ");
                    let message = format!("there is no stage `{}`", key.text());
                    self.wrong(key, message, Some(format!("there are {words}")));
                }
            }
        }
    }

    fn stage(&mut self, stage: Stage, key: &Node, node: &Node) {
        let Content::Map(entries) = &node.content else {
            return self.wrong(node, format!("`{}` is no map", stage.word()), None);
        };
        let configured = self.operator.stages.of(stage).cloned();
        let mut enabled = configured.is_some();
        let mut plan = configured.clone().unwrap_or_else(|| StagePlan {
            timeout_ms: USUAL_MS,
            ..self.operator.stages.coder.clone()
        });
        for (name, value) in entries {
            match name.text() {
                "enabled" => enabled = self.truth(value).unwrap_or(enabled),
                "prompt" => {
                    let at = (value.line + usize::from(value.block), value.column);
                    self.prompt(stage, value.text(), at);
                }
                known if KEYS.contains(&known) => self.setting(known, value, &mut plan),
                other => {
                    let message = format!("there is no `{other}` in a stage");
                    self.wrong(name, message, Some(format!("there are {}", KEYS.join(", "))));
                }
            }
        }
        let wanted_by_operator = configured.is_some();
        if !enabled && wanted_by_operator && (stage == Stage::Coder || stage.is_gate()) {
            let message = format!("the {} cannot be switched off from here", stage.word());
            let hint = Some("only the operator's configuration can".to_owned());
            return self.wrong(key, message, hint);
        }
        self.workflow.stages.set(stage, enabled.then_some(plan));
    }

    fn setting(&mut self, name: &str, value: &Node, plan: &mut StagePlan) {
        let text = || Some(value.text().to_owned()).filter(|text| !text.is_empty());
        match name {
            "adapter" if !self.operator.agents.contains(value.text()) => {
                let known: Vec<&str> = self.operator.agents.iter().map(String::as_str).collect();
                let message = format!("there is no agent `{}`", value.text());
                self.wrong(value, message, Some(format!("configured are {}", known.join(", "))));
            }
            "adapter" => {
                value.text().clone_into(&mut plan.agent);
                plan.follows_default = false;
            }
            "model" => plan.model = text(),
            "escalate_model" => plan.escalate_model = text(),
            "effort" => plan.effort = text(),
            "escalate_after_iteration" => {
                if let Some(round) = self.count(value, 100) {
                    plan.escalate_after_round = u32::try_from(round).unwrap_or(u32::MAX);
                }
            }
            "max_turns" => {
                let turns = self.count(value, 100_000);
                plan.max_turns = turns.and_then(|turns| u32::try_from(turns).ok());
            }
            "timeout_ms" => plan.timeout_ms = self.milliseconds(value).unwrap_or(plan.timeout_ms),
            "silence_ms" => plan.silence_ms = self.milliseconds(value).unwrap_or(plan.silence_ms),
            _ => {}
        }
    }

    pub(super) fn milliseconds(&mut self, value: &Node) -> Option<u64> {
        self.count(value, MAXIMUM_MS)
    }

    fn count(&mut self, value: &Node, most: u64) -> Option<u64> {
        let found = value.text().replace('_', "").parse().ok();
        let found = found.filter(|count| (1..=most).contains(count));
        if found.is_none() {
            let message = format!("`{}` is no whole number from 1 to {most}", value.text());
            self.wrong(value, message, None);
        }
        found
    }

    fn truth(&mut self, value: &Node) -> Option<bool> {
        match value.text() {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.wrong(value, format!("`{other}` is neither true nor false"), None);
                None
            }
        }
    }
}
