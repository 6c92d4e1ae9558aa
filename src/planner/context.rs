//! What the gates look at: one item with its project, and the world with everything that is worth computing only once.

use std::collections::BTreeMap;

use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::Login;
use crate::domain::policy::{Policy, ProjectPolicy};
use crate::domain::time::Timestamp;

use super::allowance::Allowance;
use super::dependencies::Dependencies;
use super::division::parts_of_today;
use super::gates::duplicate::Twins;
use super::gates::hours::Quiet;
use super::gates::pace::Ledger;
use super::gates::parent::Family;
use super::gates::wip;
use super::staffing::Staffing;
use super::world::World;

/// Source of the items an operator submits directly (`enact-factory run`).
const ONE_OFF_SOURCE: &str = "cli";

/// One item, as the gates see it.
#[derive(Clone, Copy)]
pub(crate) struct ItemView<'a> {
    pub(crate) id: &'a ItemId,
    pub(crate) record: &'a ItemRecord,
    /// Its project, if that is configured.
    pub(crate) project: Option<&'a ProjectPolicy>,
}

impl ItemView<'_> {
    /// Whether the operator asked for it directly: what only limits the factory's own initiative does not apply then
    /// (autonomy, approval, pace, quiet hours, results in review); budgets, pause and slots do.
    pub(crate) fn is_one_off(&self) -> bool {
        self.id.source() == ONE_OFF_SOURCE
    }

    /// A command line of ours with this item as its argument.
    pub(crate) fn command(&self, verb: &str) -> String {
        format!("enact-factory {verb} {}", self.id.identifier())
    }
}

/// The world, the rules, the time, and what follows from them for all items alike.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    pub(crate) runs: BTreeMap<&'a ItemId, RunId>,
    pub(crate) dependencies: Dependencies<'a>,
    pub(crate) families: BTreeMap<&'a ItemId, Family<'a>>,
    pub(crate) twins: Twins<'a>,
    pub(crate) pace: Ledger<'a>,
    pub(crate) quiet: Option<Quiet>,
    pub(crate) in_review: Vec<&'a ItemId>,
    /// Parts of today, those that planners under way may come to included.
    pub(crate) parts_today: u32,
}

impl<'a> Context<'a> {
    /// Looks at the whole world once.
    pub(crate) fn new(world: &'a World, policy: &'a Policy, now: Timestamp) -> Self {
        let runs = world.active.iter().map(|run| (&run.item, run.run)).collect();
        Self {
            world,
            policy,
            now,
            dependencies: Dependencies::new(&world.items),
            families: super::gates::parent::families(&world.items),
            twins: Twins::new(&world.items, policy, &runs),
            pace: Ledger::new(&world.starts, &policy.pace, now),
            quiet: super::gates::hours::quiet_at(policy, now),
            in_review: wip::in_review(&world.items),
            parts_today: parts_of_today(&world.items, now).saturating_add(world.parts_planned),
            runs,
        }
    }

    /// Whether there is money for turns.
    pub(crate) fn allowance(&self) -> Allowance<'a> {
        Allowance { ledger: &self.world.spent, policy: self.policy, now: self.now }
    }

    /// Which agents do which turns.
    pub(crate) fn staffing(&self) -> Staffing<'a> {
        Staffing {
            policy: self.policy,
            provider: self.world.ops.provider.as_ref(),
            closed_windows: &self.world.closed_windows,
            not_let_in: self.world.ops.refused().chain(self.tried()).collect(),
            unavailable: &self.world.unavailable_agents,
            spent: &self.world.spent,
            now: self.now,
        }
    }

    /// Doubtful agents that a run under way tries, and why they were refused before.
    fn tried(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let world = self.world;
        world.ops.logins.iter().filter_map(move |(agent, login)| match login {
            Login::Unproven { message, .. } if world.trying.contains(agent) => {
                Some((agent.as_str(), message.as_str()))
            }
            Login::Refused { .. } | Login::Unproven { .. } | Login::Proven { .. } => None,
        })
    }

    /// Every item of the world, by identity.
    pub(crate) fn views(&self) -> impl Iterator<Item = ItemView<'a>> + use<'a> {
        let policy = self.policy;
        self.world.items.iter().map(move |(id, record)| ItemView {
            id,
            record,
            project: policy.project_of(record.item.project.as_ref()),
        })
    }
}
