//! Which agents do the work, as it goes over the socket and into `--json`.

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;
use crate::runtime::engine;

use super::views::optional_instant;

/// Another agent than configured does a stage's turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchView {
    /// The stage.
    pub stage: String,
    /// The agent whose turns they are by rights.
    pub from: String,
    /// The agent that does them.
    pub to: String,
    /// All that as a sentence, with the reason.
    pub reason: String,
    /// When they go back, if that is known.
    #[serde(with = "optional_instant")]
    pub until: Option<Timestamp>,
}

impl From<engine::SwitchView> for SwitchView {
    fn from(view: engine::SwitchView) -> Self {
        let engine::SwitchView { stage, from, to, reason, until } = view;
        Self { stage: stage.to_owned(), from, to, reason, until }
    }
}

/// The default provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// Name of the agent that counts.
    pub agent: String,
    /// The configuration's own.
    pub configured: String,
    /// Who chose another one, if that counts.
    pub chosen_by: Option<String>,
    /// Why a choice that was made does not count.
    pub remark: Option<String>,
    /// The configured agents.
    pub agents: Vec<AgentView>,
}

impl From<engine::ProviderView> for ProviderView {
    fn from(view: engine::ProviderView) -> Self {
        let engine::ProviderView { agent, configured, chosen_by, remark, agents } = view;
        let agents = agents.into_iter().map(AgentView::from).collect();
        Self { agent, configured, chosen_by, remark, agents }
    }
}

/// A configured agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// Its name.
    pub name: String,
    /// How it is driven (`claude`, …).
    pub kind: String,
    /// Why it cannot be used here; absent when it can.
    pub unusable: Option<String>,
    /// Why it may not do the stages that only read; absent when it may.
    pub unfit_to_judge: Option<String>,
    /// Why it cannot work at the moment.
    pub obstacle: Option<String>,
    /// When that is over, if it is known.
    #[serde(with = "optional_instant")]
    pub obstacle_until: Option<Timestamp>,
    /// Who stands in for it.
    pub failover: Vec<String>,
}

impl From<engine::AgentView> for AgentView {
    fn from(view: engine::AgentView) -> Self {
        Self {
            name: view.name,
            kind: view.kind.to_owned(),
            unusable: view.unusable,
            unfit_to_judge: view.unfit_to_judge,
            obstacle: view.obstacle,
            obstacle_until: view.obstacle_until,
            failover: view.failover,
        }
    }
}
