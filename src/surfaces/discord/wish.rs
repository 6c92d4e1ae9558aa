//! What a parsed command wants: a [`Command`] of the factory, an answer to a question, or a plain word that it cannot be
//! had here.

use std::collections::BTreeMap;

use crate::domain::command::{Command, Task};
use crate::domain::language::Language;
use crate::locale::fill;
use crate::runtime::engine::Status;

use super::catalogue::Action;
use super::parse::Invocation;
use super::text::neutral_line;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Something that the factory does.
    Command(Command),
    /// Something to be told.
    Question(Action),
    /// Something that cannot be, in a sentence.
    Cannot(String),
}

/// What is known where a command is understood.
pub struct Known<'a> {
    /// Configured projects, and the paths of their repositories.
    pub projects: &'a BTreeMap<String, String>,
    /// The whole picture.
    pub status: &'a Status,
    /// What stands before a command.
    pub prefix: &'a str,
    /// The language of sentences.
    pub language: Language,
    /// The message or interaction: submitting a task twice is submitting it once.
    pub message: u64,
}

impl Known<'_> {
    fn cannot(&self, name: &str, values: &[(&str, &str)]) -> Wish {
        let prefix = [("prefix", self.prefix)];
        let values: Vec<(&str, &str)> = values.iter().chain(&prefix).copied().collect();
        Wish::Cannot(fill(self.language, &format!("discord.{name}"), &values))
    }
}

/// What `invocation` wants.
#[must_use]
pub fn wish(invocation: &Invocation, known: &Known<'_>) -> Wish {
    let owned = |name: &str| invocation.get(name).unwrap_or_default().to_owned();
    let action = invocation.definition.action;
    let command = match action {
        Action::Dev => return dev(&owned("repo"), owned("task"), known),
        Action::Cancel => Command::Cancel { target: owned("task") },
        Action::Pause | Action::Resume => return pause(action, invocation, known),
        Action::AutoStart if invocation.get("cron").is_some() => {
            return known.cannot("not-cron", &[]);
        }
        Action::AutoStart => Command::Resume,
        Action::AutoStop => Command::Pause,
        Action::AutoRun => Command::Heartbeat,
        Action::Approve | Action::Reject => return approval(action, invocation, known),
        Action::PairStart => match invocation.get("task") {
            Some(task) => Command::Retry { target: task.to_owned(), note: String::new() },
            None => Command::Heartbeat,
        },
        Action::PairRun => return pair_run(invocation, known),
        Action::PairStop => return pair_stop(invocation, known),
        Action::Provider => match invocation.get("name") {
            None => return Wish::Question(action),
            Some("default") => Command::SetProvider { provider: None },
            Some(name) => Command::SetProvider { provider: Some(name.to_owned()) },
        },
        Action::Turbo => match invocation.count("hours") {
            None => return Wish::Question(action),
            Some(hours) => Command::Turbo { hours },
        },
        Action::Steer => Command::Steer { target: owned("run"), text: owned("text") },
        Action::FollowUp => Command::FollowUp { target: owned("run"), text: owned("text") },
        Action::Retry => Command::Retry { target: owned("item"), note: owned("note") },
        Action::AgentOk => Command::AgentOk { agent: owned("name") },
        Action::ScheduleList
        | Action::ScheduleRun
        | Action::ScheduleToggle
        | Action::ScheduleAdd
        | Action::ScheduleRemove => return known.cannot("not-schedule", &[]),
        Action::Ci => return known.cannot("not-ci", &[]),
        Action::MemorySearch => return known.cannot("not-memory", &[]),
        Action::Help
        | Action::Status
        | Action::DevList
        | Action::Tasks
        | Action::Log
        | Action::WorkItems
        | Action::WorkItem
        | Action::Limits
        | Action::Auto
        | Action::Pair
        | Action::PairHistory
        | Action::PairStats
        | Action::Codex
        | Action::Why => return Wish::Question(action),
    };
    Wish::Command(command)
}

fn dev(repo: &str, text: String, known: &Known<'_>) -> Wish {
    let by_name = known.projects.iter().find(|(name, _)| name.eq_ignore_ascii_case(repo));
    let by_path = || known.projects.iter().find(|(_, path)| path.as_str() == repo);
    match by_name.or_else(by_path) {
        Some((_, path)) => Wish::Command(Command::Submit {
            task: Task {
                identifier: format!("discord-{}", known.message),
                text,
                path: path.clone(),
                coder_only: false,
                full_pipeline: false,
                model: None,
            },
        }),
        None if known.projects.is_empty() => known.cannot("dev-none", &[]),
        None => known.cannot("dev-unknown", &[("repo", &neutral_line(repo))]),
    }
}

fn pause(action: Action, invocation: &Invocation, known: &Known<'_>) -> Wish {
    match invocation.get("session") {
        Some(name) if !name.eq_ignore_ascii_case("all") => {
            known.cannot("not-one-session", &[("name", &neutral_line(name))])
        }
        _ if action == Action::Pause => Wish::Command(Command::Pause),
        _ => Wish::Command(Command::Resume),
    }
}

fn approval(action: Action, invocation: &Invocation, known: &Known<'_>) -> Wish {
    let target = match invocation.get("id") {
        Some(id) => id.to_owned(),
        None => {
            let waiting = known.status.items.iter().filter(|item| item.awaits_approval);
            let waiting: Vec<&str> = waiting.map(|item| item.id.as_str()).collect();
            match waiting.as_slice() {
                [] => return known.cannot("approve-none", &[]),
                [one] => (*one).to_owned(),
                several => {
                    let items = neutral_line(&several.join(", "));
                    return known.cannot("approve-which", &[("items", &items)]);
                }
            }
        }
    };
    Wish::Command(match action {
        Action::Reject => Command::Reject { target },
        _ => Command::Approve { target },
    })
}

fn pair_run(invocation: &Invocation, known: &Known<'_>) -> Wish {
    let task = invocation.get("task").unwrap_or_default();
    match invocation.get("project") {
        Some(project) => {
            let values = [("task", neutral_line(task)), ("project", neutral_line(project))];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            known.cannot("pair-elsewhere", &values)
        }
        None => Wish::Command(Command::Retry { target: task.to_owned(), note: String::new() }),
    }
}

fn pair_stop(invocation: &Invocation, known: &Known<'_>) -> Wish {
    if let Some(session) = invocation.get("session") {
        return Wish::Command(Command::Cancel { target: session.to_owned() });
    }
    match known.status.runs.as_slice() {
        [] => known.cannot("pair-none", &[]),
        [one] => Wish::Command(Command::Cancel { target: one.id.to_string() }),
        several => {
            let items: Vec<&str> = several.iter().map(|run| run.item.as_str()).collect();
            known.cannot("pair-which", &[("items", &neutral_line(&items.join(", ")))])
        }
    }
}

#[cfg(test)]
mod tests;
