//! The repository's own `WORKFLOW.md`, where the operator lets it count: from the base commit of the run, and from nowhere
//! else. When that one cannot be used, the newest earlier one that can counts, and everybody is told.

use std::collections::BTreeSet;
use std::path::Path;

use crate::domain::bounds::{DETAIL_CHARS, first_chars};
use crate::domain::change::Workspace;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::workflow::Workflow;
use crate::pipeline::state::RunState;
use crate::pipeline::workflow::{FILE, MAX_BYTES, Operator, read, sentence};
use crate::workspaces::{WorkspaceError, Workspaces};

use super::Ports;

/// Earlier versions that are tried when the newest cannot be used.
const MOST_VERSIONS: usize = 20;

/// What the run has to follow, if anything.
///
/// # Errors
/// When there is a file, and no version of it can be used; or git fails.
pub(super) async fn load(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
) -> Result<Option<Box<Workflow>>, Failure> {
    let Some(permission) = &state.plan.workflow else { return Ok(None) };
    let agents: BTreeSet<String> = ports.agents.iter().map(|agent| agent.name.clone()).collect();
    let operator = Operator { stages: &state.plan.stages, permission, agents: &agents };
    let repository = Path::new(&state.plan.repository);
    let found =
        newest(ports.workspaces.as_ref(), repository, &workspace.base_commit, &operator).await;
    let workflow = found.map_err(|error| Failure::from(&error))?;
    match workflow {
        Some(Ok(mut workflow)) => {
            for text in workflow.prompts.values_mut().chain(workflow.remarks.iter_mut()) {
                *text = ports.redactor.redact(text).into_owned();
            }
            for remark in &workflow.remarks {
                tracing::warn!(run.id = %state.id, "{FILE} of {}: {remark}", state.plan.project);
            }
            Ok(Some(Box::new(workflow)))
        }
        Some(Err(problem)) => Err(Failure::new(FailureClass::Configuration, problem)),
        None => Ok(None),
    }
}

/// The newest version at `commit` that can be used, or why none can; nothing when there is no file.
///
/// # Errors
/// When git fails.
pub async fn newest(
    workspaces: &dyn Workspaces,
    repository: &Path,
    commit: &str,
    operator: &Operator<'_>,
) -> Result<Option<Result<Workflow, String>>, WorkspaceError> {
    let problem = match at(workspaces, repository, commit, operator).await? {
        None => return Ok(None),
        Some(Ok(workflow)) => return Ok(Some(Ok(workflow))),
        Some(Err(problem)) => problem,
    };
    let versions = workspaces.versions(repository, commit, FILE, MOST_VERSIONS).await?;
    for earlier in versions.iter().skip(1) {
        match at(workspaces, repository, earlier, operator).await? {
            Some(Ok(mut workflow)) => {
                let short = earlier.get(..12).unwrap_or(earlier);
                let remark = format!("the version of {short} counts, because {problem}");
                workflow.remarks.insert(0, remark);
                return Ok(Some(Ok(workflow)));
            }
            Some(Err(_)) => {}
            // It was not there: what was before that was given up on purpose.
            None => break,
        }
    }
    Ok(Some(Err(problem)))
}

/// The file as `commit` has it.
async fn at(
    workspaces: &dyn Workspaces,
    repository: &Path,
    commit: &str,
    operator: &Operator<'_>,
) -> Result<Option<Result<Workflow, String>>, WorkspaceError> {
    let files = workspaces.files_at(repository, commit, &[FILE], MAX_BYTES).await?;
    let Some(file) = files.into_iter().find(|file| file.path == FILE) else { return Ok(None) };
    let Some(text) = file.text else {
        return Ok(Some(Err(format!("{FILE} is no text of at most {MAX_BYTES} bytes"))));
    };
    let read = read(&text, commit, operator);
    Ok(Some(read.map_err(|mistakes| first_chars(&sentence(&mistakes), DETAIL_CHARS))))
}
