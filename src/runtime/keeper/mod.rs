//! Keepers: each agent runs under a small process of its own, so that it goes on when the daemon does not.
//!
//! Responsible for what daemon and keeper say to each other ([`wire`]), for the keeper itself ([`host`]: the hidden
//! subcommand `keeper`), and for the daemon's end ([`client`]). A keeper owns one agent's whole conversation: it reads and
//! answers it, keeps both clocks, ends it, judges its turn, and leaves the outcome beside the journal. It decides nothing
//! else, knows no configuration and writes to no log: what an outcome means is decided by the daemon that consumes it.

pub mod client;
pub mod host;
mod line;
pub mod place;
mod serving;
pub mod wire;

/// Name of the hidden subcommand that is a keeper.
pub const SUBCOMMAND: &str = "keeper";

#[cfg(test)]
mod tests;
