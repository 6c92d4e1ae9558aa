//! `scripted-agent` (hidden): the stand-in for a coding agent, as a process of its own.

use std::path::PathBuf;

use clap::Args;

use crate::agents::scripted::engine::{self, Cue};
use crate::runtime::clock::{Clock as _, SystemClock};

use super::entry::Context;

/// Play a script instead of asking a model: the prompt comes on standard input
#[derive(Debug, Args)]
pub(super) struct ScriptedAgent {
    /// The script
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// `--sessions` keeps conversations; the rest is ignored: arguments that real agents would understand
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

pub(super) fn execute(context: &Context, arguments: &ScriptedAgent) -> u8 {
    let variables = &context.surroundings.variables;
    let mut cue = Cue::from_variables(variables, SystemClock.now());
    if arguments.rest.iter().any(|argument| argument == "--sessions") {
        cue.sessions = variables.get("HOME").map(|home| PathBuf::from(home).join(engine::SESSIONS));
    }
    let (mut stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    let code = engine::play(&arguments.script, &mut stdin, &cue, &mut stdout);
    u8::try_from(code).unwrap_or(1)
}
