//! The daemon's own durable switches: pause, turbo and the default provider.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::provider::ProviderChoice;
use super::time::Timestamp;

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
    /// The default provider that somebody chose instead of the configuration's.
    pub provider: Option<ProviderChoice>,
}

impl OpsState {
    /// Takes one event into account. Total: events of other streams change nothing.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::DaemonStarted { instance, epoch, .. } => {
                self.epoch = *epoch;
                self.running = Some(instance.clone());
            }
            Event::DaemonStopped { .. } => self.running = None,
            Event::Paused { by } => self.paused_by = Some(by.clone()),
            Event::Resumed { .. } => self.paused_by = None,
            Event::TurboSet { until, .. } => self.turbo_until = *until,
            Event::ProviderSet { by, provider } => {
                let chosen = provider.clone();
                self.provider = chosen.map(|agent| ProviderChoice { agent, by: by.clone() });
            }
            _ => {}
        }
    }

    /// Whether turbo is on at `now`.
    #[must_use]
    pub fn turbo_at(&self, now: Timestamp) -> bool {
        self.turbo_until.is_some_and(|until| now < until)
    }
}
