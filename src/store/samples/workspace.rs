//! A worktree that is ready, with what the repository says itself.

use crate::domain::agent::Stage;
use crate::domain::change::Workspace;
use crate::domain::event::Event;
use crate::domain::run::StageSet;
use crate::domain::workflow::Workflow;

pub(super) fn workspace_ready(stages: StageSet) -> Event {
    Event::WorkspaceReady {
        workspace: Workspace {
            path: "/srv/state/worktrees/demo/1".to_owned(),
            branch: "factory/DEMO-1-greet-by-name".to_owned(),
            base_branch: "main".to_owned(),
            base_commit: "a".repeat(40),
        },
        workflow: Some(Box::new(Workflow {
            commit: "9".repeat(40),
            stages,
            checks: vec!["make lint".to_owned()],
            prompts: [(Stage::Coder, "Do {{ issue.title }}.".to_owned())].into(),
            remarks: vec!["line 3: hooks are not run".to_owned()],
        })),
    }
}
