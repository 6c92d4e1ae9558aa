//! What a turn leaves in the worktree becomes a commit that says where it comes from.

use crate::domain::agent::{AgentKind, Stage, TurnEnding, TurnReport};
use crate::domain::bounds;
use crate::domain::change::Change;
use crate::domain::failure::Failure;
use crate::runtime::agents::co_author;
use crate::workspaces::{RUN_TRAILER, WorkspaceError};

use super::super::Ports;
use super::Subject;

/// Commits what the turn left in the worktree, and measures the branch.
pub(super) async fn commit(
    ports: &Ports,
    subject: &Subject<'_>,
    agent: AgentKind,
    report: &TurnReport,
) -> Result<Change, WorkspaceError> {
    let plan = &subject.state.plan;
    let message = format!(
        "{}: {}\n\n{}Round {} of run {}.",
        plan.identifier,
        plan.title,
        match subject.stage {
            Stage::Tester => "Tests. ",
            Stage::Documenter => "Documentation. ",
            Stage::Coder
            | Stage::Critic
            | Stage::Diagnose
            | Stage::Auditor
            | Stage::StageDocumenter => "",
        },
        subject.state.round,
        subject.state.id.short()
    );
    let model = report.model.as_deref().or(subject.model.as_deref());
    let trailers = [
        ("Co-authored-by".to_owned(), co_author(agent, model)),
        (RUN_TRAILER.to_owned(), subject.state.id.to_string()),
    ];
    ports.workspaces.commit(subject.workspace, &message, &trailers).await.map(bounds::change)
}

/// A turn whose work cannot be committed is not complete, whatever the agent says.
pub(super) fn coder_git_failure(ending: TurnEnding, error: &WorkspaceError) -> TurnEnding {
    match ending {
        TurnEnding::Completed => TurnEnding::Failed { failure: Failure::from(error) },
        other => other,
    }
}
