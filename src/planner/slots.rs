//! How many go at once: admission of ranked items to the slots that are free.
//!
//! Slots are the last gate. While slots are given away, the pace, the twins and the agents that one run has to try are asked
//! again, because what was chosen a moment ago counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::ProjectId;

use super::because::{HeldBecause, SlotKind};
use super::context::Context;
use super::gates::agent::needed;
use super::gates::agent_auth;
use super::gates::duplicate::Twins;
use super::gates::pace::Ledger;
use super::held::Held;
use super::rank::{Candidate, Queue};

/// A candidate and what became of it.
pub(crate) struct Admitted<'a> {
    pub(crate) chosen: Vec<Candidate<'a>>,
    pub(crate) left: Vec<(Candidate<'a>, Vec<Held>)>,
}

/// Gives slots to the first of each queue in turn until nobody is left who could have one.
pub(crate) fn admit<'a>(mut queues: Vec<Queue<'a>>, context: &Context<'a>) -> Admitted<'a> {
    let mut admission = Admission::new(context);
    let mut admitted = Admitted { chosen: Vec::new(), left: Vec::new() };
    while !queues.is_empty() {
        for queue in &mut queues {
            while let Some(candidate) = queue.pop_front() {
                let held = admission.check(&candidate, context);
                if held.is_empty() {
                    admission.start(&candidate, context);
                    admitted.chosen.push(candidate);
                    break;
                }
                admitted.left.push((candidate, held));
            }
        }
        queues.retain(|queue| !queue.is_empty());
    }
    admitted
}

/// Runs that have a slot, and how many of them only wait.
#[derive(Clone, Copy, Default)]
struct Taken {
    runs: usize,
    waiting: usize,
}

impl Taken {
    fn add(&mut self, waiting: bool) {
        self.runs += 1;
        self.waiting += usize::from(waiting);
    }

    fn check(self, limit: u32, slots: impl FnOnce() -> SlotKind) -> Option<Held> {
        if u32::try_from(self.runs).is_ok_and(|runs| runs < limit) {
            return None;
        }
        let (slots, taken, waiting) = (slots(), self.runs, self.waiting);
        Some(Held::new(HeldBecause::SlotsTaken { slots, taken, limit, waiting }))
    }
}

/// What is taken, by the runs of the world and by those chosen so far.
struct Admission<'a> {
    all: Taken,
    by_project: BTreeMap<&'a ProjectId, Taken>,
    by_agent: BTreeMap<&'a str, Taken>,
    pace: Ledger<'a>,
    twins: Twins<'a>,
    trying: BTreeSet<&'a str>,
}

impl<'a> Admission<'a> {
    fn new(context: &Context<'a>) -> Self {
        let mut admission = Self {
            all: Taken::default(),
            by_project: BTreeMap::new(),
            by_agent: BTreeMap::new(),
            pace: context.pace.clone(),
            twins: context.twins.clone(),
            trying: context.world.trying.iter().map(String::as_str).collect(),
        };
        for run in &context.world.active {
            let mut agents: Vec<&str> = run.agents.iter().map(String::as_str).collect();
            agents.sort_unstable();
            agents.dedup();
            admission.take(&run.project, &agents, run.waiting);
        }
        admission
    }

    fn take(&mut self, project: &'a ProjectId, agents: &[&'a str], waiting: bool) {
        self.all.add(waiting);
        self.by_project.entry(project).or_default().add(waiting);
        for agent in agents {
            self.by_agent.entry(agent).or_default().add(waiting);
        }
    }

    fn start(&mut self, candidate: &Candidate<'a>, context: &Context<'a>) {
        let project = &candidate.project.id;
        self.take(project, &needed(&candidate.view, context), false);
        self.pace.start(project, context.now);
        self.twins.choose(candidate.view.id);
        self.trying.extend(needed(&candidate.view, context));
    }

    /// Everything that holds the candidate now, in the order of the gates.
    fn check(&self, candidate: &Candidate<'a>, context: &Context<'a>) -> Vec<Held> {
        let twin = self.twins.check(&candidate.view);
        let pace = self.pace.check(&candidate.view, context);
        let slot = self.slot(candidate, context);
        let tried = |agent: &str| self.trying.contains(agent);
        let refused = agent_auth::refused(&candidate.view, context, tried);
        twin.into_iter().chain(refused).chain(pace).chain(slot).collect()
    }

    fn slot(&self, candidate: &Candidate<'a>, context: &Context<'a>) -> Option<Held> {
        let slots = &context.policy.slots;
        let project = candidate.project;
        let of_project = || {
            let taken = self.by_project.get(&project.id).copied().unwrap_or_default();
            let limit = project.slots.unwrap_or(slots.per_project);
            taken.check(limit, || SlotKind::Project(project.id.clone()))
        };
        let of_agents = || {
            needed(&candidate.view, context).into_iter().find_map(|agent| {
                let taken = self.by_agent.get(agent).copied().unwrap_or_default();
                taken.check(*slots.per_agent.get(agent)?, || SlotKind::Agent(agent.to_owned()))
            })
        };
        let of_all = self.all.check(slots.global, || SlotKind::Global);
        of_all.or_else(of_project).or_else(of_agents)
    }
}
