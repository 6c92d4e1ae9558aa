//! One-off tasks that somebody gives directly.

use crate::domain::bounds;
use crate::domain::command::Task;
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use crate::pipeline::conclude::ONE_OFF_SOURCE;

use super::commands::{accepted, refused};
use super::{Engine, Reply};

/// Longest title made from the text of a one-off task, in characters.
const LONGEST_TITLE: usize = 72;

impl Engine {
    /// Takes a task; submitting it twice is submitting it once.
    pub(super) fn submit(&mut self, task: Task, actor: &str, now: Timestamp) -> Reply {
        let id = ItemId(format!("{ONE_OFF_SOURCE}/{}", task.identifier));
        if self.items.contains_key(&id) {
            return accepted("was submitted before", Some(id.clone()), self.run_of(&id));
        }
        if task.text.len() > bounds::TASK_BYTES {
            return refused("the task is longer than 96 KiB; refer to a file in the repository");
        }
        let item = WorkItem {
            id: id.clone(),
            project: Some(self.project_at(&task.path)),
            title: title_of(&task.text),
            body: task.text,
            state: ItemState::Todo,
            priority: Priority::High,
            labels: Vec::new(),
            lane: Lane::Autopilot,
            blocked_by: Vec::new(),
            parent: None,
            author: Some(actor.to_owned()),
            trust: Trust::Trusted,
            created_at: Some(now),
            revision: String::new(),
            overrides: Overrides {
                coder_only: task.coder_only,
                full_pipeline: task.full_pipeline,
                model: task.model,
            },
        };
        self.record_item(&id, Event::ItemCreated { item, standing: None }, now);
        let open = self.intake_open;
        self.intake_open = true;
        self.plan(now);
        self.intake_open = open;
        accepted("submitted", Some(id.clone()), self.run_of(&id))
    }

    fn project_at(&self, path: &str) -> ProjectId {
        self.policy
            .projects
            .values()
            .find(|project| project.repository == path)
            .map_or_else(|| ProjectId(path.to_owned()), |project| project.id.clone())
    }
}

fn title_of(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty task)");
    match line.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
