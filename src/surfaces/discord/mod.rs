//! Discord: the factory from a telephone.
//!
//! Responsible for parsing what people write, press and choose there, for saying what came of it, and for the reports
//! about runs. It submits [`crate::domain::command::Command`]s and reads what every surface reads; it knows nothing else.
//! Why it is built like this: `docs/decisions/0023-discord-surface.md`.
//!
//! - [`catalogue`]: every command, defined once; [`parse`]: the one parser; [`slash`]: what Discord is told of them;
//! - [`desk`]: who it is, what is on record of it, what is answered; [`wish`]: what a parsed command wants; [`answers`]: what is said to questions;
//! - [`text`]: lengths, and foreign text that can do nothing; [`message`]: what is sent;
//!   [`cards`]: what is reported;
//! - `service`: the connection, the only part that knows serenity; left out without the feature `discord`.

pub mod answers;
pub mod cards;
pub mod catalogue;
pub mod desk;
mod helping;
pub mod message;
pub mod parse;
mod records;
#[cfg(feature = "discord")]
pub mod service;
pub mod slash;
pub mod suggestions;
pub mod text;
pub mod wish;
