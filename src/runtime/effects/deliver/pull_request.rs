//! Offering an approved commit on its project's forge: push, pull request, statuses. Each step looks before it writes, so
//! that doing all of it again after a crash between any two changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::change::{Delivered, Workspace};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::pull_request::{CheckState, Offer, PullRequest, PullRequestState};
use crate::forges::{CommitStatus, Forge, ForgeError, PullRequestWish, Push};
use crate::pipeline::evidence::{self, Receipt};
use crate::pipeline::state::RunState;

use super::super::checks::Unavailable;
use super::super::{Job, Ports};
use super::approved_head;

/// Where templates usually are; the first that is there counts.
const TEMPLATES: [&str; 2] =
    [".github/pull_request_template.md", ".azuredevops/pull_request_template.md"];

/// Bytes of a template that are read; a longer one is left out.
const TEMPLATE_BYTES: u64 = 16 * 1024;

/// Events of a run that are looked through for the last one.
const MOST_EVENTS: usize = 100_000;

/// Names of the statuses.
const CHECKS: &str = "enact-factory/checks";
const CRITIC: &str = "enact-factory/critic";

pub(super) async fn offer(
    ports: &Ports,
    job: &Job,
    state: &RunState,
    workspace: &Workspace,
) -> Result<Delivered, Unavailable> {
    let head = approved_head(ports, state, workspace).await?;
    let forge = match ports.forges.get(&state.plan.project) {
        Some(Ok(forge)) => Arc::clone(forge),
        Some(Err(reason)) => return Err(unusable(reason.clone())),
        None => {
            let project = &state.plan.project;
            return Err(unusable(format!("no forge is configured for {project}")));
        }
    };
    let offered = tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(ForgeError::Cancelled),
        offered = bring(ports, forge.as_ref(), state, workspace, &head) => offered,
    };
    match offered {
        Ok(pull_request) => Ok(delivered(forge.as_ref(), workspace, head, pull_request)),
        Err(error) => Err(undelivered(ports, state, workspace, &error)),
    }
}

async fn bring(
    ports: &Ports,
    forge: &dyn Forge,
    state: &RunState,
    workspace: &Workspace,
    head: &str,
) -> Result<PullRequest, ForgeError> {
    // Only the branch that the run really goes on with has commits of those before it.
    let continued =
        state.plan.offering.continues.as_deref().filter(|it| it.branch == workspace.branch);
    let earlier = continued.map(Offer::runs).unwrap_or_default();
    let push = Push {
        run: state.id,
        earlier: earlier.clone(),
        repository: PathBuf::from(&state.plan.repository),
        branch: workspace.branch.clone(),
        head: head.to_owned(),
        base_commit: workspace.base_commit.clone(),
    };
    let pushed = forge.push(&push).await?;
    tracing::info!(run.id = %state.id, branch = %push.branch, already = pushed.already, "the approved commit is on the forge");
    let plan = &state.plan.offering.plan;
    let wish = PullRequestWish {
        run: state.id,
        earlier,
        item: state.item.clone(),
        branch: push.branch,
        head: push.head,
        base: workspace.base_branch.clone(),
        title: ports.redactor.redact(&evidence::title(state)).into_owned(),
        body: body(ports, state, workspace, forge.longest_body()).await,
        draft: plan.draft,
        reviewers: plan.reviewers.clone(),
        labels: plan.labels.clone(),
    };
    let pull_request = forge.open(&wish).await?;
    for status in statuses(state, head, &pull_request.url) {
        forge.report(&status).await?;
    }
    Ok(pull_request)
}

/// The evidence, and what the repository wants to stand in every pull request.
async fn body(ports: &Ports, state: &RunState, workspace: &Workspace, most: usize) -> String {
    let receipt = receipt(ports, state).await;
    let template = template(ports, state, workspace).await;
    let pack = evidence::pack(state, receipt.as_ref(), most);
    let text = evidence::with_template(&pack, template.as_deref(), most);
    ports.redactor.redact(&text).into_owned()
}

async fn receipt(ports: &Ports, state: &RunState) -> Option<Receipt> {
    let stream = state.id.stream();
    let events = ports.store.read_stream(&stream, 1, MOST_EVENTS).await.ok()?;
    let last = events.last()?;
    Some(Receipt {
        stream: stream.as_str().to_owned(),
        events: last.seq,
        hash: last.hash.to_string(),
    })
}

/// A template that cannot be read is no reason to keep a change back.
async fn template(ports: &Ports, state: &RunState, workspace: &Workspace) -> Option<String> {
    let wanted: Vec<&str> = match &state.plan.offering.plan.template {
        Some(path) => vec![path],
        None => TEMPLATES.to_vec(),
    };
    let repository = Path::new(&state.plan.repository);
    let files =
        ports.workspaces.files_at(repository, &workspace.base_commit, &wanted, TEMPLATE_BYTES);
    match files.await {
        Ok(files) => wanted
            .iter()
            .filter_map(|path| files.iter().find(|file| file.path == *path))
            .find_map(|file| file.text.clone()),
        Err(error) => {
            tracing::warn!(run.id = %state.id, %error, "the template of pull requests cannot be read");
            None
        }
    }
}

/// What our own gates say of the commit. A gate that is switched off says nothing.
fn statuses(state: &RunState, head: &str, url: &str) -> Vec<CommitStatus> {
    let status = |name: &str, summary: String| CommitStatus {
        commit: head.to_owned(),
        name: name.to_owned(),
        state: CheckState::Passed,
        summary,
        url: Some(url.to_owned()),
    };
    let results = state.checks.as_ref().map_or(0, |report| report.results.len());
    let broken = state.checks.iter().flat_map(|report| &report.results);
    let broken = broken.filter(|it| it.exit_code != Some(0)).count();
    let checks = (results > 0).then(|| {
        let summary = match broken {
            0 => format!("{results} passed"),
            broken => format!("{} passed, {broken} failed before the change too", results - broken),
        };
        status(CHECKS, summary)
    });
    let critic = state.plan.stages.critic.is_some();
    let critic = critic.then(|| status(CRITIC, format!("approved in round {}", state.round)));
    checks.into_iter().chain(critic).collect()
}

fn delivered(
    forge: &dyn Forge,
    workspace: &Workspace,
    head: String,
    pull_request: PullRequest,
) -> Delivered {
    Delivered::PullRequest {
        forge: forge.name().to_owned(),
        branch: workspace.branch.clone(),
        head,
        number: pull_request.number,
        url: pull_request.url,
        draft: pull_request.state == PullRequestState::Open { draft: true },
    }
}

fn unusable(reason: String) -> Unavailable {
    let message = format!("{reason}; see `enact-factory doctor`, and then `enact-factory retry`");
    Unavailable::Failed(Failure::new(FailureClass::Configuration, message))
}

/// Why it is not offered, with what to do. The log tells of the same thing once.
fn undelivered(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
    error: &ForgeError,
) -> Unavailable {
    let mut failure = error.failure();
    let branch = &workspace.branch;
    let todo = match error {
        ForgeError::Cancelled => return Unavailable::Cancelled,
        ForgeError::ForeignBranch { .. } => {
            "look at them; remove or rename that branch there, then `enact-factory retry`"
        }
        ForgeError::ForeignPullRequest { .. } => "close it, then `enact-factory retry`",
        ForgeError::Refused { .. } => {
            "put that right on the forge or in the configuration, then `enact-factory retry`"
        }
        ForgeError::Credentials { .. } | ForgeError::Unavailable { .. } => "",
        ForgeError::Limited { wait, .. } => {
            let until = Some(ports.clock.now().after(*wait));
            failure.class = FailureClass::Throttled { until };
            ""
        }
    };
    failure.message = ports.redactor.redact(&failure.message).into_owned();
    if !todo.is_empty() {
        failure.message = format!(
            "{}; the approved commit is on the local branch {branch}: {todo}",
            failure.message
        );
    }
    let known = state.waiting.as_ref().map(|waiting| letters(&waiting.failure.message));
    if known != Some(letters(&failure.message)) {
        tracing::warn!(run.id = %state.id, error = %failure.message, "the approved change could not be offered");
    }
    Unavailable::Failed(failure)
}

/// The text without its numbers: how long to wait is not news.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
