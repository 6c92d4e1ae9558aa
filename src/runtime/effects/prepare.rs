//! Making a run's worktree.

use std::path::PathBuf;

use crate::domain::failure::Failure;
use crate::pipeline::input::Input;
use crate::workspaces::{Prepare, WorkspaceError};

use super::{Done, Job, Ports, failed};

pub(super) async fn execute(ports: &Ports, job: &Job) -> Done {
    let Some(state) = &job.run else {
        return failed(&job.effect, Failure::infrastructure("the run is not on record"));
    };
    let request = Prepare {
        run: state.id,
        project: state.plan.project.clone(),
        repository: PathBuf::from(&state.plan.repository),
        base_branch: state.plan.base_branch.clone(),
        identifier: state.plan.identifier.clone(),
        title: state.plan.title.clone(),
    };
    match ports.workspaces.prepare(&request).await {
        Ok(workspace) => Done::Run(Input::WorkspaceReady { workspace }),
        Err(WorkspaceError::Cancelled) => Done::Stopped,
        Err(error) => failed(&job.effect, Failure::from(&error)),
    }
}
