//! Agents that their providers do not let in: found out once, held back together, tried by one run, and then let go.

use std::collections::BTreeSet;

use crate::domain::agent::TurnReport;
use crate::domain::bounds;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::RunId;
use crate::domain::ops::{Login, Shown};
use crate::domain::time::Timestamp;
use crate::pipeline::state::RunState;

use super::{Engine, Reply};

impl Engine {
    /// Records what the end of turn `turn` shows about its agent's login, and tells people about a refusal: once.
    pub(super) fn note_login(
        &mut self,
        run: RunId,
        turn: u32,
        report: &TurnReport,
        now: Timestamp,
    ) {
        let Some(state) = self.runs.get(&run) else { return };
        let Some(record) = state.turn(turn) else { return };
        let (agent, item) = (record.agent.clone(), state.item.clone());
        match self.ops.shown(&agent, record.started, report) {
            Some(Shown::Refused) => {
                let message = message_of(report);
                let entry = format!("{}; runs that need it wait", to_do(&agent, &message));
                self.record_ops(Event::AgentRefused { agent, run, turn, message }, now);
                self.update_tracker(&item, None, entry, now);
            }
            Some(Shown::Accepted) => self.record_ops(Event::AgentAccepted { agent }, now),
            None => {}
        }
    }

    /// A person says that `agent` is signed in.
    pub(super) fn agent_ok(&mut self, agent: &str, actor: &str, now: Timestamp) -> Reply {
        let (accepted, message) = match self.ops.logins.get(agent) {
            Some(Login::Refused { .. }) => {
                let cleared = Event::AgentCleared { agent: agent.to_owned(), by: actor.to_owned() };
                self.record_ops(cleared, now);
                self.plan(now);
                (true, format!("agent {agent} is tried again: by one run first"))
            }
            Some(Login::Unproven { .. }) => {
                (true, format!("agent {agent} is being tried again already"))
            }
            Some(Login::Proven { .. }) => (true, format!("agent {agent} is let in again already")),
            None => (false, format!("no agent called `{agent}` was refused")),
        };
        Reply { accepted, message, item: None, run: None }
    }

    /// The configuration was read again: what was refused may be configured with another key now.
    pub(super) fn doubt_refusals(&mut self, now: Timestamp) {
        let refused: Vec<String> = self.ops.refused().map(|(agent, _)| agent.to_owned()).collect();
        for agent in refused {
            let by = "system:configuration".to_owned();
            self.record_ops(Event::AgentCleared { agent, by }, now);
        }
    }

    /// Why the next turn of `run`, by `agent`, is not worth starting as long as nobody has signed the agent in.
    pub(super) fn not_let_in(&self, run: RunId, agent: &str, now: Timestamp) -> Option<Failure> {
        let message = match self.ops.logins.get(agent)? {
            Login::Refused { message, .. } => to_do(agent, message),
            Login::Unproven { message, since } => {
                let trier = self.trier(agent, *since, now).filter(|trier| *trier != run);
                trier.map(|_| {
                    format!("agent {agent} was not let in, another run tries it: {message}")
                })?
            }
            Login::Proven { .. } => return None,
        };
        Some(Failure::new(FailureClass::Authentication, message))
    }

    /// Doubtful agents that another run than this one tries, and why they were refused before.
    pub(super) fn tried_elsewhere(
        &self,
        run: RunId,
        now: Timestamp,
    ) -> impl Iterator<Item = (&str, &str)> {
        self.ops.logins.iter().filter_map(move |(agent, login)| {
            let Login::Unproven { message, since } = login else { return None };
            let trier = self.trier(agent, *since, now).filter(|trier| *trier != run);
            trier.map(|_| (agent.as_str(), message.as_str()))
        })
    }

    /// The run that tries a doubtful agent: one whose turn is under way since, else the oldest that only waits for that.
    fn trier(&self, agent: &str, since: Timestamp, now: Timestamp) -> Option<RunId> {
        let mut next = None;
        for state in self.runs.values().filter(|state| state.agent() == Some(agent)) {
            let turns = self.outbox.of_run(state.id, |it| matches!(it, Effect::RunTurn { .. }));
            match state.turn_in_flight() {
                Some(turn) if turn.started >= since => return Some(state.id),
                Some(_) => {}
                None if turns.iter().any(|key| self.outbox.is_in_flight(key)) => {
                    return Some(state.id);
                }
                None => {
                    let ready = !turns.is_empty() && is_ready(state, now);
                    next = next.or_else(|| ready.then_some(state.id));
                }
            }
        }
        next
    }

    /// Agents that are said to be signed in again and that a run will try.
    pub(super) fn trying(&self, now: Timestamp) -> BTreeSet<String> {
        let doubtful = self.ops.logins.iter().filter_map(|(agent, login)| match login {
            Login::Unproven { .. } => Some(agent),
            Login::Refused { .. } | Login::Proven { .. } => None,
        });
        let tried = doubtful.filter(|agent| {
            let needs = |state: &RunState| state.agents().contains(&agent.as_str());
            let mut open = self.runs.values().filter(|state| state.outcome.is_none());
            open.any(|state| needs(state) && is_ready(state, now))
        });
        tried.cloned().collect()
    }
}

/// What people have to do about a refused agent.
fn to_do(agent: &str, message: &str) -> String {
    format!(
        "agent {agent} is not let in: {message}; sign it in, then `enact-factory agent {agent} ok`"
    )
}

fn message_of(report: &TurnReport) -> String {
    let said = report.failure().map_or("", |failure| failure.message.as_str());
    bounds::first_chars(said, bounds::DETAIL_CHARS)
}

/// Whether the run waits for nothing but, at most, its agent's login.
fn is_ready(state: &RunState, now: Timestamp) -> bool {
    state.waiting.as_ref().is_none_or(|waiting| {
        waiting.failure.class == FailureClass::Authentication || waiting.until <= now
    })
}
