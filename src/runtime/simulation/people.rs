//! What people and the world do to the factory.

use std::path::Path;

use crate::domain::ids::ItemId;
use crate::domain::work_item::WorkItem;
use crate::runtime::engine::Input;
use crate::trackers::Tracker as _;

use super::at_once;
use super::factory::{Factory, Gone};
use super::scenario::{Edit, Happening};

impl Factory<'_> {
    pub(super) fn happen(&mut self, happening: Happening) -> Result<(), Gone> {
        let now = self.now();
        match happening {
            Happening::Appear(item) => {
                if let Some(part) = self.part(&item) {
                    self.put(part.item.clone());
                }
                Ok(())
            }
            Happening::Command { command, by, text } => {
                let actor = format!("human:cli:{by}");
                let reply = self.handle(Input::Command { command, actor })?;
                self.tell();
                let said = match reply {
                    Some(reply) if reply.accepted => reply.message,
                    Some(reply) => format!("refused: {}", reply.message),
                    None => "nobody is there".to_owned(),
                };
                self.chronicle.factory(now, format!("{by} says `{text}` → {said}"));
                Ok(())
            }
            Happening::Edit { item, by, edit } => {
                self.edit(&item, &by, *edit);
                Ok(())
            }
            Happening::Delete { item, by } => {
                self.chronicle.item(now, &item, format!("is deleted by {by}"));
                self.tracker.withdraw(&item);
                self.tracker_changed();
                Ok(())
            }
            Happening::Damage { item, reason } => {
                self.chronicle.item(now, &item, format!("becomes unreadable: {reason}"));
                self.tracker.damage(&item, reason);
                self.tracker_changed();
                Ok(())
            }
            Happening::TrackerDown { reason } => {
                self.tracker.refuse_next(reason);
                self.tracker_changed();
                Ok(())
            }
            Happening::Commit { project, files, by } => {
                self.commit(&project, &files, &by);
                Ok(())
            }
            Happening::Agent { name, unavailable } => {
                let word =
                    if unavailable.is_some() { "cannot be used" } else { "can be used again" };
                self.chronicle.factory(now, format!("agent {name} {word}"));
                match unavailable {
                    Some(why) => self.unavailable.insert(name, why),
                    None => self.unavailable.remove(&name),
                };
                let unavailable = self.unavailable.clone();
                self.handle(Input::AgentsProbed { unavailable })?;
                if let Some(daemon) = self.daemon.as_mut() {
                    daemon.dirty = true;
                }
                Ok(())
            }
            Happening::Crash { down } => {
                if self.daemon.is_some() {
                    self.crashed(down);
                }
                Ok(())
            }
            Happening::Stop { down } => self.stop(down),
        }
    }

    fn put(&mut self, item: WorkItem) {
        if let Err(error) = self.tracker.put(item) {
            self.violated(format!("an item could not be put into the tracker: {error}"));
        }
        self.tracker_changed();
    }

    fn edit(&mut self, item: &ItemId, by: &str, edit: Edit) {
        let now = self.now();
        let listed = at_once(self.tracker.list()).unwrap_or_default();
        // An item that was deleted or damaged is written again as it was at first.
        let current = listed.items.into_iter().find(|current| current.id == *item);
        let Some(current) = current.or_else(|| self.part(item).map(|part| part.item.clone()))
        else {
            return;
        };
        let edited = WorkItem {
            title: edit.title.unwrap_or(current.title),
            body: edit.body.unwrap_or(current.body),
            state: edit.state.unwrap_or(current.state),
            priority: edit.priority.unwrap_or(current.priority),
            lane: edit.lane.unwrap_or(current.lane),
            blocked_by: edit.blocked_by.unwrap_or(current.blocked_by),
            ..current
        };
        self.chronicle.item(now, item, format!("is edited by {by}"));
        self.put(edited);
    }

    fn commit(&mut self, project: &crate::domain::ids::ProjectId, files: &[String], by: &str) {
        let now = self.now();
        let repository = format!("/repositories/{project}");
        let text = format!("{by}, {now}\n");
        let written: Vec<(&str, &str)> =
            files.iter().map(|file| (file.as_str(), text.as_str())).collect();
        let repository = Path::new(&repository);
        let before = self.workspaces.tip(repository, "main").unwrap_or_default();
        let word = match self.workspaces.commit_to(repository, "main", &written) {
            Ok(commit) => {
                let short = commit.get(..7).unwrap_or_default().to_owned();
                self.commits.push((project.clone(), before, commit));
                format!("{by} commits {short} to main of {project}")
            }
            Err(error) => format!("{by} cannot commit to {project}: {error}"),
        };
        self.chronicle.factory(now, word);
    }
}
