//! The daemon's own durable switches: pause, turbo and the default provider; and which agents their providers let in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::agent::{TurnEnding, TurnReport};
use super::event::Event;
use super::failure::FailureClass;
use super::inbox::Inbox;
use super::provider::ProviderChoice;
use super::stop_policy::Verdicts;
use super::time::Timestamp;

/// Whether an agent's provider lets it in, as far as turns have shown. Nothing is known of an agent that was never
/// refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Login {
    /// Refused: nothing of it is started until somebody says that it is signed in.
    Refused {
        /// What the agent said, bounded and without secrets.
        message: String,
        /// When.
        since: Timestamp,
    },
    /// Somebody says that it is signed in: one turn tries, the others wait for how that ends.
    Unproven {
        /// Why it was refused before.
        message: String,
        /// Turns that began before this instant show nothing.
        since: Timestamp,
    },
    /// A turn has shown that it is signed in again.
    Proven {
        /// Turns that began before this instant show nothing.
        since: Timestamp,
    },
}

/// What the end of a turn shows about its agent's login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is not let in, and nobody knew.
    Refused,
    /// It is let in again.
    Accepted,
}

/// Fold of the `ops/daemon` stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpsState {
    /// Number of daemon starts so far.
    pub epoch: u64,
    /// The instance that started last and has not stopped in order.
    pub running: Option<String>,
    /// Who paused intake, if it is paused.
    pub paused_by: Option<String>,
    /// Until when both pace caps are raised.
    pub turbo_until: Option<Timestamp>,
    /// Agents that were refused at least once, by name.
    #[serde(default)]
    pub logins: BTreeMap<String, Login>,
    /// The default provider that somebody chose instead of the configuration's.
    pub provider: Option<ProviderChoice>,
    /// What was taken from chats.
    #[serde(default)]
    pub inbox: Inbox,
    /// Stops that were judged while something was open.
    #[serde(default)]
    pub verdicts: Verdicts,
}

impl OpsState {
    /// Takes one event into account. Total: events of other streams change nothing.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::DaemonStarted { instance, epoch, .. } => {
                self.epoch = *epoch;
                self.running = Some(instance.clone());
                // Whoever starts a daemon may have put another key into its environment.
                self.logins.values_mut().for_each(|login| login.doubt(at));
                self.verdicts.acknowledged = false;
            }
            Event::DaemonStopped { .. } => self.running = None,
            Event::Paused { by } => self.paused_by = Some(by.clone()),
            Event::Resumed { .. } => self.paused_by = None,
            Event::TurboSet { until, .. } => self.turbo_until = *until,
            Event::AgentRefused { agent, message, .. } => {
                let refused = Login::Refused { message: message.clone(), since: at };
                self.logins.insert(agent.clone(), refused);
            }
            Event::AgentCleared { agent, .. } => {
                if let Some(login) = self.logins.get_mut(agent) {
                    login.doubt(at);
                }
            }
            Event::AgentAccepted { agent } => {
                if let Some(login) = self.logins.get_mut(agent) {
                    login.prove();
                }
            }
            Event::ProviderSet { by, provider } => {
                let chosen = provider.clone();
                self.provider = chosen.map(|agent| ProviderChoice { agent, by: by.clone() });
            }
            Event::StopJudged { verdict } => self.verdicts.add(verdict.clone(), at),
            Event::StopAcknowledged { .. } => {
                self.verdicts = Verdicts { open: Vec::new(), acknowledged: true };
            }
            _ => self.inbox.evolve(event),
        }
    }

    /// Whether turbo is on at `now`.
    #[must_use]
    pub fn turbo_at(&self, now: Timestamp) -> bool {
        self.turbo_until.is_some_and(|until| now < until)
    }

    /// What the end of a turn of `agent` that began at `began` shows that is not known yet.
    #[must_use]
    pub fn shown(&self, agent: &str, began: Timestamp, report: &TurnReport) -> Option<Shown> {
        let refused = was_refused(report);
        match self.logins.get(agent) {
            None => refused.then_some(Shown::Refused),
            Some(Login::Refused { .. }) => None,
            Some(Login::Unproven { since, .. } | Login::Proven { since }) if began < *since => None,
            Some(Login::Unproven { .. } | Login::Proven { .. }) if refused => Some(Shown::Refused),
            Some(Login::Unproven { .. }) => was_let_in(report).then_some(Shown::Accepted),
            Some(Login::Proven { .. }) => None,
        }
    }

    /// Agents that are refused, and what they said.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        self.logins.iter().filter_map(|(agent, login)| match login {
            Login::Refused { message, .. } => Some((agent.as_str(), message.as_str())),
            Login::Unproven { .. } | Login::Proven { .. } => None,
        })
    }
}

impl Login {
    fn doubt(&mut self, since: Timestamp) {
        if let Self::Refused { message, .. } = self {
            *self = Self::Unproven { message: std::mem::take(message), since };
        }
    }

    fn prove(&mut self) {
        if let Self::Unproven { since, .. } = self {
            *self = Self::Proven { since: *since };
        }
    }
}

fn was_refused(report: &TurnReport) -> bool {
    matches!(&report.ending, TurnEnding::Failed { failure } if failure.class == FailureClass::Authentication)
}

/// Whether the provider must have let the agent in: it answered something, or counts what it uses.
fn was_let_in(report: &TurnReport) -> bool {
    let answered = match &report.ending {
        TurnEnding::Completed | TurnEnding::Stuck { .. } => true,
        TurnEnding::Failed { failure } => match failure.class {
            FailureClass::Agent
            | FailureClass::Throttled { .. }
            | FailureClass::Quota { .. }
            | FailureClass::ContextOverflow => true,
            FailureClass::Infrastructure
            | FailureClass::Budget
            | FailureClass::Authentication
            | FailureClass::Configuration
            | FailureClass::Cancelled => false,
        },
        TurnEnding::TimedOut { .. } | TurnEnding::Cancelled => false,
    };
    answered || report.tool_calls > 0 || report.usage.output_tokens > 0
}

#[cfg(test)]
mod tests;
