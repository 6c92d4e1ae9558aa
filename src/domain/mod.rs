//! The nouns of the factory and their laws.
//!
//! Responsible for the vocabulary every other module speaks: what a work item, a run, a verdict, a failure is, what may
//! be asked ([`command`]) and what has happened ([`event`], the persisted vocabulary). Never async, never any I/O,
//! clock, randomness or environment: time and identifiers arrive as arguments.

pub mod access;
pub mod agent;
pub mod bounds;
pub mod budget;
pub mod card;
pub mod change;
pub mod closing;
pub mod command;
pub mod effect;
pub mod epic;
pub mod event;
pub mod failure;
pub mod ids;
pub mod inbox;
pub mod item_record;
pub mod lane_session;
pub mod language;
pub mod ops;
pub mod policy;
pub mod prompt_record;
pub mod provider;
pub mod pull_request;
pub mod run;
pub mod standing;
pub mod stop_policy;
pub mod time;
pub mod verdict;
pub mod work_item;
pub mod workflow;
