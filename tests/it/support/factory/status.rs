//! What `status --json` and `why --json` say, as far as the tests look at it.

use serde::Deserialize;
use serde_json::Value;

/// `status --json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Picture {
    /// The daemon that answered.
    pub(crate) daemon: Option<Value>,
    /// What it said.
    pub(crate) status: Status,
}

/// The picture itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Status {
    /// Runs that are not over.
    pub(crate) runs: Vec<Run>,
    /// Items.
    pub(crate) items: Vec<Item>,
    /// Agents that are not let in.
    pub(crate) refused_agents: Vec<RefusedAgent>,
    /// Effects waiting or under way.
    pub(crate) open_effects: usize,
}

/// An agent that is not let in.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RefusedAgent {
    /// Its name.
    pub(crate) name: String,
    /// What it said.
    pub(crate) reason: String,
    /// Whether one run tries it.
    pub(crate) trying: bool,
}

/// A run.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    /// Its item.
    pub(crate) item: String,
    /// In which round.
    pub(crate) round: u32,
    /// Why it waits.
    pub(crate) waiting: Option<Waiting>,
}

/// Why a run waits.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Waiting {
    /// For people.
    pub(crate) reason: String,
    /// Until when (RFC 3339).
    pub(crate) until: String,
}

/// An item.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    /// Its id.
    pub(crate) id: String,
    /// Execution status.
    pub(crate) status: String,
    /// Failed attempts.
    pub(crate) attempts: u32,
    /// What it used.
    pub(crate) usage: Usage,
    /// What the planner says.
    pub(crate) decision: String,
    /// Why.
    pub(crate) question_class: Option<String>,
    /// How its last run ended.
    pub(crate) last_outcome: Option<String>,
    /// What is asked of a person.
    pub(crate) question: Option<String>,
    /// Its pull request.
    pub(crate) pull_request: Option<PullRequest>,
}

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PullRequest {
    /// How it stands.
    pub(crate) standing: String,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Usage {
    /// Fresh input tokens.
    pub(crate) input_tokens: u64,
    /// Output tokens.
    pub(crate) output_tokens: u64,
    /// Millionths of a dollar.
    pub(crate) cost_micro_usd: u64,
}

/// `why --json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Why {
    /// The answer.
    pub(crate) explanation: Explanation,
}

/// Why an item runs or does not.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Explanation {
    /// The item.
    pub(crate) item: Item,
    /// What holds it.
    pub(crate) held: Vec<Held>,
    /// What its run does.
    pub(crate) run: Option<Run>,
}

/// A gate.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Held {
    /// Its name.
    pub(crate) gate: String,
    /// Why.
    pub(crate) reason: String,
    /// Until when (RFC 3339).
    pub(crate) until: Option<String>,
    /// What a person could do.
    pub(crate) released_by: Option<String>,
}

impl Picture {
    /// The local item called `name`, or the item with that whole id, if it was seen.
    pub(crate) fn find(&self, name: &str) -> Option<&Item> {
        let id = if name.contains('/') { name.to_owned() } else { format!("local/{name}") };
        self.status.items.iter().find(|item| item.id == id)
    }

    /// The local item called `name`.
    pub(crate) fn item(&self, name: &str) -> &Item {
        self.find(name).unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }

    /// The run that works on the local item called `name`.
    pub(crate) fn run_of(&self, name: &str) -> Option<&Run> {
        let id = format!("local/{name}");
        self.status.runs.iter().find(|run| run.item == id)
    }
}

impl Why {
    /// The gate called `name`, if it holds the item.
    pub(crate) fn gate(&self, name: &str) -> Option<&Held> {
        self.explanation.held.iter().find(|held| held.gate == name)
    }
}
