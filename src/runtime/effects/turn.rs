//! One agent turn: gather, prompt, anchor, run under a keeper, commit. A turn that an earlier daemon began is not begun
//! again: its keeper is found, or what it left, and the turn is concluded as if nothing had happened in between.

pub(in crate::runtime) mod driving;
mod enriching;
mod gathering;
mod judging;
pub(in crate::runtime) mod keeping;
mod sessions;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::agents::{self, AgentSettings, CommandLine, Invocation, TEMPORARY};
use crate::domain::agent::{AgentKind, Stage, TurnEnding, TurnReport};
use crate::domain::bounds;
use crate::domain::change::{Change, Workspace};
use crate::domain::failure::Failure;
use crate::domain::ids::RunId;
use crate::domain::run::StagePlan;
use crate::pipeline::input::{FinishedTurn, Input, PreparedTurn};
use crate::pipeline::prompt;
use crate::pipeline::state::RunState;
use crate::process::marker::{Marker, VARIABLE};
use crate::process::sandbox::Confinement;
use crate::runtime::agents::{co_author, place_files};
use crate::runtime::confining::Places;
use crate::runtime::keeper::wire::Remembered;
use crate::runtime::state_dir::{private_dir, write_private};
use crate::workspaces::{Fingerprint, RUN_TRAILER, WorkspaceError};

use super::{Done, Job, Ports, failed, workspace_of};
use gathering::{put_back, tampered};
use keeping::{Kept, Over};

/// What a turn is about, from its preparation to its conclusion.
struct Subject<'a> {
    state: &'a RunState,
    workspace: &'a Workspace,
    stage: Stage,
    /// The model it was asked for.
    model: Option<String>,
    /// The commit it began at.
    head: String,
}

/// A turn ready to be anchored and started.
struct Ready<'a> {
    subject: Subject<'a>,
    plan: Cow<'a, StagePlan>,
    settings: &'a AgentSettings,
    prepared: PreparedTurn,
    command: CommandLine,
    confinement: Option<Confinement>,
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
    let done = match in_flight(job, turn) {
        Some(subject) => {
            let kept = keeping::rejoin(ports, job, &subject, turn).await;
            concluded(ports, &subject, turn, kept).await
        }
        None => attempt(ports, job, turn).await,
    };
    // A home that an agent still lives in is left as it is.
    let Some(done) = done else { return Done::Stopped };
    if let Some(state) = &job.run {
        sessions::retire(ports, state, turn, &done);
    }
    done
}

/// The turn as it was begun by an earlier daemon, if it was.
fn in_flight(job: &Job, turn: u32) -> Option<Subject<'_>> {
    let (state, workspace) = workspace_of(job).ok()?;
    let record = state.turn_in_flight().filter(|record| record.turn == turn)?;
    let model = record.model.clone();
    Some(Subject { state, workspace, stage: record.stage, model, head: record.head.clone() })
}

/// Does the turn from its beginning; nothing when it goes on without this daemon.
async fn attempt(ports: &Ports, job: &Job, turn: u32) -> Option<Done> {
    let ready = match prepare(ports, job, turn).await {
        Ok(ready) => ready,
        Err(NotReady::Stopped) => return Some(Done::Stopped),
        Err(NotReady::Failed(failure)) => return Some(failed(&job.effect, failure)),
    };
    if job.cancel.is_cancelled() {
        return Some(Done::Stopped);
    }
    if !job.desk.begin_turn(&job.key, ready.subject.state.id, ready.prepared.clone()).await {
        return Some(Done::Stopped);
    }
    let kept = keeping::begin(ports, job, &ready, turn).await;
    concluded(ports, &ready.subject, turn, kept).await
}

/// Concludes a turn whose agent has ended; nothing when it goes on.
async fn concluded(ports: &Ports, subject: &Subject<'_>, turn: u32, kept: Kept) -> Option<Done> {
    let Kept::Over(over) = kept else { return None };
    let Over { report, remembered, keeper } = *over;
    let run = subject.state.id;
    let gone = async {
        if let Some(keeper) = keeper {
            keeper.gone().await;
        }
    };
    // Nothing rests on the row being gone: recovery finds no such process. So the commit does not have to wait for it.
    let (forgotten, done, ()) = tokio::join!(
        ports.store.forget_process(run, turn),
        conclude(ports, subject, turn, report, &remembered),
        gone,
    );
    if let Err(error) = forgotten {
        tracing::warn!(run.id = %run, %error, "an ended process stays on record");
    }
    Some(done)
}

/// What is known of a turn whose end nobody saw.
pub(super) fn lost(turn: u32, failure: Failure) -> Input {
    let report = TurnReport::not_started(failure);
    Input::TurnFinished(Box::new(FinishedTurn {
        turn,
        report,
        change: None,
        tampered: false,
        instead: None,
    }))
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
    let gathered = gathering::gather(ports, state, workspace, stage).await?;
    let earlier = sessions::take_up(ports, state, workspace, settings, &home).await;
    let mut enrichment = enriching::gather(ports, state, workspace).await;
    enrichment.handover = earlier.handover;
    let resumed = earlier.resumed;
    let session = resumed.as_ref().map(|it| it.session.clone());
    let session = session.unwrap_or_else(|| ports.ids.random().to_string());
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
                resume: resumed.as_ref().map(|it| it.session.as_str()),
                used: resumed.as_ref().map(|it| it.used).unwrap_or_default(),
                workspace: Path::new(&workspace.path),
                home: &home,
                scratch: &scratch,
                effort: plan.effort.as_deref(),
                max_turns: plan.max_turns,
                read_only: !stage.writes(),
                confined: ports.confining.is_on()?,
                identifier: &state.plan.identifier,
                marker: (VARIABLE, marker.value()),
                own_program: &ports.own_program,
            },
        )
        .map_err(|error| NotReady::Failed(error.to_failure()))?;
    place_files(&command)?;
    write_private(&scratch.join("prompt.md"), ports.redactor.redact(&prompt.text).as_bytes())
        .map_err(|error| Failure::infrastructure(error.to_string()))?;
    let confinement = ports.confining.of_turn(Places {
        worktree: Path::new(&workspace.path),
        read_only: !stage.writes(),
        home: &home,
        answer_file: command.answer_file.as_deref(),
    })?;
    let resumes = resumed.map(|it| it.turn);
    let prepared =
        PreparedTurn { turn, session, resumes, head: gathered.head, nonce, prompt: prompt.record };
    let before = gathered.before;
    let model = plan.model_for_round(state.round).0.map(str::to_owned);
    let subject = Subject { state, workspace, stage, model, head: prepared.head.clone() };
    Ok(Ready { subject, plan, settings, prepared, command, confinement, before, scratch })
}

fn marker(ports: &Ports, state: &RunState) -> Marker {
    marker_of(ports, state.id)
}

/// What everything that a run's agents start is found by.
fn marker_of(ports: &Ports, run: RunId) -> Marker {
    Marker::new(&ports.dirs.instance, &run.to_string())
}

/// Judges what the turn did to the repository and hands everything to the loop.
async fn conclude(
    ports: &Ports,
    subject: &Subject<'_>,
    turn: u32,
    mut report: TurnReport,
    remembered: &Remembered,
) -> Done {
    let finished = |report, change, tampered| {
        Done::Run(Input::TurnFinished(Box::new(FinishedTurn {
            turn,
            report,
            change,
            tampered,
            instead: None,
        })))
    };
    match subject.stage {
        Stage::Coder if report.ending == TurnEnding::Cancelled => finished(report, None, false),
        Stage::Coder => match commit(ports, subject, remembered.agent, &report).await {
            Ok(change) => finished(report, Some(change), false),
            Err(error) => {
                report.ending = coder_git_failure(report.ending, &error);
                finished(report, None, false)
            }
        },
        Stage::Tester | Stage::Documenter if report.ending != TurnEnding::Completed => {
            // What it left half done is no part of an accepted change.
            put_back(ports, subject).await;
            finished(report, None, false)
        }
        Stage::Tester | Stage::Documenter => {
            match commit(ports, subject, remembered.agent, &report).await {
                Ok(change) => finished(report, Some(change), false),
                Err(error) => {
                    report.ending = coder_git_failure(report.ending, &error);
                    finished(report, None, false)
                }
            }
        }
        Stage::Planner
        | Stage::Critic
        | Stage::Diagnose
        | Stage::Auditor
        | Stage::StageDocumenter => {
            let tampered = tampered(ports, subject, remembered.before.as_ref()).await;
            finished(report, None, tampered)
        }
    }
}

async fn commit(
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
            Stage::Planner
            | Stage::Coder
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
fn coder_git_failure(ending: TurnEnding, error: &WorkspaceError) -> TurnEnding {
    match ending {
        TurnEnding::Completed => TurnEnding::Failed { failure: Failure::from(error) },
        other => other,
    }
}
