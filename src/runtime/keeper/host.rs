//! The keeper itself: a process that does one turn and goes.
//!
//! It starts nothing before it has its whole assignment, which the daemon sends only after the keeper is on record. From
//! then on it needs nobody: it ends its agent when a clock says so, when it is told to, or when no daemon was in touch for
//! too long. It goes when its outcome is durable and whoever is in touch has taken notice, or had time to.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::domain::agent::{TurnEnding, TurnReport};
use crate::domain::failure::Failure;
use crate::process::adoption::become_subreaper;
use crate::process::companion::{leave_session, work_in};
use crate::process::speech::voice;
use crate::runtime::clock::SystemClock;
use crate::runtime::effects::turn::driving::{self, Following};

use super::place::{self, SOCKET};
use super::serving::{self, Served};
use super::wire::{Assignment, Outcome};

/// How long a keeper stays after its agent's end for somebody who is in touch and does not acknowledge. Nothing is lost
/// when it goes: the outcome is in its file.
const HAND_OVER: Duration = Duration::from_secs(2);

/// Why a keeper could not do its turn. Nobody but its log hears of it.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The assignment did not come whole: whoever sent it is gone, and nothing may be started.
    #[error("no whole assignment came")]
    Assignment(#[source] serde_json::Error),
    /// The system said no.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes this process ready to keep an agent, whoever started it: in a session of its own, the parent of every orphan.
pub fn stand_apart() {
    leave_session();
    if let Err(error) = become_subreaper() {
        note(&format!("orphans cannot be adopted: {error}"));
    }
}

/// Says something where a keeper's complaints go.
pub(super) fn note(text: &str) {
    // Nobody is there to be told when that fails.
    let _gone = writeln!(io::stderr().lock(), "{text}");
}

/// Does the turn of `assignment`, in JSON.
///
/// # Errors
/// When the assignment is not whole, or its outcome cannot be kept. That the turn came to nothing is no error.
pub fn keep(assignment: Vec<u8>) -> Result<(), KeeperError> {
    let parsed = serde_json::from_slice(&assignment);
    // It may be as long as the longest prompt, and is not needed any more.
    drop(assignment);
    let assignment: Assignment = parsed.map_err(KeeperError::Assignment)?;
    let io = |doing| move |source| KeeperError::Io { doing, source };
    work_in(&assignment.scratch).map_err(io("enter the turn's directory"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(io("start the runtime"))?;
    runtime.block_on(live(assignment)).map_err(io("keep the turn"))
}

/// Why the agent is being ended, besides what is asked for over the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// By a signal.
    Signalled,
    /// Nobody came back.
    Orphaned,
}

async fn live(assignment: Assignment) -> io::Result<()> {
    let grace = Duration::from_millis(assignment.orphan_grace_ms);
    let remembered = assignment.remembered.clone();
    let listener = listen()?;
    let (voice, speech) = voice();
    let following = Following::new(assignment.agent, assignment.opening.clone(), voice);
    let (attached, in_touch) = watch::channel(0);
    let (announce, ended) = watch::channel(false);
    let (stop, acknowledged) = (CancellationToken::new(), CancellationToken::new());
    let served = Served {
        following: following.clone(),
        stop: stop.clone(),
        acknowledged: acknowledged.clone(),
        attached,
        ended,
    };
    let serving = serving::serve(listener, served);
    let turn = async {
        let mut reason = None;
        let mut driving =
            Box::pin(driving::drive(assignment, following.clone(), speech, &stop, &SystemClock));
        let mut watching = Box::pin(end_for(grace, in_touch.clone()));
        let report = loop {
            tokio::select! {
                report = &mut driving => break report,
                found = &mut watching, if reason.is_none() => {
                    reason = Some(found?);
                    stop.cancel();
                }
            }
        };
        following.close();
        let report = explained(report, reason, grace);
        let here = Path::new(".");
        place::keep_outcome(here, &Outcome { report, remembered })?;
        announce.send_replace(true);
        let waited_for = *in_touch.borrow() > 0 && reason != Some(Reason::Signalled);
        if waited_for {
            // Who is in touch makes it durable in the log; the disk is not waited for before that is told.
            let _went_unanswered = timeout(HAND_OVER, acknowledged.cancelled()).await;
        }
        place::make_durable(here)
    };
    let kept = tokio::select! {
        kept = turn => kept,
        () = serving => Ok(()),
    };
    let _left = fs::remove_file(SOCKET);
    kept
}

fn listen() -> io::Result<UnixListener> {
    match fs::remove_file(SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The directory is private, so nobody gets in between these two steps.
    let listener = UnixListener::bind(SOCKET)?;
    fs::set_permissions(SOCKET, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Waits for a reason to end the agent.
async fn end_for(grace: Duration, in_touch: watch::Receiver<usize>) -> io::Result<Reason> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(Reason::Signalled),
        _ = interrupt.recv() => Ok(Reason::Signalled),
        () = orphaned(grace, in_touch) => Ok(Reason::Orphaned),
    }
}

/// Waits until nobody was in touch for as long as `grace`.
async fn orphaned(grace: Duration, mut in_touch: watch::Receiver<usize>) {
    loop {
        let alone = in_touch.wait_for(|count| *count == 0).await.is_ok();
        if !alone {
            return std::future::pending().await;
        }
        let somebody = in_touch.wait_for(|count| *count > 0);
        if timeout(grace, somebody).await.is_err() {
            return;
        }
    }
}

/// The report with the reason for the agent's end in it, where it would say otherwise that somebody wanted it.
fn explained(report: TurnReport, reason: Option<Reason>, grace: Duration) -> TurnReport {
    if reason != Some(Reason::Orphaned) || report.ending != TurnEnding::Cancelled {
        return report;
    }
    let failure = Failure::infrastructure(format!(
        "no daemon came back for {} s, so the agent was ended",
        grace.as_secs()
    ));
    TurnReport { ending: TurnEnding::Failed { failure }, ..report }
}
