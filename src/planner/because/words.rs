//! The sentence fragments of [`HeldBecause`].

use std::fmt;

use chrono_tz::Tz;

use crate::domain::ids::ItemId;
use crate::domain::lane_session::LanePhase;
use crate::domain::policy::BlockedHours;
use crate::domain::work_item::Lane;

use super::super::budget_use::BudgetUse;
use super::{Blocker, HeldBecause, Items, TwinState};

impl fmt::Display for HeldBecause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitsForHuman { request: None } => out.write_str("a person must act"),
            Self::WaitsForHuman { request: Some(request) } => {
                write!(out, "{}: {}", request.reason.word(), request.question)
            }
            Self::TrackerState { state } => write!(out, "its tracker says {}", state.label()),
            Self::Unreadable => out.write_str("its tracker's copy cannot be read"),
            Self::RunUnknown => out.write_str("marked as taken, but no run has it"),
            Self::OtherLane { lane } => write_lane(out, *lane),
            Self::Operated { lane, phase, by } => write_operated(out, *lane, *phase, by),
            Self::NoProject => out.write_str("it names no project and there is no default one"),
            Self::UnknownProject { project } => write!(out, "project {project} is not configured"),
            Self::ProjectDisabled { project } => write!(out, "project {project} is switched off"),
            Self::OpenChildren { children } => {
                write!(out, "it is the parent of open items: {children}")
            }
            Self::ChildrenSettled { done, not_done } => write_settled(out, *done, *not_done),
            Self::Blocked { blockers, total, chain_end } => {
                write_blocked(out, blockers, *total, chain_end.as_ref())
            }
            Self::DependencyCycle { path, length } => write_cycle(out, path, *length),
            Self::Duplicate { of, twin } => write_duplicate(out, of, *twin),
            Self::Untrusted { author: Some(author), approval } => {
                write!(out, "{author} is not trusted to steer agents; {approval}")
            }
            Self::Untrusted { author: None, approval } => {
                write!(out, "its author is not known; {approval}")
            }
            Self::NeedsApproval { approval } => write!(out, "needs approval; {approval}"),
            Self::BudgetUsedUp { used } => write!(out, "its budget is used up: {}", join(used)),
            Self::CoolingDown { class, reason } => {
                write!(out, "waits after trouble ({}): {reason}", class.word())
            }
            Self::AgentUnavailable { agent, why } => {
                write!(out, "agent {agent} cannot be used: {why}")
            }
            Self::AgentRefused { agent, why, trying } => write_refused(out, agent, why, *trying),
            Self::AutonomyOff => out.write_str("autonomous work is switched off"),
            Self::Paused { by } => write!(out, "paused by {by}"),
            Self::WindowClosed { agent, why } => {
                write!(out, "the usage window of agent {agent} is closed: {why}")
            }
            Self::Spent { budget } => write!(out, "{budget}"),
            Self::TooManyInReview { waiting, limit } => {
                write!(out, "{} of {limit} results wait for review: {waiting}", waiting.total)
            }
            Self::QuietHours { hours, zone } => write_hours(out, *hours, *zone),
            Self::PaceReached { project, starts, cap, window_ms, turbo } => {
                let place = project.as_ref().map(|id| format!(" in project {id}"));
                let turbo = if *turbo { " (turbo)" } else { "" };
                let (place, window) = (place.unwrap_or_default(), span(*window_ms));
                write!(out, "{starts} of {cap} starts in {window}{place}{turbo}")
            }
            Self::SlotsTaken { slots, taken, limit, waiting } => {
                write!(out, "{taken} of {limit} slots {slots} are taken")?;
                if *waiting > 0 { write!(out, " ({waiting} by waiting runs)") } else { Ok(()) }
            }
            of_parts => write_division(out, of_parts),
        }
    }
}

fn write_refused(
    out: &mut fmt::Formatter<'_>,
    agent: &str,
    why: &str,
    trying: bool,
) -> fmt::Result {
    if trying {
        write!(out, "agent {agent} was not let in, another run tries it: {why}")
    } else {
        write!(out, "agent {agent} is not let in, sign it in: {why}")
    }
}

fn write_operated(
    out: &mut fmt::Formatter<'_>,
    lane: Lane,
    phase: LanePhase,
    by: &str,
) -> fmt::Result {
    write!(out, "lane {} has it since {by} linked it: {}", lane.word(), phase.word())
}

fn write_lane(out: &mut fmt::Formatter<'_>, lane: Lane) -> fmt::Result {
    match lane {
        Lane::Manual => out.write_str("lane manual: a person works on it"),
        Lane::None => out.write_str("lane none: nobody is assigned"),
        Lane::Ralph | Lane::Ultrawork | Lane::Team => {
            write!(out, "lane {} is to be started", lane.word())
        }
        Lane::Autopilot => out.write_str("lane autopilot is driven by this pipeline"),
    }
}

fn write_settled(out: &mut fmt::Formatter<'_>, done: usize, not_done: usize) -> fmt::Result {
    write!(out, "it is the parent of settled items: {done} done")?;
    if not_done > 0 { write!(out, ", {not_done} not done") } else { Ok(()) }
}

/// What holds an item because it is too large.
fn write_division(out: &mut fmt::Formatter<'_>, because: &HeldBecause) -> fmt::Result {
    match because {
        HeldBecause::PlanWaits { parts, approval } => {
            write!(out, "a planner divides it into {}; {approval}", parts.join(" · "))
        }
        HeldBecause::PartsMissing { created, total } => {
            write!(out, "it is divided: {created} of {total} parts are created")
        }
        HeldBecause::Parts { done, total, open, lost } => {
            write_parts(out, (*done, *total), open, lost)
        }
        HeldBecause::NoRoomForParts { minutes, today, limit } => write!(
            out,
            "estimated at {minutes} min, too large for one run, and {today} of {limit} parts of today are taken"
        ),
        _ => Ok(()),
    }
}

fn write_parts(
    out: &mut fmt::Formatter<'_>,
    (done, total): (u32, u32),
    open: &Items,
    lost: &Items,
) -> fmt::Result {
    write!(out, "it is divided: {done} of {total} parts are done")?;
    if open.total > 0 {
        write!(out, ", open: {open}")?;
    }
    if lost.total > 0 {
        write!(out, ", lost: {lost}")?;
    }
    Ok(())
}

fn write_blocked(
    out: &mut fmt::Formatter<'_>,
    blockers: &[Blocker],
    total: usize,
    chain_end: Option<&Blocker>,
) -> fmt::Result {
    let named: Vec<String> = blockers.iter().map(Blocker::to_string).collect();
    write!(out, "waits for {}", named.join(", "))?;
    let more = total.saturating_sub(blockers.len());
    if more > 0 {
        write!(out, " and {more} more")?;
    }
    if let Some(end) = chain_end {
        write!(out, "; in the end for {end}")?;
    }
    Ok(())
}

fn write_cycle(out: &mut fmt::Formatter<'_>, path: &[ItemId], length: usize) -> fmt::Result {
    let names: Vec<&str> = path.iter().map(ItemId::identifier).collect();
    let gap = if path.len() < length { " → …" } else { "" };
    let start = names.first().copied().unwrap_or_default();
    write!(out, "waits for itself: {}{gap} → {start}", names.join(" → "))
}

fn write_duplicate(out: &mut fmt::Formatter<'_>, of: &ItemId, twin: TwinState) -> fmt::Result {
    let state = match twin {
        TwinState::Running => "is running",
        TwinState::Done => "is done",
        TwinState::Chosen => "goes first",
    };
    write!(out, "the same task as {}, which {state}", of.identifier())
}

fn write_hours(out: &mut fmt::Formatter<'_>, hours: BlockedHours, zone: Tz) -> fmt::Result {
    write!(out, "quiet hours {}–{} ({zone})", clock(hours.from), clock(hours.until))
}

fn join(used: &[BudgetUse]) -> String {
    used.iter().map(BudgetUse::to_string).collect::<Vec<_>>().join(", ")
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn span(milliseconds: u64) -> String {
    let minutes = milliseconds / 60_000;
    if minutes > 0 && minutes.is_multiple_of(60) {
        format!("{} h", minutes / 60)
    } else {
        format!("{minutes} min")
    }
}
