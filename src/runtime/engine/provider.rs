//! The default provider: which agent does the turns of the stages that name none of their own, who may be that, and what
//! people see of it.

use serde::Serialize;

use crate::domain::agent::Stage;
use crate::domain::event::Event;
use crate::domain::ops::Login;
use crate::domain::run::StageSet;
use crate::domain::time::Timestamp;

use super::commands::{accepted, refused};
use super::{Engine, Reply};

/// The default provider, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A configured agent, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentView {
    /// Its name.
    pub name: String,
    /// How it is driven.
    pub kind: &'static str,
    /// Why it cannot be used here; absent when it can.
    pub unusable: Option<String>,
    /// Why it may not do the stages that only read; absent when it may.
    pub unfit_to_judge: Option<String>,
    /// Why it cannot work at the moment.
    pub obstacle: Option<String>,
    /// When that is over, if it is known.
    pub obstacle_until: Option<Timestamp>,
    /// Who stands in for it.
    pub failover: Vec<String>,
}

impl Engine {
    /// Makes another agent the default provider, for turns that have not begun; or the configuration's own again.
    pub(super) fn set_provider(
        &mut self,
        provider: Option<String>,
        actor: &str,
        now: Timestamp,
    ) -> Reply {
        if let Some(agent) = &provider
            && let Some(reason) = self.unfit_as_default(agent)
        {
            return refused(&reason);
        }
        let before = self.ops.provider.as_ref().map(|choice| &choice.agent);
        let again = before == provider.as_ref();
        let message = self.about_provider(provider.as_deref(), again);
        if !again {
            self.record_ops(Event::ProviderSet { by: actor.to_owned(), provider }, now);
            self.plan(now);
        }
        accepted(&message, None, None)
    }

    fn about_provider(&self, provider: Option<&str>, again: bool) -> String {
        let configured = &self.policy.default_agent;
        let scope = if self.stages_in_use().any(|(_, stages)| !following(stages).is_empty()) {
            "turns under way go on with their agents, the next ones are its own"
        } else {
            "but every stage names an agent of its own, so that none changes"
        };
        match (provider, again) {
            (Some(agent), true) => format!("{agent} is the default provider already"),
            (Some(agent), false) => format!("{agent} is the default provider now: {scope}"),
            (None, true) => {
                format!("{configured} is the default provider already, as the configuration says")
            }
            (None, false) => {
                format!(
                    "{configured} is the default provider again, as the configuration says: {scope}"
                )
            }
        }
    }

    /// Why `agent` cannot be the default provider, and what to do about it.
    fn unfit_as_default(&self, agent: &str) -> Option<String> {
        let Some(known) = self.policy.agents.get(agent) else {
            let names: Vec<&str> = self.policy.agents.keys().map(String::as_str).collect();
            let hint = nearest(agent, &names)
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            let names = names.join(", ");
            return Some(format!("no agent `{agent}` is configured{hint} (there are {names})"));
        };
        if let Some(why) = self.unavailable_agents.get(agent) {
            return Some(format!(
                "agent {agent} cannot be used: {why}; `enact-factory doctor` says what to do"
            ));
        }
        if let Some(Login::Refused { message, .. }) = self.ops.logins.get(agent) {
            return Some(format!(
                "agent {agent} is not let in: {message}; sign it in, then `enact-factory agent {agent} ok`"
            ));
        }
        let why = known.unfit_to_judge.as_ref()?;
        let (project, stage) = self.stages_in_use().find_map(|(project, stages)| {
            let stage = following(stages).into_iter().find(|stage| !stage.writes())?;
            Some((project, stage))
        })?;
        let stage = stage.word();
        let of = project.map(|project| format!(" of project {project}")).unwrap_or_default();
        Some(format!(
            "{why}, and the {stage}{of} follows the default provider; give the {stage} an `adapter` of its own, confine \
             agents (`sandbox.mode`), or vouch for it: `read_only_enforced = true` in [agents.{agent}]"
        ))
    }

    /// How the stages are driven: in general, and in each project that says so itself.
    fn stages_in_use(&self) -> impl Iterator<Item = (Option<&str>, &StageSet)> {
        let own =
            self.policy.projects.values().filter_map(|project| {
                Some((Some(project.id.as_str()), project.stages.as_deref()?))
            });
        std::iter::once((None, &self.policy.stages)).chain(own)
    }

    /// Why the default provider that somebody chose does not count.
    #[must_use]
    pub fn void_choice(&self, now: Timestamp) -> Option<String> {
        self.staffing(now).void_choice()
    }

    pub(super) fn provider_view(&self, now: Timestamp) -> ProviderView {
        let staffing = self.staffing(now);
        let remark = staffing.void_choice();
        let choice = self.ops.provider.as_ref().filter(|_| remark.is_none());
        let agents = self.policy.agents.iter().map(|(name, known)| {
            let obstacle = staffing.obstacle(name);
            AgentView {
                name: name.clone(),
                kind: known.kind.word(),
                unusable: self.unavailable_agents.get(name).cloned(),
                unfit_to_judge: known.unfit_to_judge.clone(),
                obstacle_until: obstacle.as_ref().and_then(|it| it.until()),
                obstacle: obstacle.map(|it| it.to_string()),
                failover: known.failover.clone(),
            }
        });
        ProviderView {
            agent: choice.map_or(&self.policy.default_agent, |choice| &choice.agent).clone(),
            configured: self.policy.default_agent.clone(),
            chosen_by: choice.map(|choice| choice.by.clone()),
            remark,
            agents: agents.collect(),
        }
    }
}

/// The stages that name no agent of their own.
fn following(stages: &StageSet) -> Vec<Stage> {
    let follows = |stage: &Stage| stages.of(*stage).is_some_and(|plan| plan.follows_default);
    Stage::ALL.into_iter().filter(follows).collect()
}

/// The name that was probably meant, if one is near enough.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .filter(|(distance, known)| *distance <= 1.max(known.len() / 3))
        .min()
        .map(|(_, known)| known)
}
