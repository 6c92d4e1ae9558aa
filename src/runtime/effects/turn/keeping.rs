//! A turn under its keeper: put it on record and let it begin, or find it again, and wait for what it comes to.

use std::path::Path;

use crate::agents::CommandLine;
use crate::domain::agent::{AgentKind, TurnReport};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::RunId;
use crate::process::ProcessError;
use crate::process::agent_process::Signal;
use crate::process::identity::ProcessIdentity;
use crate::process::speech::Stdin;
use crate::runtime::keeper::client::{Keeper, Starting, Watched};
use crate::runtime::keeper::place;
use crate::runtime::keeper::wire::{Ask, Assignment, Before, Outcome, Remembered, Told};
use crate::store::rows::ProcessRow;
use crate::workspaces::Fingerprint;

use super::super::{Job, Ports};
use super::judging::not_run;
use super::{Ready, Subject, marker};

/// What a turn came to.
pub(super) enum Kept {
    /// Its agent has ended.
    Over(Box<Over>),
    /// It goes on, for the next daemon.
    Left,
}

/// The end of a turn.
pub(super) struct Over {
    /// The judged turn.
    pub(super) report: TurnReport,
    /// What was known before it.
    pub(super) remembered: Remembered,
    /// The keeper, on its way out.
    pub(super) keeper: Option<Keeper>,
}

impl Kept {
    fn over(report: TurnReport, remembered: Remembered, keeper: Option<Keeper>) -> Self {
        Self::Over(Box::new(Over { report, remembered, keeper }))
    }
}

/// Starts the turn under a keeper and waits for its end. The agent is started only after its keeper is on record, so that
/// the next daemon finds it whatever happens to this one.
pub(super) async fn begin(ports: &Ports, job: &Job, ready: &Ready<'_>, turn: u32) -> Kept {
    let run = ready.subject.state.id;
    let remembered =
        Remembered { agent: ready.settings.kind, before: ready.before.as_ref().map(remember) };
    let marker = marker(ports, ready.subject.state);
    let starting = match Starting::start(&ports.own_program, &ready.scratch, &marker).await {
        Ok(starting) => starting,
        Err(error) => return Kept::over(not_run(&error), remembered, None),
    };
    let ProcessIdentity { pid, start_time } = starting.identity().clone();
    let row = ProcessRow { run, turn, pid, start_time };
    if let Err(error) = ports.store.record_process(row).await {
        // Without its assignment the keeper goes by itself.
        let failure =
            Failure::infrastructure(format!("a keeper could not be put on record: {error}"));
        return Kept::over(TurnReport::not_started(failure), remembered, None);
    }
    let assignment = assignment(ports, ready, marker.value(), remembered.clone());
    let keeper = starting.assign(&assignment).await;
    watch(job, keeper, remembered).await
}

/// Finds the keeper of a turn that an earlier daemon began, or its outcome, and waits for its end.
pub(super) async fn rejoin(ports: &Ports, job: &Job, subject: &Subject<'_>, turn: u32) -> Kept {
    let run = subject.state.id;
    let remembered = || Remembered { agent: kind(ports, subject), before: None };
    let scratch = match ports.dirs.turn(run, turn) {
        Ok(scratch) => scratch,
        Err(error) => {
            let failure = Failure::infrastructure(error.to_string());
            return Kept::over(TurnReport::not_started(failure), remembered(), None);
        }
    };
    let keeper = match find(ports, subject, turn, &scratch).await {
        Ok(Some(keeper)) => keeper,
        Ok(None) => {
            return match place::outcome(&scratch) {
                Some(Outcome { report, remembered }) => Kept::over(report, remembered, None),
                None => Kept::over(lost(), remembered(), None),
            };
        }
        Err(failure) => return Kept::over(TurnReport::not_started(failure), remembered(), None),
    };
    tracing::info!(run.id = %run, turn, "the agent of an earlier daemon goes on under this one");
    watch(job, keeper, remembered()).await
}

async fn find(
    ports: &Ports,
    subject: &Subject<'_>,
    turn: u32,
    scratch: &Path,
) -> Result<Option<Keeper>, Failure> {
    let rows = ports.store.processes().await.map_err(|error| error.failure())?;
    let of_turn = rows.into_iter().find(|row| row.run == subject.state.id && row.turn == turn);
    Ok(of_turn.and_then(|row| {
        let identity = ProcessIdentity { pid: row.pid, start_time: row.start_time };
        Keeper::find(&identity, scratch, &marker(ports, subject.state))
    }))
}

async fn watch(job: &Job, mut keeper: Keeper, remembered: Remembered) -> Kept {
    match keeper.watch(&job.cancel, &job.leave).await {
        Ok(Watched::Over(outcome)) => {
            let Outcome { report, remembered } = *outcome;
            Kept::over(report, remembered, Some(keeper))
        }
        Ok(Watched::Lost { asked: true }) => {
            Kept::over(not_run(&ProcessError::Cancelled), remembered, None)
        }
        Ok(Watched::Lost { asked: false }) => Kept::over(lost(), remembered, None),
        Ok(Watched::Left) => Kept::Left,
        Err(error) => Kept::over(not_run(&error), remembered, None),
    }
}

fn lost() -> TurnReport {
    let message = "the process that kept the agent went away without an outcome";
    TurnReport::not_started(Failure::new(FailureClass::Infrastructure, message))
}

fn assignment(
    ports: &Ports,
    ready: &Ready<'_>,
    marker: &str,
    remembered: Remembered,
) -> Assignment {
    let CommandLine { program, args, env, stdin, opening, answer_file, graceful, .. } =
        ready.command.clone();
    Assignment {
        agent: ready.settings.kind,
        program,
        args,
        cwd: Path::new(&ready.subject.workspace.path).to_owned(),
        env,
        told: match stdin {
            Stdin::Null => Told::Nothing,
            Stdin::Closed(text) => Told::Closed(text),
            Stdin::Open(text) => Told::Open(text),
        },
        confinement: ready.confinement.clone(),
        opening,
        answer_file,
        graceful: match graceful {
            Signal::Terminate => Ask::Terminate,
            Signal::Interrupt => Ask::Interrupt,
            Signal::Kill => Ask::Kill,
        },
        marker: marker.to_owned(),
        total_ms: ready.plan.timeout_ms,
        silence_ms: ready.plan.silence_ms,
        scratch: ready.scratch.clone(),
        secrets: ports.redactor.secrets(),
        orphan_grace_ms: ports.keeper.orphan_grace_ms,
        remembered,
    }
}

/// The adapter of the turn's agent as far as it is still configured; it only names a co-author.
fn kind(ports: &Ports, subject: &Subject<'_>) -> AgentKind {
    let agent = subject.state.turn_in_flight().map(|turn| turn.agent.as_str()).unwrap_or_default();
    ports.agents.get(agent).map_or(AgentKind::Command, |settings| settings.kind)
}

fn remember(before: &Fingerprint) -> Before {
    let Fingerprint { head, branch, index, files } = before.clone();
    Before { head, branch, index, files }
}

/// What is known of a turn that an earlier daemon began: whether this one can go on with it.
pub(in crate::runtime) async fn goes_on(
    ports: &Ports,
    run: RunId,
    turn: u32,
    row: Option<&ProcessRow>,
) -> Found {
    let Ok(scratch) = ports.dirs.turn(run, turn) else { return Found::Nothing };
    let marker = super::marker_of(ports, run);
    let identity =
        row.map(|row| ProcessIdentity { pid: row.pid, start_time: row.start_time.clone() });
    let keeper = identity.as_ref().and_then(|identity| Keeper::find(identity, &scratch, &marker));
    if let (Some(mut keeper), Some(identity)) = (keeper, identity)
        && keeper.answers().await
        && place::outcome(&scratch).is_none()
    {
        return Found::Keeper(marker, identity);
    }
    match place::outcome(&scratch) {
        // Somebody wanted it ended, and it is known to whom that was told that it was interrupted.
        Some(outcome) if outcome.report.ending != crate::domain::agent::TurnEnding::Cancelled => {
            Found::Outcome
        }
        Some(_) | None => Found::Nothing,
    }
}

/// What an earlier daemon left of a turn.
pub(in crate::runtime) enum Found {
    /// A keeper at work.
    Keeper(crate::process::marker::Marker, ProcessIdentity),
    /// An outcome that nobody has consumed.
    Outcome,
    /// Nothing to go on with.
    Nothing,
}
