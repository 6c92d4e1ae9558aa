//! `scripted-agent` (hidden): the stand-in for a coding agent, as a process of its own.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;

use crate::agents::scripted::engine::{self, Cue};
use crate::runtime::clock::{Clock as _, SystemClock};

use super::entry::Context;

/// Longest prompt that is read, in bytes.
const LONGEST_PROMPT: u64 = 64 * 1024 * 1024;

/// Play a script instead of asking a model: the prompt comes on standard input
#[derive(Debug, Args)]
pub(super) struct ScriptedAgent {
    /// The script
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Ignored: arguments that real agents would understand
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

pub(super) fn execute(context: &Context, arguments: &ScriptedAgent) -> u8 {
    let mut prompt = Vec::new();
    // A prompt that cannot be read fits no step, which the script's player says.
    let _unread = std::io::stdin().lock().take(LONGEST_PROMPT).read_to_end(&mut prompt);
    let prompt = String::from_utf8_lossy(&prompt);
    let cue = Cue::from_variables(&context.surroundings.variables, SystemClock.now());
    let code = engine::play(&arguments.script, &prompt, &cue, &mut std::io::stdout().lock());
    u8::try_from(code).unwrap_or(1)
}
