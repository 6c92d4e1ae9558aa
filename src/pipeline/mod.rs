//! A run as a machine: `decide(state, input) → events + effects`, `evolve(state, event)`; both pure, both total.
//!
//! Responsible for everything that is decided about one attempt at one work item: stages, rounds, verdicts, when it is
//! stuck, what the agents are told ([`prompt`]) and how their answers are read ([`reply`]). It never runs anything,
//! never looks at the clock, and never trusts prose.

pub mod card;
pub mod citation;
pub mod conclude;
pub mod criteria;
pub mod division;
pub mod evidence;
pub mod input;
pub mod machine;
pub mod prompt;
pub mod reply;
pub mod resumption;
pub mod state;
pub mod stuck;
pub mod workflow;
