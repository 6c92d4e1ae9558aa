//! Dealing with a finished run's worktree. Whatever is uncommitted is saved first.

use crate::pipeline::input::Input;
use crate::runtime::agents::{discard_home, discard_session};

use super::{Done, Job, Ports};

pub(super) async fn execute(ports: &Ports, job: &Job, keep: bool) -> Done {
    if let Some(state) = &job.run {
        // A turn that went down with its daemon could not do it itself, and may not even have begun.
        for turn in 1..=state.next_turn() {
            discard_home(&ports.dirs, state.id, turn);
            discard_session(&ports.dirs, state.id, turn);
        }
    }
    let Some((state, workspace)) =
        job.run.as_ref().and_then(|state| state.workspace.as_ref().map(|ws| (state, ws)))
    else {
        return Done::Run(Input::CleanedUp { kept: false, salvaged: None });
    };
    if keep {
        return match ports.workspaces.salvage(workspace, state.id).await {
            Ok(salvaged) => Done::Run(Input::CleanedUp { kept: true, salvaged }),
            Err(error) => {
                tracing::warn!(run.id = %state.id, %error, "the worktree of a failed run could not be saved; it is kept as it is");
                Done::Run(Input::CleanedUp { kept: true, salvaged: None })
            }
        };
    }
    match ports.workspaces.remove(workspace, state.id).await {
        Ok(removed) => Done::Run(Input::CleanedUp { kept: false, salvaged: removed.salvaged }),
        Err(error) => {
            tracing::warn!(run.id = %state.id, %error, "the worktree of a finished run could not be removed; the reaper will try again");
            Done::Run(Input::CleanedUp { kept: true, salvaged: None })
        }
    }
}
