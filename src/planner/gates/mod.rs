//! The reasons an item can wait: one file per gate, each a function from an item to what holds it, if anything does.
//!
//! Gates never look at each other and never choose. What can only be known while choosing (a slot, a start in the window,
//! a twin chosen a moment ago) is asked again by `slots` with the same functions.

pub(crate) mod agent;
pub(crate) mod agent_auth;
pub(crate) mod agent_budget;
pub(crate) mod approval;
pub(crate) mod autonomy;
pub(crate) mod blocked_by;
pub(crate) mod budget;
pub(crate) mod cooldown;
pub(crate) mod day_budget;
pub(crate) mod decomposition;
pub(crate) mod duplicate;
pub(crate) mod hours;
pub(crate) mod human;
pub(crate) mod lane;
pub(crate) mod pace;
pub(crate) mod parent;
pub(crate) mod paused;
pub(crate) mod project;
pub(crate) mod project_budget;
pub(crate) mod state;
pub(crate) mod trust;
pub(crate) mod wip;

use super::context::{Context, ItemView};
use super::held::Held;

/// What every gate is.
pub(crate) type Gate = fn(&ItemView<'_>, &Context<'_>) -> Option<Held>;

/// Every gate but the slots, the most decisive first: the order of `GateName`.
pub(crate) const GATES: [Gate; 22] = [
    human::check,
    state::check,
    lane::check,
    project::check,
    parent::check,
    blocked_by::check,
    duplicate::check,
    trust::check,
    approval::check,
    budget::check,
    cooldown::check,
    agent::check,
    agent_auth::check,
    autonomy::check,
    paused::check,
    day_budget::check,
    project_budget::check,
    agent_budget::check,
    decomposition::check,
    wip::check,
    hours::check,
    pace::check,
];
