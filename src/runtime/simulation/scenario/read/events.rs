//! `[[event]]`: what people and the world do, and when the daemon goes away.

use toml::Spanned;

use crate::domain::command::{Command, Task};
use crate::domain::time::Timestamp;

use super::super::span::Span;
use super::super::{Edit, Happening, ScenarioError, nearest, tables};
use super::{Reader, item_id};

const COMMANDS: [&str; 12] = [
    "approve",
    "reject",
    "cancel",
    "follow-up",
    "retry",
    "pause",
    "resume",
    "turbo",
    "agent",
    "provider",
    "heartbeat",
    "run",
];

impl Reader<'_> {
    pub(super) fn event(
        &self,
        written: Spanned<tables::Event>,
    ) -> Result<(Timestamp, Happening), ScenarioError> {
        let place = Spanned::new(written.span(), ());
        let event = written.into_inner();
        let at = self.start.after(event.at.0);
        let mut found = self.happenings(event)?;
        match (found.pop(), found.is_empty()) {
            (Some(happening), true) => Ok((at, happening)),
            (first, _) => {
                let message = match first {
                    Some(_) => "an event is one thing that happens, this says several",
                    None => "this event does not say what happens",
                };
                let hint = "one of command, edit, delete, damage, tracker_down, commit, agent, crash, stop";
                Err(self.wrong(&place, message.to_owned(), Some(hint.to_owned())))
            }
        }
    }

    fn happenings(&self, event: tables::Event) -> Result<Vec<Happening>, ScenarioError> {
        let by = event.by.unwrap_or_else(|| "ann".to_owned());
        let mut found = Vec::new();
        if let Some(text) = event.command {
            let command = self.command(&text)?;
            found.push(Happening::Command { command, by: by.clone(), text: text.into_inner() });
        }
        if let Some(edit) = event.edit {
            let item = self.item(&edit.item)?;
            let edit = Box::new(self.edit(edit)?);
            found.push(Happening::Edit { item, by: by.clone(), edit });
        }
        if let Some(item) = event.delete {
            found.push(Happening::Delete { item: self.item(&item)?, by: by.clone() });
        }
        if let Some(damage) = event.damage {
            let item = self.item(&damage.item)?;
            found.push(Happening::Damage { item, reason: damage.reason });
        }
        if let Some(reason) = event.tracker_down {
            found.push(Happening::TrackerDown { reason });
        }
        if let Some(commit) = event.commit {
            let project = self.project(commit.project.as_ref())?;
            let project = project
                .unwrap_or_else(|| crate::domain::ids::ProjectId::new(self.projects[0].as_str()));
            found.push(Happening::Commit { project, files: commit.files, by });
        }
        if let Some(agent) = event.agent {
            let (name, unavailable) = (agent.name, agent.unavailable);
            found.push(Happening::Agent { name, unavailable });
        }
        if let Some(down) = event.crash {
            found.push(Happening::Crash { down: down.0 });
        }
        if let Some(down) = event.stop {
            found.push(Happening::Stop { down: down.0 });
        }
        Ok(found)
    }

    fn edit(&self, written: tables::Edit) -> Result<Edit, ScenarioError> {
        Ok(Edit {
            title: written.title,
            body: written.body,
            state: self.state(written.state.as_ref())?,
            priority: self.priority(written.priority.as_ref())?,
            lane: self.lane(written.lane.as_ref())?,
            blocked_by: written
                .blocked_by
                .map(|names| names.iter().map(|name| item_id(name)).collect()),
        })
    }

    /// A command as it is typed after `enact-factory`.
    fn command(&self, written: &Spanned<String>) -> Result<Command, ScenarioError> {
        let text = written.get_ref().trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let needs = |what: &str| {
            let hint = Some(format!("write for example `{word} {what}`"));
            self.wrong(written, format!("`{word}` needs more than that"), hint)
        };
        let target = || {
            if first.is_empty() { Err(needs("DEMO-1")) } else { Ok(first.to_owned()) }
        };
        match word {
            "approve" => Ok(Command::Approve { target: target()? }),
            "reject" => Ok(Command::Reject { target: target()? }),
            "cancel" => Ok(Command::Cancel { target: target()? }),
            "follow-up" => {
                Ok(Command::FollowUp { target: target()?, text: after.trim().to_owned() })
            }
            "retry" => Ok(Command::Retry { target: target()?, note: after.trim().to_owned() }),
            "pause" => Ok(Command::Pause),
            "resume" => Ok(Command::Resume),
            "heartbeat" => Ok(Command::Heartbeat),
            "agent" if after.trim() == "ok" => Ok(Command::AgentOk { agent: target()? }),
            "agent" => Err(needs("coder ok")),
            "provider" if first.is_empty() => Err(needs("--reset")),
            "provider" => {
                let provider = (first != "--reset").then(|| first.to_owned());
                Ok(Command::SetProvider { provider })
            }
            "turbo" => {
                let hours = if first == "off" {
                    Some(0)
                } else {
                    Span::parse(first).and_then(|span| u32::try_from(span.0.as_secs() / 3600).ok())
                };
                hours.map(|hours| Command::Turbo { hours }).ok_or_else(|| needs("2h"))
            }
            "run" => {
                let project = Spanned::new(written.span(), first.to_owned());
                let known = self.project(Some(&project))?;
                if after.trim().is_empty() {
                    return Err(needs("demo Say hello"));
                }
                let path = known.map(|project| format!("/repositories/{project}"));
                Ok(Command::Submit {
                    task: Task {
                        identifier: format!("task-{}", written.span().start),
                        text: after.trim().to_owned(),
                        path: path.unwrap_or_default(),
                        coder_only: false,
                        full_pipeline: false,
                        model: None,
                    },
                })
            }
            other => {
                let hint = nearest(other, &COMMANDS).map_or_else(
                    || format!("there are {}", COMMANDS.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(self.wrong(written, format!("`{other}` is not a command"), Some(hint)))
            }
        }
    }
}
