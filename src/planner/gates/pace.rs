//! Gate `pace`: only so many starts in a rolling window, over all projects and per project.
//!
//! Turbo raises both caps (it never lowers one, and it does not invent one where there is none).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::ids::ProjectId;
use crate::domain::policy::{Pace, ProjectPolicy};
use crate::domain::time::Timestamp;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

/// The starts inside the window, oldest first; grows while a plan chooses.
#[derive(Clone)]
pub(crate) struct Ledger<'a> {
    all: Vec<Timestamp>,
    by_project: BTreeMap<&'a ProjectId, Vec<Timestamp>>,
}

impl<'a> Ledger<'a> {
    /// Those of `starts` that are inside the window at `now`.
    pub(crate) fn new(starts: &'a [(Timestamp, ProjectId)], pace: &Pace, now: Timestamp) -> Self {
        let window = Duration::from_millis(pace.window_ms);
        let mut inside: Vec<_> = starts.iter().filter(|(at, _)| now < at.after(window)).collect();
        inside.sort();
        let mut ledger = Self { all: Vec::new(), by_project: BTreeMap::new() };
        for (at, project) in inside {
            ledger.start(project, *at);
        }
        ledger
    }

    /// Adds a start that is not older than those already known.
    pub(crate) fn start(&mut self, project: &'a ProjectId, at: Timestamp) {
        self.all.push(at);
        self.by_project.entry(project).or_default().push(at);
    }

    /// The youngest start of a project inside the window.
    pub(crate) fn last_start(&self, project: &ProjectId) -> Option<Timestamp> {
        self.by_project.get(project)?.last().copied()
    }

    /// What the pace has against one more start of `view`.
    pub(crate) fn check(&self, view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
        if view.is_one_off() {
            return None;
        }
        let pace = &context.policy.pace;
        let global = reached(&self.all, None, pace.global, context);
        let of_project = view.project.and_then(|project| self.of_project(project, context));
        match (global, of_project) {
            (Some(global), Some(project)) => Some(longer(global, project)),
            (global, project) => global.or(project),
        }
    }

    fn of_project(&self, project: &ProjectPolicy, context: &Context<'_>) -> Option<Held> {
        let starts = self.by_project.get(&project.id).map_or(&[][..], Vec::as_slice);
        let cap = project.pace.or(context.policy.pace.per_project);
        reached(starts, Some(&project.id), cap, context)
    }
}

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    context.pace.check(view, context)
}

fn reached(
    starts: &[Timestamp],
    project: Option<&ProjectId>,
    cap: Option<u32>,
    context: &Context<'_>,
) -> Option<Held> {
    let pace = &context.policy.pace;
    let turbo = context.world.ops.turbo_at(context.now);
    let cap = if turbo { cap?.max(pace.turbo) } else { cap? };
    let room = usize::try_from(cap).unwrap_or(usize::MAX);
    // When this start leaves the window, fewer than `cap` are left in it. With a cap of 0 that never happens.
    let leaver = starts.len().checked_sub(room)?;
    let until = starts.get(leaver).map(|at| at.after(Duration::from_millis(pace.window_ms)));
    let project = project.cloned();
    let (starts, window_ms) = (starts.len(), pace.window_ms);
    let because = HeldBecause::PaceReached { project, starts, cap, window_ms, turbo };
    Some(Held::new(because).until(until).released_by("enact-factory turbo"))
}

/// The one that lapses later; a hold without an end never does.
fn longer(one: Held, other: Held) -> Held {
    match (one.until, other.until) {
        (None, _) => one,
        (_, None) => other,
        (Some(first), Some(second)) if second > first => other,
        (Some(_), Some(_)) => one,
    }
}

#[cfg(test)]
mod tests;
