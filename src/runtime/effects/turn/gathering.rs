//! What the daemon finds in the worktree before a turn, which it puts in order first; and whether a stage that may only read
//! has left it like that.

use crate::domain::agent::Stage;
use crate::domain::change::Workspace;
use crate::pipeline::state::RunState;
use crate::runtime::keeper::wire::Before;
use crate::workspaces::Fingerprint;

use super::super::Ports;
use super::{NotReady, Subject};

/// Bytes of diff given by value.
const MAX_DIFF: usize = 160_000;

/// What the daemon knows of the worktree before the turn.
pub(super) struct Gathered {
    pub(super) head: String,
    pub(super) diff: String,
    pub(super) left_out: Vec<String>,
    pub(super) partial_work: bool,
    pub(super) before: Option<Fingerprint>,
}

pub(super) async fn gather(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
    stage: Stage,
) -> Result<Gathered, NotReady> {
    match stage {
        Stage::Coder => {
            let recovering = state.recovering();
            if let (Some(change), false) = (&state.change, recovering) {
                // What checks left lying around must not be taken for the coder's work.
                ports.workspaces.restore(workspace, &change.head).await?;
            }
            let partial =
                recovering && ports.workspaces.salvage(workspace, state.id).await?.is_some();
            let head = ports.workspaces.head(workspace).await?;
            Ok(Gathered {
                head,
                diff: String::new(),
                left_out: Vec::new(),
                partial_work: partial,
                before: None,
            })
        }
        Stage::Planner | Stage::Diagnose => {
            let head = ports.workspaces.head(workspace).await?;
            ports.workspaces.restore(workspace, &head).await?;
            let before = Some(ports.workspaces.fingerprint(workspace).await?);
            let (diff, left_out) = (String::new(), Vec::new());
            Ok(Gathered { head, diff, left_out, partial_work: false, before })
        }
        Stage::Critic
        | Stage::Tester
        | Stage::Documenter
        | Stage::Auditor
        | Stage::StageDocumenter => {
            let head = state.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
            // Whatever checks or an interrupted turn left behind is put back: what is said is about the commit.
            ports.workspaces.restore(workspace, &head).await?;
            let before = match stage.writes() {
                true => None,
                false => Some(ports.workspaces.fingerprint(workspace).await?),
            };
            let diff = ports.workspaces.diff(workspace, MAX_DIFF).await?;
            let mut left_out = diff.left_out;
            left_out.extend(diff.binary.into_iter().map(|path| format!("{path} (binary)")));
            Ok(Gathered { head, diff: diff.text, left_out, partial_work: false, before })
        }
    }
}

/// Whether the read-only stage left anything different; if so, it is put back. Doubt counts as yes.
pub(super) async fn tampered(
    ports: &Ports,
    subject: &Subject<'_>,
    before: Option<&Before>,
) -> bool {
    let after = ports.workspaces.fingerprint(subject.workspace).await;
    let same = match (before, after) {
        (Some(Before { head, branch, index, files }), Ok(after)) => {
            (head, branch, index, files) == (&after.head, &after.branch, &after.index, &after.files)
        }
        (None, _) | (_, Err(_)) => false,
    };
    if !same {
        put_back(ports, subject).await;
    }
    !same
}

/// Puts the worktree back to where it was before the turn; what cannot be is found again by the next one.
pub(super) async fn put_back(ports: &Ports, subject: &Subject<'_>) {
    if let Err(error) = ports.workspaces.restore(subject.workspace, &subject.head).await {
        let stage = subject.stage.word();
        tracing::warn!(run.id = %subject.state.id, %error, "the worktree could not be put back after the {stage}");
    }
}
