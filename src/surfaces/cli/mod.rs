//! The command line.
//!
//! Responsible for turning arguments into one role of the process ([`entry`]), each in a file named after its subcommand,
//! and for the words and exit codes of everything that goes wrong ([`errors`]). Talks to a running daemon over its
//! socket; where none runs, reads the log itself, or takes the state directory for the moment it needs ([`offline`]).

mod actor;
mod analyze;
mod arguments;
mod configuration;
mod demo;
mod discord;
mod doctor;
mod drain;
pub mod entry;
pub mod errors;
mod exec;
mod format;
mod hand_over;
mod hosting;
mod init;
mod keeper;
mod lane;
mod offline;
mod operate;
mod provider;
mod receipts;
#[cfg(test)]
mod reference;
mod responses_agent;
mod run;
mod screen;
mod scripted_agent;
mod signals;
mod simulate;
mod start;
mod status;
mod stop;
pub mod surroundings;
mod task;
mod validate;
mod why;
mod workflows;
