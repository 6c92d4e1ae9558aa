//! `lane`: operator lanes, the loops that somebody outside of this program drives.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::domain::command::{Command, LaneOrder};
use crate::domain::lane_session::LanePhase;
use crate::domain::work_item::Lane;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::surfaces::control::client::Client;
use crate::surfaces::control::lane_views::{LanesView, LedgerView, SessionView};
use crate::surfaces::control::views::{ExplanationView, StatusView};

use super::entry::Context;
use super::errors::{self, CliError, unknown};
use super::screen::{Screen, Tone};
use super::{configuration, format, hosting, offline, operate};

/// Operator lanes: link one to an item, say how far it is, review it, stop it
///
/// `ralph`, `ultrawork` and `team` are loops that a person or another program drives; what they have come to is kept here
/// and told to the item's tracker. A lane has one item at a time, an item one lane, and the daemon's own pipeline leaves
/// such an item alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory lane list
  enact-factory lane start ralph DEMO-1
  enact-factory lane advance DEMO-1 verifying --evidence \"make test is green\"
  enact-factory lane review DEMO-1 approve --by bob
  enact-factory lane unlink ralph

JSON of `list`: {\"daemon\": bool, \"lanes\": {\"proposals\": [proposal], \"sessions\": [lane], \"ledger\": [entry],
  \"verdicts\": [verdict]}}; of `ledger`: {\"daemon\": bool, \"ledger\": [entry]}
JSON of `show`: {\"daemon\": bool, \"item\": id, \"lane\": lane or null, \"ledger\": entry or null}
proposal: item, lane, since, command
lane: item, lane, phase (running, verifying, review, completed, stopped), by, since, changed, implementation_complete,
  review_passed, evidence, approved_by, findings [text], pushes_pending, next
entry: item, gate (close-deferred, closure-evidence-missing), reason, since, command
verdict: at, item (null: the daemon), ruling {kind (denied, overridden, signalled), reason}, by, text,
  unmet [{item, gate, remedy, still_open}]
JSON otherwise: {\"accepted\": bool, \"message\": text, \"item\": id or null, \"run\": null, \"daemon\": bool}

Exit codes: 0 shown or accepted, 1 refused, also by the stop policy.")]
pub(super) struct LaneArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Link a lane to an item, or go on after a stop; the same again changes nothing
    ///
    /// Refused while the lane is linked to another item, or another lane to this one.
    Start {
        /// Which lane
        #[arg(value_name = "LANE")]
        lane: LaneWord,
        /// Identifier of an item, or `source/identifier`
        #[arg(value_name = "ID")]
        target: String,
    },
    /// Take the link away; not while the item is being verified or reviewed
    Unlink {
        /// A lane, or what an item is called
        #[arg(value_name = "LANE|ID")]
        target: String,
    },
    /// Go to the next phase: running, verifying, review
    ///
    /// With `verifying` the tracker shows `implementationComplete`; with `review` the item goes to In Review.
    Advance {
        /// Identifier of an item, or `source/identifier`
        #[arg(value_name = "ID")]
        target: String,
        /// Which phase
        #[arg(value_name = "PHASE")]
        phase: PhaseWord,
        /// What proves that the work is made; needed for `verifying`
        #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
        evidence: String,
    },
    /// Say whether the work is good
    ///
    /// Approved: the tracker shows `reviewPassed` and the item is done; an epic across repositories stays in review until
    /// `acknowledge-close`. Rejected: the lane is running again, and both boxes are empty.
    Review {
        /// Identifier of an item, or `source/identifier`
        #[arg(value_name = "ID")]
        target: String,
        /// What is said
        #[arg(value_name = "WORD")]
        word: ReviewWord,
        /// Who says so, if that is somebody else
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Why; needed to reject
        #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
        reason: String,
    },
    /// Stop the lane; the link stays, and `start` goes on with it
    ///
    /// Denied by the stop policy while something is open: then the verdict is on record and shown until
    /// `stop-acknowledge`.
    Stop {
        /// Identifier of an item, or `source/identifier`
        #[arg(value_name = "ID")]
        target: String,
        /// Stop all the same
        #[arg(long, requires = "reason")]
        force: bool,
        /// Why it may stop all the same
        #[arg(long, value_name = "TEXT", requires = "force")]
        reason: Option<String>,
    },
    /// Show lanes that are proposed and linked, closes that wait for a person, and verdicts
    List {},
    /// Show the lane of one item
    Show {
        /// Identifier of an item, or `source/identifier`
        #[arg(value_name = "ID")]
        target: String,
    },
    /// Show closes that wait for a person
    Ledger {},
}

/// A lane that is driven from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LaneWord {
    /// A loop of any kind.
    Ralph,
    /// A loop that knows work items.
    Ultrawork,
    /// Several together.
    Team,
}

impl LaneWord {
    fn lane(self) -> Lane {
        match self {
            Self::Ralph => Lane::Ralph,
            Self::Ultrawork => Lane::Ultrawork,
            Self::Team => Lane::Team,
        }
    }
}

/// A phase that can be gone to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PhaseWord {
    /// The work is made.
    Verifying,
    /// Somebody else looks at it.
    Review,
}

/// What a review can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReviewWord {
    /// It is good.
    Approve,
    /// It is not.
    Reject,
}

pub(super) async fn execute(context: &Context, arguments: LaneArguments) -> Result<u8, CliError> {
    let order = match arguments.action {
        Action::Start { lane, target } => LaneOrder::Start { lane: lane.lane(), target },
        Action::Unlink { target } => LaneOrder::Unlink { target },
        Action::Advance { target, phase, evidence } => {
            let phase = match phase {
                PhaseWord::Verifying => LanePhase::Verifying,
                PhaseWord::Review => LanePhase::Review,
            };
            LaneOrder::Advance { target, phase, evidence }
        }
        Action::Review { target, word, by, reason } => {
            LaneOrder::Review { target, approved: word == ReviewWord::Approve, by, reason }
        }
        Action::Stop { target, reason, .. } => LaneOrder::Stop { target, override_reason: reason },
        Action::List {} => return list(context, Part::All).await,
        Action::Ledger {} => return list(context, Part::Ledger).await,
        Action::Show { target } => return one(context, &target).await,
    };
    operate::execute(context, Command::Lane { order }).await
}

/// How much of it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    Ledger,
}

/// What the daemon knows of lanes, or what is on record.
pub(super) async fn known(context: &Context) -> Result<(bool, LanesView), CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    if let Some(mut client) = Client::connect(&settings.daemon.state_dir).await? {
        return Ok((true, client.status().await?.lanes));
    }
    let reader = offline::reader(&settings)?;
    let setup = hosting::setup(context, settings);
    let engine = offline::picture(&setup, &reader).await?;
    Ok((false, StatusView::from(engine.status(SystemClock.now())).lanes))
}

async fn list(context: &Context, part: Part) -> Result<u8, CliError> {
    let (daemon, lanes) = known(context).await?;
    let screen = &context.screen;
    if screen.json {
        match part {
            Part::All => screen.object(&json!({ "daemon": daemon, "lanes": lanes })),
            Part::Ledger => screen.object(&json!({ "daemon": daemon, "ledger": lanes.ledger })),
        }
        return Ok(errors::OK);
    }
    match part {
        Part::All if lanes == LanesView::default() => screen.line("no lane is proposed or linked"),
        Part::All => show(screen, &lanes),
        Part::Ledger if lanes.ledger.is_empty() => screen.line("no close waits for a person"),
        Part::Ledger => lanes.ledger.iter().for_each(|entry| ledger(screen, entry)),
    }
    if !daemon {
        screen.note("no daemon is running; this is what is on record");
    }
    Ok(errors::OK)
}

/// Everything about lanes, in lines.
pub(super) fn show(screen: &Screen, lanes: &LanesView) {
    for session in &lanes.sessions {
        let (lane, phase) = (&session.lane, screen.paint(Tone::Strong, &session.phase));
        let item = format::printable(session.item.as_str());
        screen.line(format!("  {lane} has {item} since {}: {phase}", session.since));
        if !session.next.is_empty() {
            screen.line(format!("    next: {}", session.next));
        }
    }
    for proposal in &lanes.proposals {
        let item = format::printable(proposal.item.as_str());
        let (lane, since) = (&proposal.lane, proposal.since);
        screen.line(format!("  {lane} is to be started on {item}, its tracker says since {since}"));
        screen.line(format!("    {}", proposal.command));
    }
    lanes.ledger.iter().for_each(|entry| ledger(screen, entry));
    for verdict in &lanes.verdicts {
        let text = format::printable(&verdict.text);
        screen.line(format!("  {} {}", verdict.at, screen.paint(Tone::Warning, &text)));
        for unmet in verdict.unmet.iter().filter(|unmet| unmet.still_open) {
            screen.line(format!("    {} {}: {}", unmet.item, unmet.gate, unmet.remedy));
        }
    }
    if !lanes.verdicts.is_empty() {
        screen.line("    `enact-factory stop-acknowledge` says that this was seen");
    }
}

/// A close that waits for a person, in two lines.
pub(super) fn ledger(screen: &Screen, entry: &LedgerView) {
    let (item, reason) = (format::printable(entry.item.as_str()), format::printable(&entry.reason));
    let gate = screen.paint(Tone::Warning, &entry.gate);
    screen.line(format!("  {item} {gate} since {}: {reason}", entry.since));
    screen.line(format!("    {}", entry.command));
}

async fn one(context: &Context, target: &str) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let (daemon, explained) = match Client::connect(&settings.daemon.state_dir).await? {
        Some(mut client) => (true, client.why(target).await?),
        None => {
            let reader = offline::reader(&settings)?;
            let setup = hosting::setup(context, settings);
            let mut engine = offline::picture(&setup, &reader).await?;
            (false, engine.explain(target, SystemClock.now()).map(ExplanationView::from))
        }
    };
    let explained = explained.ok_or_else(|| unknown(target))?;
    let screen = &context.screen;
    if screen.json {
        let (item, lane, entry) = (&explained.item.id, &explained.lane, &explained.ledger);
        screen.object(&json!({ "daemon": daemon, "item": item, "lane": lane, "ledger": entry }));
        return Ok(errors::OK);
    }
    match &explained.lane {
        Some(session) => detail(screen, session),
        None => screen.line(format!("no lane is linked to {}", explained.item.id)),
    }
    if let Some(entry) = &explained.ledger {
        ledger(screen, entry);
    }
    Ok(errors::OK)
}

/// A lane in lines.
pub(super) fn detail(screen: &Screen, session: &SessionView) {
    let tick = |done: bool| if done { "[x]" } else { "[ ]" };
    screen.line(format!("  lane {}: {}", session.lane, screen.paint(Tone::Strong, &session.phase)));
    let by = format::printable(&session.by);
    screen.line(format!("    linked by {by} at {}, since {}", session.since, session.changed));
    let (made, passed) = (session.implementation_complete, session.review_passed);
    screen.line(format!(
        "    {} implementationComplete  {} reviewPassed",
        tick(made),
        tick(passed)
    ));
    if let Some(evidence) = &session.evidence {
        screen.line(format!("    evidence: {}", format::printable(evidence)));
    }
    if let Some(by) = &session.approved_by {
        screen.line(format!("    approved by {}", format::printable(by)));
    }
    for finding in &session.findings {
        screen.line(format!("    rejected: {}", format::printable(finding)));
    }
    if session.pushes_pending {
        screen.line("    its tracker is still to be written");
    }
    if !session.next.is_empty() {
        screen.line(format!("    next: {}", session.next));
    }
}
