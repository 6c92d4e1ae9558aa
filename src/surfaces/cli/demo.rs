//! `demo`: the main job, whole, on a throw-away repository.
//!
//! The daemon is the real one, started as a process of its own; so are git, the checks and the agents' processes. Only
//! what the agents "think" is written beforehand, unless a real one is asked for. The demo knows what must come of every
//! item and fails when something else does.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::entry::Context;
use super::errors::{CliError, FAILURE, OK};
use super::screen::Tone;
use super::surroundings::Surroundings;

mod cast;
mod daemon_process;
mod narration;
mod place;
mod play;
mod real_agent;
mod report;
mod verdict;
mod watch;

const EXAMPLES: &str = "\
Examples:
  enact-factory demo                    no account, no model: the agent plays a script
  enact-factory demo --agent claude     one small item with the real Claude Code
  enact-factory demo --dir ~/demo       keep everything in a directory of your choice

Exit codes: 0 everything went as it must, 1 something did not.";

/// Watch the factory work on a throw-away repository
///
/// Creates a small git repository with a failing check and some work items, runs the daemon on it with a scripted agent,
/// kills the daemon in the middle, starts it again, and shows what became of everything and why. What is left can be
/// looked at afterwards.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// Who does the work
    #[arg(long, value_enum, default_value_t = DemoAgent::Scripted)]
    agent: DemoAgent,
    /// Where to keep everything; must be empty or not there yet [default: a new temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Remove everything at the end, if all went well
    #[arg(long)]
    discard: bool,
}

/// Who does the work in a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DemoAgent {
    /// A script: no account, no model, no cost
    Scripted,
    /// Claude Code, with your login
    Claude,
    /// Codex, with your login
    Codex,
}

/// Runs the demo.
pub(super) async fn execute(context: &Context, arguments: &Demo) -> Result<u8, CliError> {
    let screen = &context.screen;
    let surroundings = &context.surroundings;
    if arguments.agent != DemoAgent::Scripted {
        real_agent::check(arguments.agent, surroundings, screen).await?;
    }
    let parts = arguments.agent.parts();
    let place =
        place::Place::make(arguments.dir.as_deref(), arguments.agent, parts, surroundings).await?;
    report::opening(&place, arguments.agent, parts, screen);
    let played = play::play(&place, arguments.agent, parts, surroundings, screen).await?;
    let verdict = verdict::reach(&place, parts, &played).await?;
    report::closing(&place, surroundings, &played, &verdict, screen);
    if !verdict.failures.is_empty() {
        for failure in &verdict.failures {
            screen.line(format!("{} {failure}", screen.paint(Tone::Bad, "✗")));
        }
        let count = verdict.failures.len();
        return Err(CliError {
            message: format!("{count} thing(s) did not go as they must; see above"),
            hint: Some(format!("the daemon's log: {}", place.daemon_log().display())),
            code: FAILURE,
        });
    }
    if arguments.discard {
        std::fs::remove_dir_all(&place.root).map_err(|error| {
            CliError::failure(format!("cannot remove {}: {error}", place.root.display()))
        })?;
        screen.line(format!("Removed {}.", place.root.display()));
    }
    Ok(OK)
}

impl DemoAgent {
    /// Its kind in the configuration.
    fn word(self) -> &'static str {
        match self {
            Self::Scripted => "scripted",
            Self::Claude => "claude",
            Self::Codex => "codex",
        }
    }

    /// What is played: with a real agent, which takes time and costs money, one item that is done and one that is held.
    fn parts(self) -> &'static [cast::Part] {
        match self {
            Self::Scripted => &cast::SCRIPTED,
            Self::Claude | Self::Codex => &cast::REAL,
        }
    }

    /// How the user's own use of the CLI reaches its provider.
    fn access(self, surroundings: &Surroundings) -> Access {
        let (variables, directory_variable, directory, file): (&[&'static str], _, _, _) =
            match self {
                Self::Scripted => return Access::default(),
                Self::Claude => (
                    &["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL"],
                    "CLAUDE_CONFIG_DIR",
                    ".claude",
                    ".credentials.json",
                ),
                Self::Codex => (&["CODEX_API_KEY"], "CODEX_HOME", ".codex", "auth.json"),
            };
        let directory = surroundings
            .variable(directory_variable)
            .map(PathBuf::from)
            .or_else(|| surroundings.home().map(|home| home.join(directory)));
        Access {
            variables: variables
                .iter()
                .copied()
                .filter(|name| surroundings.variable(name).is_some())
                .collect(),
            credentials: directory.map(|path| path.join(file)).filter(|path| path.is_file()),
        }
    }
}

/// What gives an agent access to its provider.
#[derive(Debug, Clone, Default)]
struct Access {
    /// Variables of the environment that are set.
    variables: Vec<&'static str>,
    /// The login file, if there is one.
    credentials: Option<PathBuf>,
}
