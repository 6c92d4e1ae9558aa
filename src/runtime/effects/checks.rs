//! Running a project's checks: on the head, and on the base when the head is red, so that only new failures block.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::bounds::last_bytes;
use crate::domain::change::{CheckReport, CheckResult, CheckStatus};
use crate::domain::failure::Failure;
use crate::domain::ids::RunId;
use crate::pipeline::input::Input;
use crate::pipeline::stuck::normalise;
use crate::process::ProcessError;
use crate::process::capture::{Capture, Captured};
use crate::process::marker::{Marker, VARIABLE};
use crate::workspaces::WorkspaceError;

use super::{Done, Job, Ports, failed, workspace_of};

/// Bytes of each check's output that are kept for people and agents: the end, where failures are named.
const KEPT_OUTPUT: usize = 8 * 1024;

/// Bytes of output that are read at all.
const READ_OUTPUT: usize = 1024 * 1024;

/// What is to be checked.
pub(super) struct Subject<'a> {
    pub(super) run: RunId,
    pub(super) commands: &'a [String],
    pub(super) timeout: Duration,
    /// Where the head is checked out.
    pub(super) directory: &'a Path,
    pub(super) head: &'a str,
    pub(super) repository: &'a Path,
    /// What red checks are compared with.
    pub(super) base: &'a str,
}

/// Why checks could not be run.
pub(super) enum Unavailable {
    Cancelled,
    Failed(Failure),
}

pub(super) async fn execute(ports: &Ports, job: &Job, execution: u32) -> Done {
    let (state, workspace) = match workspace_of(job) {
        Ok(found) => found,
        Err(failure) => return failed(&job.effect, failure),
    };
    let head = state.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
    let subject = Subject {
        run: state.id,
        commands: &state.plan.checks,
        timeout: Duration::from_millis(state.plan.check_timeout_ms),
        directory: Path::new(&workspace.path),
        head: &head,
        repository: Path::new(&state.plan.repository),
        base: &workspace.base_commit,
    };
    match run(ports, &subject, &job.cancel).await {
        Ok(report) => Done::Run(Input::ChecksFinished { execution, report }),
        Err(Unavailable::Cancelled) => Done::Stopped,
        Err(Unavailable::Failed(failure)) => failed(&job.effect, failure),
    }
}

/// Runs all commands on the head, and the red ones on the base.
pub(super) async fn run(
    ports: &Ports,
    subject: &Subject<'_>,
    cancel: &CancellationToken,
) -> Result<CheckReport, Unavailable> {
    let mut results = Vec::new();
    let mut base: Option<PathBuf> = None;
    for command in subject.commands {
        let captured = run_one(ports, subject, command, subject.directory, cancel).await?;
        if captured.succeeded() {
            results.push(result(ports, command, CheckStatus::Passed, &captured));
            continue;
        }
        if captured.timed_out {
            results.push(result(ports, command, CheckStatus::TimedOut, &captured));
            continue;
        }
        if base.is_none() {
            base = Some(check_out_base(ports, subject).await?);
        }
        let directory = base.as_deref().unwrap_or(subject.directory);
        let before = run_one(ports, subject, command, directory, cancel).await;
        let status = match before {
            Ok(before) if fails_alike(&before, &captured) => CheckStatus::AlreadyFailing,
            Ok(_) => CheckStatus::NewFailure,
            Err(error) => {
                discard(ports, base.as_deref()).await;
                return Err(error);
            }
        };
        results.push(result(ports, command, status, &captured));
    }
    discard(ports, base.as_deref()).await;
    Ok(CheckReport { head: subject.head.to_owned(), results })
}

async fn check_out_base(ports: &Ports, subject: &Subject<'_>) -> Result<PathBuf, Unavailable> {
    let label = format!("base-{}", subject.run.short());
    ports
        .workspaces
        .checkout(subject.repository, subject.base, &label)
        .await
        .map_err(|error| unavailable(&error))
}

pub(super) fn unavailable(error: &WorkspaceError) -> Unavailable {
    match error {
        WorkspaceError::Cancelled => Unavailable::Cancelled,
        other => Unavailable::Failed(Failure::from(other)),
    }
}

async fn discard(ports: &Ports, checkout: Option<&Path>) {
    let Some(path) = checkout else { return };
    if let Err(error) = ports.workspaces.discard_checkout(path).await {
        tracing::warn!(%error, "a temporary checkout was left behind; the reaper will remove it");
    }
}

async fn run_one(
    ports: &Ports,
    subject: &Subject<'_>,
    command: &str,
    directory: &Path,
    cancel: &CancellationToken,
) -> Result<Captured, Unavailable> {
    let mut env: BTreeMap<String, String> = ports.check_environment.clone();
    let marker = Marker::new(&ports.dirs.instance, &format!("{}.checks", subject.run));
    env.insert(VARIABLE.to_owned(), marker.value().to_owned());
    env.insert("PWD".to_owned(), directory.display().to_string());
    let capture = Capture {
        program: PathBuf::from("/bin/sh"),
        args: vec![OsString::from("-c"), OsString::from(command)],
        cwd: directory.to_owned(),
        env,
        stdin: None,
        timeout: subject.timeout,
        max_output: READ_OUTPUT,
    };
    match capture.run(cancel).await {
        Ok(captured) => Ok(captured),
        Err(ProcessError::Cancelled) => Err(Unavailable::Cancelled),
        Err(error) => {
            let message = format!("check `{command}` could not be run: {error}");
            Err(Unavailable::Failed(Failure::infrastructure(message)))
        }
    }
}

fn fails_alike(before: &Captured, after: &Captured) -> bool {
    !before.succeeded()
        && before.exit == after.exit
        && normalise(&text(before)) == normalise(&text(after))
}

fn text(captured: &Captured) -> String {
    let mut text = String::from_utf8_lossy(&captured.stdout).into_owned();
    if !text.is_empty() && !text.ends_with('\n') && !captured.stderr.is_empty() {
        text.push('\n');
    }
    text.push_str(&String::from_utf8_lossy(&captured.stderr));
    text
}

fn result(ports: &Ports, command: &str, status: CheckStatus, captured: &Captured) -> CheckResult {
    let text = text(captured);
    CheckResult {
        command: command.to_owned(),
        status,
        exit_code: captured.exit.code,
        output: last_bytes(&ports.redactor.redact(&text), KEPT_OUTPUT),
        duration_ms: u64::try_from(captured.duration.as_millis()).unwrap_or(u64::MAX),
    }
}
