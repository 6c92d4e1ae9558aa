//! # enact-factory
//!
//! A daemon that works while people don't: it picks up work items, decides which may run and why the others may not,
//! drives coding agents through coder/critic pipelines in git worktrees, and keeps a hash-linked record of it all.
//!
//! In reading order (each may use the modules above it; `tests/it/tidy` enforces the arrows):
//!
//! - the pure core, without async, I/O, clock, randomness or environment: [`domain`], [`planner`], [`locale`],
//!   [`pipeline`];
//! - ports and adapters: [`process`], [`agents`], [`http`], [`trackers`], [`forges`],
//!   [`workspaces`], [`store`];
//! - the runtime, where the core meets the world: [`runtime`];
//! - surfaces, which parse and render and nothing else: [`surfaces`];
//! - the composition root [`daemon`], its [`config`], and [`telemetry`].

pub mod agents;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod forges;
pub mod http;
pub mod locale;
pub mod pipeline;
pub mod planner;
pub mod process;
pub mod runtime;
pub mod store;
pub mod surfaces;
pub mod telemetry;
pub mod trackers;
pub mod workspaces;

// Services that adapters are tested against, here and from outside; each once, whoever asks it.
#[cfg(test)]
#[path = "../tests/it/support/azure/mod.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod fake_azure;
#[cfg(test)]
#[path = "../tests/it/support/github/mod.rs"]
#[expect(dead_code, reason = "shared with the integration tests")]
mod fake_github;
