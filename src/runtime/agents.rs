//! The configured agents, ready to be driven.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::agents::{AgentSettings, CommandLine, FileBody};
use crate::domain::agent::AgentKind;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::RunId;

use super::state_dir::{StateDir, private_dir, write_private};

/// Configured agents by name.
#[derive(Debug, Clone, Default)]
pub struct Agents {
    by_name: BTreeMap<String, AgentSettings>,
}

impl Agents {
    /// The agents of a configuration.
    #[must_use]
    pub fn new(by_name: BTreeMap<String, AgentSettings>) -> Self {
        Self { by_name }
    }

    /// The agent called `name`.
    ///
    /// # Errors
    /// A configuration failure that lists the names there are.
    pub fn get(&self, name: &str) -> Result<&AgentSettings, Failure> {
        self.by_name.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            let message =
                format!("no agent `{name}` is configured; there are {}", names.join(", "));
            Failure::new(FailureClass::Configuration, message)
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &AgentSettings> {
        self.by_name.values()
    }
}

/// Who a commit names as co-author.
#[must_use]
pub fn co_author(kind: AgentKind, model: Option<&str>) -> String {
    let (name, address) = match kind {
        AgentKind::Claude => ("Claude", "noreply@anthropic.com"),
        AgentKind::Codex => ("Codex", "noreply@openai.com"),
        AgentKind::Opencode => ("OpenCode", "noreply@opencode.ai"),
        AgentKind::Cursor => ("Cursor", "cursoragent@cursor.com"),
        AgentKind::Hermes => ("Hermes Agent", "agent@enact-factory.invalid"),
        AgentKind::Acp => ("ACP agent", "agent@enact-factory.invalid"),
        AgentKind::Command => ("Command agent", "agent@enact-factory.invalid"),
        AgentKind::Scripted => ("Scripted agent", "agent@enact-factory.invalid"),
        AgentKind::Responses => ("Responses agent", "agent@enact-factory.invalid"),
    };
    match model {
        Some(model) => format!("{name} ({model}) <{address}>"),
        None => format!("{name} <{address}>"),
    }
}

/// Puts the files that a command line needs in place.
///
/// # Errors
/// An infrastructure failure that says which file.
pub(super) fn place_files(command: &CommandLine) -> Result<(), Failure> {
    for file in &command.files {
        let parent = file.path.parent().unwrap_or(Path::new("/"));
        let placed = private_dir(parent).map_err(|error| error.to_string()).and_then(|()| {
            match &file.body {
                FileBody::Text(text) => {
                    write_private(&file.path, text.as_bytes()).map_err(|error| error.to_string())
                }
                FileBody::LinkTo(target) => link(&file.path, target),
            }
        });
        if let Err(error) = placed {
            return Err(Failure::infrastructure(format!("the agent's files: {error}")));
        }
    }
    Ok(())
}

/// Throws away the home that an agent had in a turn: its own notes repeat whatever the tools printed, unredacted, and
/// nothing is continued from them but what was kept of its conversation.
pub(super) fn discard_home(dirs: &StateDir, run: RunId, turn: u32) {
    discard(run, &dirs.home(run, turn));
}

/// Throws away what was kept of the conversation in a turn.
pub(super) fn discard_session(dirs: &StateDir, run: RunId, turn: u32) {
    discard(run, &dirs.session(run, turn));
}

fn discard(run: RunId, path: &Path) {
    match fs::remove_dir_all(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(run.id = %run, path = %path.display(), %error, "what an agent left could not be removed");
        }
    }
}

fn link(path: &Path, target: &Path) -> Result<(), String> {
    if fs::read_link(path).is_ok_and(|current| current == target) {
        return Ok(());
    }
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path)
            .map_err(|error| format!("cannot replace {}: {error}", path.display()))?;
    }
    symlink(target, path).map_err(|error| format!("cannot link {}: {error}", path.display()))
}
