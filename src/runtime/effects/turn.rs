//! One agent turn: gather, prompt, anchor, run, judge, commit.

mod driving;
mod enriching;
mod judging;

use std::path::{Path, PathBuf};

use crate::agents::{self, AgentSettings, CommandLine, Invocation, TEMPORARY};
use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::bounds;
use crate::domain::change::{Change, Workspace};
use crate::domain::failure::Failure;
use crate::domain::run::StagePlan;
use crate::pipeline::input::{FinishedTurn, Input, PreparedTurn};
use crate::pipeline::prompt;
use crate::pipeline::state::RunState;
use crate::process::marker::{Marker, VARIABLE};
use crate::runtime::agents::{co_author, discard_home, place_files};
use crate::runtime::state_dir::{private_dir, write_private};
use crate::workspaces::{Fingerprint, RUN_TRAILER, WorkspaceError};

use super::{Done, Job, Ports, failed, workspace_of};

/// Bytes of diff given to a critic by value.
const MAX_DIFF: usize = 160_000;

/// A turn ready to be anchored and started.
struct Ready<'a> {
    state: &'a RunState,
    workspace: &'a Workspace,
    stage: Stage,
    plan: &'a StagePlan,
    settings: &'a AgentSettings,
    prepared: PreparedTurn,
    command: CommandLine,
    before: Option<Fingerprint>,
    scratch: PathBuf,
}

/// Why a turn was not started.
enum NotReady {
    Stopped,
    Failed(Failure),
}

impl From<WorkspaceError> for NotReady {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Cancelled => Self::Stopped,
            other => Self::Failed(Failure::from(&other)),
        }
    }
}

impl From<Failure> for NotReady {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(super) async fn execute(ports: &Ports, job: &Job, turn: u32) -> Done {
    let done = attempt(ports, job, turn).await;
    if let Some(state) = &job.run {
        discard_home(&ports.dirs, state.id, turn);
    }
    done
}

async fn attempt(ports: &Ports, job: &Job, turn: u32) -> Done {
    let ready = match prepare(ports, job, turn).await {
        Ok(ready) => ready,
        Err(NotReady::Stopped) => return Done::Stopped,
        Err(NotReady::Failed(failure)) => return failed(&job.effect, failure),
    };
    if job.cancel.is_cancelled() {
        return Done::Stopped;
    }
    let run = ready.state.id;
    if !job.desk.begin_turn(&job.key, run, ready.prepared.clone()).await {
        return Done::Stopped;
    }
    let summary = driving::drive(ports, job, &ready, turn).await;
    // Nothing rests on the row being gone: recovery finds no such process. So the commit does not have to wait for it.
    let (forgotten, done) =
        tokio::join!(ports.store.forget_process(run, turn), conclude(ports, &ready, turn, summary));
    if let Err(error) = forgotten {
        tracing::warn!(run.id = %run, %error, "an ended process stays on record");
    }
    done
}

/// What is known of a turn whose end nobody saw.
pub(super) fn lost(turn: u32, failure: Failure) -> Input {
    let report = TurnReport::not_started(failure);
    Input::TurnFinished(Box::new(FinishedTurn { turn, report, change: None, tampered: false }))
}

async fn prepare<'a>(ports: &'a Ports, job: &'a Job, turn: u32) -> Result<Ready<'a>, NotReady> {
    let (state, workspace) = workspace_of(job)?;
    let (stage, plan) = state
        .stage()
        .and_then(|stage| state.stage_plan(stage).map(|plan| (stage, plan)))
        .ok_or_else(|| Failure::infrastructure("no stage wants a turn"))?;
    let settings = ports.agents.get(&plan.agent)?;
    let scratch = ports
        .dirs
        .turn(state.id, turn)
        .map_err(|error| Failure::infrastructure(error.to_string()))?;
    let home = ports.dirs.home(state.id, turn);
    private_dir(&home.join(TEMPORARY))
        .map_err(|error| Failure::infrastructure(error.to_string()))?;
    let nonce = ports.ids.random().simple().to_string();
    let session = ports.ids.random().to_string();
    let gathered = gather(ports, state, workspace, stage).await?;
    let enrichment = enriching::gather(ports, state, workspace).await;
    let prompt = prompt::build(
        stage,
        &prompt::Context {
            state,
            nonce: &nonce,
            diff: &ports.redactor.redact(&gathered.diff),
            diff_left_out: &gathered.left_out,
            partial_work: gathered.partial_work,
            enrichment: &enrichment,
        },
    );
    let marker = marker(ports, state);
    let command = agents::adapter(settings.kind)
        .command_line(
            settings,
            &Invocation {
                stage,
                round: state.round,
                prompt: &prompt.text,
                model: plan.model_for_round(state.round).0,
                session: &session,
                workspace: Path::new(&workspace.path),
                home: &home,
                scratch: &scratch,
                effort: plan.effort.as_deref(),
                max_turns: plan.max_turns,
                read_only: !stage.writes(),
                identifier: &state.plan.identifier,
                marker: (VARIABLE, marker.value()),
                own_program: &ports.own_program,
            },
        )
        .map_err(|error| NotReady::Failed(error.to_failure()))?;
    place_files(&command)?;
    write_private(&scratch.join("prompt.md"), ports.redactor.redact(&prompt.text).as_bytes())
        .map_err(|error| Failure::infrastructure(error.to_string()))?;
    let prepared =
        PreparedTurn { turn, session, head: gathered.head, nonce, prompt: prompt.record };
    let before = gathered.before;
    Ok(Ready { state, workspace, stage, plan, settings, prepared, command, before, scratch })
}

fn marker(ports: &Ports, state: &RunState) -> Marker {
    Marker::new(&ports.dirs.instance, &state.id.to_string())
}

/// What the daemon knows of the worktree before the turn.
struct Gathered {
    head: String,
    diff: String,
    left_out: Vec<String>,
    partial_work: bool,
    before: Option<Fingerprint>,
}

async fn gather(
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
        Stage::Diagnose => {
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

/// Judges what the turn did to the repository and hands everything to the loop.
async fn conclude(ports: &Ports, ready: &Ready<'_>, turn: u32, mut report: TurnReport) -> Done {
    let finished = |report, change, tampered| {
        Done::Run(Input::TurnFinished(Box::new(FinishedTurn { turn, report, change, tampered })))
    };
    match ready.stage {
        Stage::Coder if report.ending == TurnEnding::Cancelled => finished(report, None, false),
        Stage::Coder => match commit(ports, ready, &report).await {
            Ok(change) => finished(report, Some(change), false),
            Err(error) => {
                report.ending = coder_git_failure(report.ending, &error);
                finished(report, None, false)
            }
        },
        Stage::Tester | Stage::Documenter if report.ending != TurnEnding::Completed => {
            // What it left half done is no part of an accepted change.
            put_back(ports, ready).await;
            finished(report, None, false)
        }
        Stage::Tester | Stage::Documenter => match commit(ports, ready, &report).await {
            Ok(change) => finished(report, Some(change), false),
            Err(error) => {
                report.ending = coder_git_failure(report.ending, &error);
                finished(report, None, false)
            }
        },
        Stage::Critic | Stage::Diagnose | Stage::Auditor | Stage::StageDocumenter => {
            let tampered = tampered(ports, ready).await;
            finished(report, None, tampered)
        }
    }
}

async fn commit(
    ports: &Ports,
    ready: &Ready<'_>,
    report: &TurnReport,
) -> Result<Change, WorkspaceError> {
    let plan = &ready.state.plan;
    let message = format!(
        "{}: {}\n\n{}Round {} of run {}.",
        plan.identifier,
        plan.title,
        match ready.stage {
            Stage::Tester => "Tests. ",
            Stage::Documenter => "Documentation. ",
            Stage::Coder
            | Stage::Critic
            | Stage::Diagnose
            | Stage::Auditor
            | Stage::StageDocumenter => "",
        },
        ready.state.round,
        ready.state.id.short()
    );
    let model = report.model.as_deref().or(ready.plan.model.as_deref());
    let trailers = [
        ("Co-authored-by".to_owned(), co_author(ready.settings.kind, model)),
        (RUN_TRAILER.to_owned(), ready.state.id.to_string()),
    ];
    ports.workspaces.commit(ready.workspace, &message, &trailers).await.map(bounds::change)
}

/// A turn whose work cannot be committed is not complete, whatever the agent says.
fn coder_git_failure(ending: TurnEnding, error: &WorkspaceError) -> TurnEnding {
    match ending {
        TurnEnding::Completed => TurnEnding::Failed { failure: Failure::from(error) },
        other => other,
    }
}

/// Whether the read-only stage left anything different; if so, it is put back. Doubt counts as yes.
async fn tampered(ports: &Ports, ready: &Ready<'_>) -> bool {
    let after = ports.workspaces.fingerprint(ready.workspace).await;
    let same = matches!((&ready.before, &after), (Some(before), Ok(after)) if before == after);
    if !same {
        put_back(ports, ready).await;
    }
    !same
}

/// Puts the worktree back to where it was before the turn; what cannot be is found again by the next one.
async fn put_back(ports: &Ports, ready: &Ready<'_>) {
    if let Err(error) = ports.workspaces.restore(ready.workspace, &ready.prepared.head).await {
        let stage = ready.stage.word();
        tracing::warn!(run.id = %ready.state.id, %error, "the worktree could not be put back after the {stage}");
    }
}
