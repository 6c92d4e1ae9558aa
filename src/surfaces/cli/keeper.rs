//! `keeper` (hidden): keeps one agent, as a process of its own.

use std::io::Read as _;

use clap::Args;

use crate::runtime::keeper::host;

use super::entry::Context;
use super::errors;

/// Longest assignment that is read, in bytes: the longest prompt and its surroundings.
const LONGEST_ASSIGNMENT: u64 = 128 * 1024 * 1024;

/// Keep one agent through one turn: the assignment comes on standard input
#[derive(Debug, Args)]
pub(super) struct Keeper {}

pub(super) fn execute(context: &Context, _arguments: &Keeper) -> u8 {
    host::stand_apart();
    let mut assignment = Vec::new();
    // One that cannot be read is not whole, which the keeper says.
    let _broken = std::io::stdin().lock().take(LONGEST_ASSIGNMENT).read_to_end(&mut assignment);
    match host::keep(assignment) {
        Ok(()) => errors::OK,
        Err(error) => {
            context.screen.note(errors::chain(&error));
            errors::FAILURE
        }
    }
}
