//! Phases, the stages at work in them, and their words.

use super::Phase;
use crate::domain::agent::Stage;

impl Phase {
    /// The stage whose agent is at work in it.
    #[must_use]
    pub fn stage(self) -> Option<Stage> {
        match self {
            Self::Planning => Some(Stage::Planner),
            Self::Diagnosing => Some(Stage::Diagnose),
            Self::Coding => Some(Stage::Coder),
            Self::Critiquing => Some(Stage::Critic),
            Self::Testing => Some(Stage::Tester),
            Self::Documenting => Some(Stage::Documenter),
            Self::Auditing => Some(Stage::Auditor),
            Self::StageDocumenting => Some(Stage::StageDocumenter),
            Self::Preparing | Self::Checking | Self::Publishing | Self::Finished => None,
        }
    }

    /// The phase in which `stage` is at work.
    #[must_use]
    pub fn of(stage: Stage) -> Self {
        match stage {
            Stage::Planner => Self::Planning,
            Stage::Diagnose => Self::Diagnosing,
            Stage::Coder => Self::Coding,
            Stage::Critic => Self::Critiquing,
            Stage::Tester => Self::Testing,
            Stage::Documenter => Self::Documenting,
            Stage::Auditor => Self::Auditing,
            Stage::StageDocumenter => Self::StageDocumenting,
        }
    }

    /// The word shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Planning => "planning",
            Self::Diagnosing => "diagnosing",
            Self::Coding => "coding",
            Self::Checking => "checking",
            Self::Critiquing => "critiquing",
            Self::Testing => "testing",
            Self::Documenting => "documenting",
            Self::Auditing => "auditing",
            Self::StageDocumenting => "stage documenting",
            Self::Publishing => "publishing",
            Self::Finished => "finished",
        }
    }
}
