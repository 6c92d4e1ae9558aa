//! From arguments to an exit code.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use super::arguments::{Arguments, Role};
use super::errors::{self, CliError};
use super::screen::Screen;
use super::surroundings::Surroundings;
use super::{
    analyze, demo, doctor, drain, exec, hand_over, init, keeper, lane, operate, provider, receipts,
    responses_agent, run, scripted_agent, simulate, start, status, stop, validate, why,
};

/// How long what is still going on in threads may take after the role is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What every subcommand works with.
pub(super) struct Context {
    /// What the process was given.
    pub(super) surroundings: Surroundings,
    /// The configuration file that was named.
    pub(super) config: Option<PathBuf>,
    /// How much log output was asked for.
    pub(super) verbosity: u8,
    /// Where output goes.
    pub(super) screen: Screen,
}

/// Runs the role that the arguments ask for, to its end.
#[must_use]
pub fn run(surroundings: &Surroundings) -> ExitCode {
    let arguments = match Arguments::try_parse_from(&surroundings.arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to standard output and is no mistake.
            let _gone = error.print();
            return ExitCode::from(if error.use_stderr() { errors::USAGE } else { errors::OK });
        }
    };
    let verbosity = arguments.global.verbose;
    let screen = Screen::new(surroundings, arguments.global.json, verbosity > 0);
    let context = Context {
        surroundings: surroundings.clone(),
        config: arguments.global.config,
        verbosity,
        screen,
    };
    match perform(&context, arguments.role) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            context.screen.error(&error);
            ExitCode::from(error.code)
        }
    }
}

fn perform(context: &Context, role: Role) -> Result<u8, CliError> {
    match role {
        Role::Init(arguments) => init::execute(context, &arguments),
        Role::Validate(arguments) => block_on(validate::execute(context, &arguments)),
        Role::Doctor(arguments) => block_on(doctor::execute(context, &arguments)),
        Role::Start(arguments) => block_on(start::execute(context, &arguments)),
        Role::Run(arguments) => block_on(run::execute(context, &arguments)),
        Role::Exec(arguments) => block_on(exec::execute(context, &arguments)),
        Role::Status(arguments) => block_on(status::execute(context, &arguments)),
        Role::Why(arguments) => block_on(why::execute(context, &arguments)),
        Role::Approve(it) => block_on(operate::execute(context, it.command())),
        Role::Reject(it) => block_on(operate::execute(context, it.command())),
        Role::Cancel(it) => block_on(operate::execute(context, it.command())),
        Role::Abort(it) => block_on(operate::execute(context, it.command())),
        Role::Steer(it) => block_on(operate::execute(context, it.command())),
        Role::FollowUp(it) => block_on(operate::execute(context, it.command())),
        Role::Retry(it) => block_on(operate::execute(context, it.command())),
        Role::Pause(it) => block_on(operate::execute(context, it.command())),
        Role::Resume(it) => block_on(operate::execute(context, it.command())),
        Role::Turbo(it) => block_on(operate::execute(context, it.command())),
        Role::Agent(it) => block_on(operate::execute(context, it.command())),
        Role::Provider(it) => block_on(provider::execute(context, it)),
        Role::Heartbeat(it) => block_on(operate::execute(context, it.command())),
        Role::Drain(arguments) => block_on(drain::execute(context, &arguments)),
        Role::HandOver(arguments) => block_on(hand_over::execute(context, &arguments)),
        Role::Stop(arguments) => block_on(stop::execute(context, arguments)),
        Role::StopAcknowledge(it) => block_on(operate::execute(context, it.command())),
        Role::Lane(arguments) => block_on(lane::execute(context, arguments)),
        Role::AcknowledgeClose(it) => block_on(operate::execute(context, it.command())),
        Role::Inspect(arguments) => block_on(receipts::inspect_one(context, &arguments)),
        Role::Analyze(arguments) => block_on(analyze::execute(context, &arguments)),
        Role::Receipts(arguments) => block_on(receipts::execute(context, &arguments)),
        Role::Simulate(arguments) => simulate::execute(context, &arguments),
        Role::Demo(arguments) => block_on(demo::execute(context, &arguments)),
        Role::Keeper(arguments) => Ok(keeper::execute(context, &arguments)),
        Role::ScriptedAgent(arguments) => Ok(scripted_agent::execute(context, &arguments)),
        Role::ResponsesAgent(arguments) => block_on(responses_agent::execute(context, &arguments)),
    }
}

fn block_on(role: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failure(format!("cannot start the runtime: {error}")))?;
    let ended = runtime.block_on(Box::pin(role));
    runtime.shutdown_timeout(LAST_WORDS);
    ended
}
