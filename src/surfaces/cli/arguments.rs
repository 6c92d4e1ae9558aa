//! The command line as clap sees it: global options and one variant per subcommand.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::{
    analyze, demo, doctor, drain, exec, hand_over, init, keeper, lane, operate, provider, receipts,
    responses_agent, run, scripted_agent, simulate, start, status, stop, validate, why,
};

const ABOUT: &str = "A daemon that works while people don't: picks up work items, drives coding agents through a \
                     coder/critic pipeline in git worktrees, and keeps a verifiable record of it all.";

const EXAMPLES: &str = "\
Examples:
  enact-factory demo                                 watch it work on a throw-away repository
  enact-factory init                                 write a commented config.toml
  enact-factory doctor                               is everything there that it needs?
  enact-factory run \"fix the failing test\" -p ~/app   one task, with progress
  enact-factory start                                the daemon, in the foreground
  enact-factory status                               what is going on
  enact-factory why DEMO-1                           why an item runs or does not run

Configuration: the file given with --config; else config.toml in the working directory; else
~/.config/enact-factory/config.toml; else defaults.

Exit codes: 0 it worked, 1 it did not, 2 and more as the subcommand's help says, 64 wrong arguments,
75 another process holds the state directory, 78 wrong configuration, 130 interrupted.";

/// Everything that was typed.
#[derive(Debug, Parser)]
#[command(
    name = "enact-factory",
    version,
    about = ABOUT,
    after_help = EXAMPLES,
    max_term_width = 110,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) role: Role,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// Configuration file
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) config: Option<PathBuf>,
    /// Data as JSON, with the field names described in the subcommand's help; errors too
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// More detail; twice for even more log lines
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

/// What the process is to be.
#[derive(Debug, Subcommand)]
pub(super) enum Role {
    Init(init::Init),
    Validate(validate::Validate),
    Doctor(doctor::Doctor),
    Start(start::Start),
    Run(run::Run),
    Exec(exec::Exec),
    Status(status::ShowStatus),
    Why(why::Why),
    Approve(operate::Approve),
    Reject(operate::Reject),
    Cancel(operate::Cancel),
    Abort(operate::Abort),
    Steer(operate::Steer),
    FollowUp(operate::FollowUp),
    Retry(operate::Retry),
    Pause(operate::Pause),
    Resume(operate::Resume),
    Turbo(operate::Turbo),
    Agent(operate::Agent),
    Provider(provider::Provider),
    Heartbeat(operate::Heartbeat),
    Drain(drain::Drain),
    HandOver(hand_over::HandOver),
    Stop(stop::Stop),
    StopAcknowledge(stop::StopAcknowledge),
    Lane(lane::LaneArguments),
    AcknowledgeClose(stop::AcknowledgeClose),
    Inspect(receipts::inspect::Inspect),
    Analyze(analyze::Analyze),
    Receipts(receipts::Receipts),
    Simulate(simulate::Simulate),
    Demo(demo::Demo),
    #[command(name = crate::runtime::keeper::SUBCOMMAND, hide = true)]
    Keeper(keeper::Keeper),
    #[command(name = crate::agents::scripted::SUBCOMMAND, hide = true)]
    ScriptedAgent(scripted_agent::ScriptedAgent),
    #[command(name = crate::agents::responses::SUBCOMMAND, hide = true)]
    ResponsesAgent(responses_agent::ResponsesAgent),
}
