//! Making a run's worktree.

use std::path::PathBuf;

use crate::domain::failure::{Failure, FailureClass};
use crate::pipeline::input::Input;
use crate::workspaces::{Prepare, WorkspaceError};

use super::{Done, Job, Ports, failed, workflow};

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
        continues: state.plan.offering.continues.as_deref().cloned(),
    };
    let workspace = match ports.workspaces.prepare(&request).await {
        Ok(workspace) => workspace,
        Err(WorkspaceError::Cancelled) => return Done::Stopped,
        Err(error) => return failed(&job.effect, Failure::from(&error)),
    };
    match workflow::load(ports, state, &workspace).await {
        Ok(workflow) => Done::Run(Input::WorkspaceReady { workspace, workflow }),
        Err(failure) if failure.class == FailureClass::Cancelled => Done::Stopped,
        Err(failure) => failed(&job.effect, failure),
    }
}
