//! What the run is for, and how that changes underneath it: the tracker owns intent.

use serde::{Deserialize, Serialize};

use crate::domain::agent::TurnEnding;
use crate::pipeline::criteria;

use super::RunState;

/// Name of the prompt section that tells of it.
pub const SECTION: &str = "The goal has changed";

/// A change of the goal that no coder has worked on yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedGoal {
    /// Title and text as the coder was last given them.
    pub before: String,
    /// Number of the turn that was the newest when it was changed.
    pub turn: u32,
}

impl RunState {
    /// Title and text, as prompts give them.
    #[must_use]
    pub fn goal(&self) -> String {
        format!("{}\n\n{}", self.plan.title, self.plan.body)
    }

    /// From the next turn on, whoever has it is given the new goal; the commit that is being delivered was approved for
    /// the old one and is delivered.
    pub(super) fn change_goal(&mut self, title: &str, body: &str) {
        let before = match self.changed_goal.take() {
            Some(changed) => changed.before,
            None => self.goal(),
        };
        title.clone_into(&mut self.plan.title);
        body.clone_into(&mut self.plan.body);
        self.plan.criteria = criteria::find(body);
        if before != self.goal() {
            let turn = self.next_turn().saturating_sub(1);
            self.changed_goal = Some(ChangedGoal { before, turn });
        }
    }

    /// A coder that was given the new goal has ended its turn.
    pub(super) fn note_goal_reached(&mut self, turn: u32, ending: &TurnEnding) {
        let later = self.changed_goal.as_ref().is_some_and(|changed| turn > changed.turn);
        // Its prompt may have been made before.
        let told = self.turn(turn).is_some_and(|record| {
            let prompt = &record.prompt;
            prompt.sections.iter().chain(&prompt.omitted).any(|section| section.name == SECTION)
        });
        if *ending == TurnEnding::Completed && later && told {
            self.changed_goal = None;
        }
    }
}
