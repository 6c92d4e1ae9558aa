//! What goes wrong with a run.

use super::Driver;
use crate::domain::agent::TurnEnding;
use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, FailureClass};
use crate::pipeline::input::Input;

impl Driver {
    /// Whatever is wanted now fails as `class`, before any agent was started.
    pub(in crate::pipeline) fn fails(&mut self, class: FailureClass) -> &mut Self {
        let failure = Failure::new(class, format!("it broke ({})", class.word()));
        let input = match self.wait() {
            Effect::PrepareWorkspace { .. } => Input::WorkspaceFailed { failure },
            Effect::RunTurn { turn, .. } => Input::TurnNotStarted { turn, failure },
            Effect::RunChecks { execution, .. } => Input::ChecksFailed { execution, failure },
            Effect::Deliver { execution, .. } => Input::DeliveryFailed { execution, failure },
            other @ (Effect::CleanUp { .. }
            | Effect::UpdateTracker { .. }
            | Effect::CreateItem { .. }) => {
                panic!("{other:?} does not fail here")
            }
        };
        self.feed(input)
    }

    pub(in crate::pipeline) fn infra(&mut self) -> &mut Self {
        self.fails(FailureClass::Infrastructure)
    }

    /// A turn is started and fails as `class`.
    pub(in crate::pipeline) fn turn_fails(&mut self, class: FailureClass) -> &mut Self {
        let failure = Failure::new(class, format!("the turn broke ({})", class.word()));
        self.begin();
        let change = self.state.change.clone();
        self.end(TurnEnding::Failed { failure }, "", change, false)
    }
}
