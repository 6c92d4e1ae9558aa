//! Delivering an approved commit: left on its branch, merged into the base after the merged tree passed the checks, or
//! offered as a pull request.

mod pull_request;

use std::path::Path;
use std::time::Duration;

use crate::domain::change::{CheckReport, Delivered, Workspace};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::Delivery;
use crate::pipeline::input::Input;
use crate::pipeline::state::RunState;
use crate::workspaces::{Advance, Candidate, sync_command};

use super::checks::{self, Subject, Unavailable};
use super::{Done, Job, Ports, failed, workspace_of};

/// Times the base may move while we check before the effect is put off.
const MOST_RACES: u32 = 5;

pub(super) async fn execute(ports: &Ports, job: &Job, _execution: u32) -> Done {
    let (state, workspace) = match workspace_of(job) {
        Ok(found) => found,
        Err(failure) => return failed(&job.effect, failure),
    };
    let delivered = match state.plan.delivery {
        Delivery::Branch => leave_branch(ports, state, workspace).await,
        Delivery::Merge => merge(ports, job, state, workspace).await,
        Delivery::PullRequest => pull_request::offer(ports, job, state, workspace).await,
    };
    match delivered {
        Ok(delivered) => Done::Run(Input::Delivered { delivered }),
        Err(Unavailable::Cancelled) => Done::Stopped,
        Err(Unavailable::Failed(failure)) => failed(&job.effect, failure),
    }
}

/// The approved commit, if the branch is still there.
async fn approved_head(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
) -> Result<String, Unavailable> {
    let approved = state.approved.clone().unwrap_or_default();
    let head = ports.workspaces.head(workspace).await.map_err(|e| checks::unavailable(&e))?;
    if head == approved {
        return Ok(head);
    }
    let message = format!("the branch is at {head}, but {approved} was approved");
    Err(Unavailable::Failed(Failure::new(FailureClass::Agent, message)))
}

async fn leave_branch(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
) -> Result<Delivered, Unavailable> {
    let head = approved_head(ports, state, workspace).await?;
    Ok(Delivered::Branch { branch: workspace.branch.clone(), head })
}

async fn merge(
    ports: &Ports,
    job: &Job,
    state: &RunState,
    workspace: &Workspace,
) -> Result<Delivered, Unavailable> {
    let head = approved_head(ports, state, workspace).await?;
    let message = format!("Merge {}: {}", state.plan.identifier, state.plan.title);
    for _ in 0..MOST_RACES {
        let candidate = ports
            .workspaces
            .merge_candidate(workspace, &head, &message, &[], state.started)
            .await
            .map_err(|error| checks::unavailable(&error))?;
        let (before, commit) = match candidate {
            Candidate::AlreadyMerged { before, after } => {
                let base = workspace.base_branch.clone();
                return Ok(Delivered::Merge { base, before, after, checkout: None });
            }
            Candidate::Merge { before, commit } => (before, commit),
        };
        if before != workspace.base_commit {
            check_merged_tree(ports, job, state, &before, &commit).await?;
        }
        let repository = Path::new(&state.plan.repository);
        let advance = ports
            .workspaces
            .advance(repository, &workspace.base_branch, &before, &commit)
            .await
            .map_err(|error| checks::unavailable(&error))?;
        if let Advance::Done { checked_out } = advance {
            let checkout = checked_out.map(|path| {
                format!(
                    "it is checked out at {}, whose files were not touched; `{}` brings them up to date (after several \
                     merges: with the commit before the first of them)",
                    path.display(),
                    sync_command(&path, &before)
                )
            });
            let base = workspace.base_branch.clone();
            return Ok(Delivered::Merge { base, before, after: commit, checkout });
        }
    }
    let message =
        format!("{} moved {MOST_RACES} times while the merge was checked", workspace.base_branch);
    Err(Unavailable::Failed(Failure::infrastructure(message)))
}

/// The checks on the tree as it will be, compared with the base as it is.
async fn check_merged_tree(
    ports: &Ports,
    job: &Job,
    state: &RunState,
    before: &str,
    commit: &str,
) -> Result<(), Unavailable> {
    if state.plan.checks.is_empty() {
        return Ok(());
    }
    let repository = Path::new(&state.plan.repository);
    let label = format!("merge-{}", state.id.short());
    let directory = ports
        .workspaces
        .checkout(repository, commit, &label)
        .await
        .map_err(|error| checks::unavailable(&error))?;
    let subject = Subject {
        run: state.id,
        commands: &state.plan.checks,
        timeout: Duration::from_millis(state.plan.check_timeout_ms),
        directory: &directory,
        head: commit,
        repository,
        base: before,
    };
    let report = checks::run(ports, &subject, &job.cancel).await;
    if let Err(error) = ports.workspaces.discard_checkout(&directory).await {
        tracing::warn!(%error, "a temporary checkout was left behind; the reaper will remove it");
    }
    match report {
        Ok(report) if report.blocks() => Err(Unavailable::Failed(red(&report))),
        Ok(_) => Ok(()),
        Err(unavailable) => Err(unavailable),
    }
}

fn red(report: &CheckReport) -> Failure {
    let commands: Vec<String> = report
        .results
        .iter()
        .filter(|result| result.status.blocks())
        .map(|result| format!("`{}`:\n{}", result.command, result.output))
        .collect();
    let message = format!(
        "merged with the base as it is now, checks fail that passed before: {}",
        commands.join("\n")
    );
    Failure::new(FailureClass::Agent, message)
}
