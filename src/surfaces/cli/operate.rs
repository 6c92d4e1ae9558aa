//! `approve`, `reject`, `cancel`, `retry`, `pause`, `resume`, `turbo`, `agent`, `heartbeat`: one command each.
//!
//! They go to the running daemon. Where none runs, this process takes the state directory for a moment and records the
//! command itself; the next daemon does what follows from it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::domain::command::Command;
use crate::runtime::engine::Reply;
use crate::surfaces::control::client::Client;

use super::entry::Context;
use super::errors::{self, CliError};
use super::screen::Tone;
use super::{actor, configuration, hosting, offline};

/// How often a daemon that is starting or stopping is looked for.
const LOOKS: u32 = 20;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);

const JSON: &str = "\
JSON: {\"accepted\": bool, \"message\": text, \"item\": id or null, \"run\": id or null, \"daemon\": bool}

Exit codes: 0 accepted, 1 refused.";

macro_rules! with_target {
    ($(#[$doc:meta])* $name:ident, $verb:literal, $variant:ident) => {
        $(#[$doc])*
        #[derive(Debug, Args)]
        #[command(after_help = format!(
            "Examples:\n  enact-factory {verb} DEMO-1\n  enact-factory {verb} local/DEMO-1\n\n{JSON}", verb = $verb
        ))]
        pub(super) struct $name {
            /// Identifier of an item, `source/identifier`, or a run (long or short id)
            #[arg(value_name = "ID")]
            target: String,
        }

        impl $name {
            pub(super) fn command(self) -> Command {
                Command::$variant { target: self.target }
            }
        }
    };
}

with_target!(
    /// Let agents start on an item that waits for approval
    Approve, "approve", Approve
);
with_target!(
    /// Refuse an item that waits for approval; `retry` asks again
    Reject, "reject", Reject
);
with_target!(
    /// Stop a run, or give up an item
    ///
    /// Work in progress is saved on a private ref before the worktree is removed. Without a running daemon the
    /// cancellation is recorded, and the next daemon ends what is left of the run.
    Cancel, "cancel", Cancel
);

with_target!(
    /// Stop a run at once; the same as `cancel`
    Abort, "abort", Cancel
);

macro_rules! with_words {
    ($(#[$doc:meta])* $name:ident, $verb:literal) => {
        $(#[$doc])*
        #[derive(Debug, Args)]
        #[command(after_help = format!(
            "Examples:\n  enact-factory {verb} DEMO-1 \"leave the tests alone\"\n\n{JSON}", verb = $verb
        ))]
        pub(super) struct $name {
            /// Identifier of an item, `source/identifier`, or a run (long or short id)
            #[arg(value_name = "ID")]
            target: String,
            /// What to say
            #[arg(value_name = "TEXT")]
            text: String,
        }

        impl $name {
            pub(super) fn command(self) -> Command {
                Command::$name { target: self.target, text: self.text }
            }
        }
    };
}

with_words!(
    /// Tell an agent at work to do something differently, now
    ///
    /// The answer says what became of it: injected at this turn, queued for the next one (the agent takes nothing during a
    /// turn but could, or none is at work just now), or not delivered and why.
    Steer, "steer"
);
with_words!(
    /// Tell a run something that its next turn shall know
    FollowUp, "follow-up"
);

/// Put an item that failed, was rejected or waits for a person back to work
#[derive(Debug, Args)]
#[command(after_help = format!(
    "Examples:\n  enact-factory retry DEMO-1\n  enact-factory retry DEMO-1 --note \"use the existing parser\"\n\n{JSON}"
))]
pub(super) struct Retry {
    /// Identifier of an item, `source/identifier`, or a run (long or short id)
    #[arg(value_name = "ID")]
    target: String,
    /// What the next run should know
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    note: String,
}

impl Retry {
    pub(super) fn command(self) -> Command {
        Command::Retry { target: self.target, note: self.note }
    }
}

/// Start no new runs; runs under way go on
#[derive(Debug, Args)]
#[command(after_help = JSON)]
pub(super) struct Pause {}

impl Pause {
    pub(super) fn command(self) -> Command {
        Command::Pause
    }
}

/// Start new runs again
#[derive(Debug, Args)]
#[command(after_help = JSON)]
pub(super) struct Resume {}

impl Resume {
    pub(super) fn command(self) -> Command {
        Command::Resume
    }
}

/// Raise both pace caps for some hours
#[derive(Debug, Args)]
#[command(after_help = format!(
    "Examples:\n  enact-factory turbo 3\n  enact-factory turbo 0          as usual again\n\n{JSON}"
))]
pub(super) struct Turbo {
    /// Hours from now; 0 turns it off
    #[arg(value_parser = clap::value_parser!(u32).range(0..=168))]
    hours: u32,
}

impl Turbo {
    pub(super) fn command(self) -> Command {
        Command::Turbo { hours: self.hours }
    }
}

/// Say that an agent is signed in again after its provider did not let it in
///
/// Everything that needs a refused agent waits, and `status` names it. After this one run tries it; when that is let in,
/// the others follow. A reload of the configuration and a new daemon have the same effect.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  enact-factory agent claude ok\n\n{JSON}"))]
pub(super) struct Agent {
    /// Its name in the configuration
    #[arg(value_name = "NAME")]
    name: String,
    /// What to say of it
    #[arg(value_name = "WORD")]
    word: AgentWord,
}

/// What can be said of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AgentWord {
    /// It is signed in.
    Ok,
}

impl Agent {
    pub(super) fn command(self) -> Command {
        match self.word {
            AgentWord::Ok => Command::AgentOk { agent: self.name },
        }
    }
}

/// Look at the work items and plan now instead of at the next scheduled time
#[derive(Debug, Args)]
#[command(after_help = JSON)]
pub(super) struct Heartbeat {}

impl Heartbeat {
    pub(super) fn command(self) -> Command {
        Command::Heartbeat
    }
}

pub(super) async fn execute(context: &Context, command: Command) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let setup = hosting::setup(context, settings);
    let root = &setup.settings.daemon.state_dir;
    let actor = actor::of(&context.surroundings);
    let cancels = matches!(command, Command::Cancel { .. });
    let mut looks = 0;
    let (reply, daemon) = loop {
        if let Some(mut client) = Client::connect(root).await? {
            break (client.submit(command, &actor).await?, true);
        }
        if command == Command::Heartbeat {
            return Err(no_daemon().hint("`enact-factory start` starts it, and it plans at once"));
        }
        match offline::carry_out(&setup, command.clone(), actor.clone()).await {
            // A daemon that has its directory and no socket yet is just starting; or it is stopping.
            Err(error) if error.code == errors::HELD && looks < LOOKS => {
                looks += 1;
                tokio::time::sleep(PAUSE).await;
            }
            carried_out => break (carried_out?, false),
        }
    };
    show(context, &reply, daemon, cancels)
}

fn show(context: &Context, reply: &Reply, daemon: bool, cancels: bool) -> Result<u8, CliError> {
    let screen = &context.screen;
    let code = if reply.accepted { errors::OK } else { errors::FAILURE };
    if screen.json {
        screen.object(&json!({
            "accepted": reply.accepted,
            "message": reply.message,
            "item": reply.item,
            "run": reply.run,
            "daemon": daemon,
        }));
        return Ok(code);
    }
    if !reply.accepted {
        return Err(CliError::failure(reply.message.clone()));
    }
    let subject = reply.item.as_ref().map(|item| format!("{item}: ")).unwrap_or_default();
    let message = match (cancels, daemon, reply.run) {
        (true, false, Some(_)) => {
            "cancelled: its agent is being stopped; the next daemon ends what is left of its run"
        }
        _ => reply.message.as_str(),
    };
    screen.line(format!("{subject}{}", screen.paint(Tone::Good, message)));
    if !daemon {
        screen.note("no daemon is running; this is on record and counts when one starts");
    }
    Ok(code)
}

/// What cannot be done without a daemon.
fn no_daemon() -> CliError {
    CliError::failure("no daemon is running")
}
