//! One task from the command line to its end: what `run` and `exec` have in common.
//!
//! Where a daemon runs, the task is submitted to it and followed. Where none does, this process is the daemon until the
//! task is over; others can talk to it meanwhile, and if it goes away before their tasks are over, one of them takes
//! over. Submitting twice is submitting once, so every connection that is lost is simply made again.

mod attached;
pub(super) mod ending;
mod fold;
pub(super) mod progress;
mod repository;
pub(super) mod session;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::config::settings::Settings;
use crate::domain::command::Task;
use crate::domain::ids::ItemId;
use crate::runtime::clock::{Clock as _, IdSource as _, SystemClock, SystemIds};

use super::entry::Context;
use super::errors::CliError;
use super::{actor, configuration};

/// What a task may be given.
#[derive(Debug, Args)]
pub(super) struct TaskOptions {
    /// What to do; `-` reads it from standard input
    #[arg(value_name = "TASK")]
    text: String,
    /// The repository, or a directory in it
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// Model for the coder, instead of the configured one
    #[arg(short, long, value_name = "MODEL")]
    model: Option<String>,
    /// Skip the critic: green checks are enough
    #[arg(long, visible_alias = "coder-only", visible_alias = "worker-only")]
    executor_only: bool,
}

/// A task with everything that is needed to see it through.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    /// The task.
    pub(super) task: Task,
    /// Who wants it.
    pub(super) actor: String,
    /// The configuration, for when this process has to be the daemon.
    pub(super) settings: Settings,
    /// After this time, the task is cancelled.
    pub(super) timeout: Option<Duration>,
    /// What is shown meanwhile.
    pub(super) telling: Telling,
}

/// What is shown while a task is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// A line per event worth telling, and a live line on a terminal.
    Progress,
    /// Every event as an object.
    Objects,
    /// Nothing.
    Quiet,
}

/// How seeing a task through ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The task is settled or waits for a person.
    Over,
    /// The time was up and the task was cancelled.
    TimedOut,
    /// Interrupted; the task is kept.
    Interrupted {
        /// Whether a daemon goes on with it.
        goes_on: bool,
    },
    /// Interrupted twice.
    AtOnce,
    /// It cannot start, and nothing that happens by itself would change that.
    CannotStart {
        /// What holds it.
        reason: String,
        /// What a person could do.
        remedy: Option<String>,
    },
    /// Its agent is not let in by its provider, and only a person can change that. The work is kept.
    NotLetIn {
        /// What the agent said.
        reason: String,
    },
    /// The daemon that had it went away and did not come back.
    DaemonGone,
}

impl TaskOptions {
    /// The errand that the options ask for. `local` is a state directory of its own below the configured one.
    pub(super) fn errand(
        &self,
        context: &Context,
        local: bool,
        timeout: Option<Duration>,
        telling: Telling,
    ) -> Result<Errand, CliError> {
        let mut settings =
            configuration::settings(context.config.as_deref(), &context.surroundings)?;
        if local {
            keep_apart(&mut settings);
        }
        let text = self.whole_text()?;
        let path = repository::top(&context.surroundings.cwd.join(&self.path))?;
        let id = SystemIds.ordered(SystemClock.now()).simple().to_string();
        let identifier = format!("task-{}", &id[id.len() - 8..]);
        let task = Task {
            identifier,
            text,
            path,
            coder_only: self.executor_only,
            full_pipeline: false,
            model: self.model.clone(),
        };
        Ok(Errand { task, actor: actor::of(&context.surroundings), settings, timeout, telling })
    }

    fn whole_text(&self) -> Result<String, CliError> {
        let text = if self.text == "-" {
            std::io::read_to_string(std::io::stdin().lock()).map_err(|error| {
                CliError::failure(format!("cannot read the task from standard input: {error}"))
            })?
        } else {
            self.text.clone()
        };
        if text.trim().is_empty() {
            return Err(CliError::usage("the task is empty")
                .hint("say what to do: `enact-factory run \"fix the failing test\"`"));
        }
        Ok(text)
    }
}

impl Errand {
    /// The item that the task becomes.
    pub(super) fn item(&self) -> ItemId {
        let source = crate::pipeline::conclude::ONE_OFF_SOURCE;
        ItemId(format!("{source}/{}", self.task.identifier))
    }

    fn root(&self) -> &Path {
        &self.settings.daemon.state_dir
    }
}

/// The settings with a state directory of their own.
fn keep_apart(settings: &mut Settings) {
    let root = settings.daemon.state_dir.join("local");
    settings.store = crate::config::store::StoreSettings::Sqlite { path: root.join("factory.db") };
    settings.daemon.state_dir = root;
}
