//! Surfaces: the ways in which people and programs talk to the factory.
//!
//! Responsible for parsing what is asked, rendering what is answered, and for every word that people read. All surfaces
//! submit the same [`crate::domain::command::Command`], read the same views and follow the same events. Never decides
//! anything about work.
//!
//! - [`control`]: the unix socket of a running daemon, both ends;
//! - [`discord`]: the same from a chat;
//! - [`http`]: the port of a running daemon, to which webhooks come;
//! - [`cli`]: the command line. It is also where the process gets its role, so it alone may use the composition root, the
//!   configuration and, for reading without a daemon, the store.

pub mod cli;
pub mod control;
pub mod discord;
pub mod http;
