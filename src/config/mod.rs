//! The configuration: `config.toml` and what surrounds it, parsed once, at the edge.
//!
//! Responsible for turning the file, `.env` and `ENACT_FACTORY_*` variables into the validated settings of every
//! component, reporting *all* mistakes at once with their place and a hint. One file per section holds its keys and
//! what is made of them; [`reference`] renders the keys for people. Never reads anything after loading, never changes
//! the process environment, never shows a value that came out of the environment. Nobody but `main` and `daemon` knows
//! this module.

mod agent_environment;
mod agents;
mod autonomous;
mod azdo;
mod budget;
mod check;
mod context;
pub mod daemon;
mod decomposition;
pub mod discord;
mod document;
mod dotenv;
pub mod environment;
mod failover;
mod gateway;
mod github;
pub mod http;
pub mod keeper;
pub mod load;
mod local;
mod measures;
pub mod offering;
pub mod overrides;
mod pace;
mod projects;
pub mod reference;
pub mod report;
pub mod retention;
mod sandbox;
pub mod schedule;
mod schema;
mod secret;
mod section;
pub mod settings;
mod slots;
mod sources;
mod stages;
pub mod store;
mod substitute;
mod wip;

#[cfg(test)]
mod tests;

/// The commented configuration that `init` writes: every key with its default.
#[must_use]
pub fn scaffold() -> String {
    include_str!("../../config.toml.example").to_owned()
}
