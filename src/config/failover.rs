//! `agents.<name>.failover`: who stands in for whom, and with that what the rules say of every agent.

use std::collections::BTreeMap;

use crate::agents::AgentSettings;
use crate::domain::provider::AgentPolicy;

use super::agents::Agents;
use super::section::Section;
use super::sources::Sources;

impl Agents {
    /// What the rules say of the agents: those with a table, and those that anything names. Whoever stands in for another
    /// has to be there, and to be another.
    pub(super) fn policies(
        &mut self,
        section: &Section,
        sources: &mut Sources,
    ) -> BTreeMap<String, AgentPolicy> {
        let failover = self.failover.clone();
        for (name, others) in &failover {
            let path = section.table(name).path_of("failover");
            for (index, other) in others.iter().enumerate() {
                if other == name {
                    let message = format!("{name:?} cannot stand in for itself");
                    sources.problem(&path, &message, None);
                } else if others[..index].contains(other) {
                    sources.problem(&path, &format!("{other:?} is named twice"), None);
                } else {
                    self.require(other, &path, sources);
                }
            }
        }
        let policy = |settings: &AgentSettings| AgentPolicy {
            kind: settings.kind,
            failover: failover.get(&settings.name).cloned().unwrap_or_default(),
            unfit_to_judge: None,
        };
        self.settings.iter().map(|(name, settings)| (name.clone(), policy(settings))).collect()
    }
}
