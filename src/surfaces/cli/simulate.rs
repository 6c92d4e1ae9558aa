//! `simulate`: a scenario played without agents, without git and without waiting.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::runtime::simulation::simulate;

use super::entry::Context;
use super::errors::{self, CliError};

/// Play a scenario: the real planner, pipeline and event log, with simulated agents, people and deaths
///
/// Nothing is started and nothing is written: hours pass in milliseconds, and the same scenario always prints the same.
/// Says what happened when, where every item stands, what the planner says of it, and whether any rule was broken.
///
/// Exit codes: 0 it was played and no rule was broken, 1 one was or the scenario has a mistake.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory simulate night.toml
  enact-factory simulate night.toml --json | jq '.items[] | {item, status, runs}'

A scenario (every list is played in order, the last entry is repeated; times count from the beginning):
  [policy]
  max_rounds = 3                     # also: pace, slots, wip, approval, blocked_hours, item_budget, day_budget, …
  [[item]]
  id = \"DEMO-1\"
  coder = [\"12m $0.40 change src/a.rs\", \"quota 2h\", \"change\"]
  critic = [\"4m revise: there is no test\", \"approve\"]
  checks = [\"pass\"]
  [[event]]
  at = \"15m\"
  crash = \"30s\"                      # also: stop, command, edit, delete, damage, commit, agent, tracker_down

JSON: {\"title\", \"began\", \"ended\", \"daemons\", \"appends\", \"lines\": [{\"at\", \"who\", \"what\"}], \"items\": [item],
\"report\", \"receipts\": {\"events\", \"streams\", \"problems\", \"open_effects\"}, \"violations\"}; times in ms since 1970")]
pub(super) struct Simulate {
    /// File with the scenario (TOML)
    #[arg(value_name = "FILE")]
    scenario: PathBuf,
}

pub(super) fn execute(context: &Context, arguments: &Simulate) -> Result<u8, CliError> {
    let screen = &context.screen;
    let path = arguments.scenario.display();
    let text = fs::read_to_string(&arguments.scenario)
        .map_err(|error| CliError::failure(format!("cannot read {path}: {error}")))?;
    let simulated = simulate(&text).map_err(|mistake| {
        let (line, column, message) = (mistake.line, mistake.column, mistake.message);
        let error = CliError::failure(format!("{path}:{line}:{column}: {message}"));
        match mistake.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    if screen.json {
        screen.object(&simulated);
    } else {
        screen.line(simulated.to_string().trim_end());
    }
    Ok(if simulated.is_sound() { errors::OK } else { errors::FAILURE })
}
