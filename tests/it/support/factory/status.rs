//! What `status --json` and `why --json` say, as far as the tests look at it.

use serde::Deserialize;
use serde_json::Value;

/// `status --json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Picture {
    /// The daemon that answered.
    pub daemon: Option<Value>,
    /// What it said.
    pub status: Status,
}

/// The picture itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// Runs that are not over.
    pub runs: Vec<Run>,
    /// Items.
    pub items: Vec<Item>,
    /// Mistakes in trackers' files.
    pub problems: Vec<String>,
    /// Effects waiting or under way.
    pub open_effects: usize,
}

/// A run.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Its item.
    pub item: String,
    /// What it is doing.
    pub phase: String,
    /// In which round.
    pub round: u32,
    /// Why it waits.
    pub waiting: Option<Waiting>,
}

/// Why a run waits.
#[derive(Debug, Clone, Deserialize)]
pub struct Waiting {
    /// For people.
    pub reason: String,
    /// Until when (RFC 3339).
    pub until: String,
}

/// An item.
#[derive(Debug, Clone, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Execution status.
    pub status: String,
    /// What its tracker says.
    pub state: String,
    /// Failed attempts.
    pub attempts: u32,
    /// What it used.
    pub usage: Usage,
    /// What the planner says.
    pub decision: String,
    /// What waits for a person.
    pub question: Option<String>,
    /// Why.
    pub question_class: Option<String>,
    /// The run that has it.
    pub run: Option<String>,
    /// How its last run ended.
    pub last_outcome: Option<String>,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Fresh input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Millionths of a dollar.
    pub cost_micro_usd: u64,
}

/// `why --json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Why {
    /// The answer.
    pub explanation: Explanation,
}

/// Why an item runs or does not.
#[derive(Debug, Clone, Deserialize)]
pub struct Explanation {
    /// The item.
    pub item: Item,
    /// What holds it.
    pub held: Vec<Held>,
    /// What its run does.
    pub run: Option<Run>,
}

/// A gate.
#[derive(Debug, Clone, Deserialize)]
pub struct Held {
    /// Its name.
    pub gate: String,
    /// Why.
    pub reason: String,
    /// Until when (RFC 3339).
    pub until: Option<String>,
}

impl Picture {
    /// The local item called `name`, if it was seen.
    pub fn find(&self, name: &str) -> Option<&Item> {
        let id = format!("local/{name}");
        self.status.items.iter().find(|item| item.id == id)
    }

    /// The local item called `name`.
    pub fn item(&self, name: &str) -> &Item {
        self.find(name).unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }

    /// The run that works on the local item called `name`.
    pub fn run_of(&self, name: &str) -> Option<&Run> {
        let id = format!("local/{name}");
        self.status.runs.iter().find(|run| run.item == id)
    }
}

impl Why {
    /// The gate called `name`, if it holds the item.
    pub fn gate(&self, name: &str) -> Option<&Held> {
        self.explanation.held.iter().find(|held| held.gate == name)
    }
}
