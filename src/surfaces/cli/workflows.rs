//! The `WORKFLOW.md` files that count, looked at before any run does.

use std::collections::BTreeSet;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::config::report::Finding;
use crate::config::settings::Settings;
use crate::domain::policy::ProjectPolicy;
use crate::pipeline::workflow::{FILE, MAX_BYTES, Mistake, Operator, read};
use crate::workspaces::Workspaces as _;
use crate::workspaces::git::{GitSettings, GitWorkspaces};

use super::entry::Context;

/// Mistakes and remarks of every project whose file counts, as it is on the base branch now.
pub(super) async fn look(context: &Context, settings: &Settings) -> (Vec<Finding>, Vec<Finding>) {
    let (mut mistakes, mut remarks) = (Vec::new(), Vec::new());
    let wanted = settings.policy.projects.values().filter(|project| project.workflow.is_some());
    for project in wanted {
        match one(context, settings, project).await {
            Ok((more, others)) => {
                mistakes.extend(more);
                remarks.extend(others);
            }
            Err(reason) => {
                let text = format!("{FILE} of {} cannot be read: {reason}", project.id);
                remarks.push(finding(&place(project, ""), None, text, None));
            }
        }
    }
    (mistakes, remarks)
}

async fn one(
    context: &Context,
    settings: &Settings,
    project: &ProjectPolicy,
) -> Result<(Vec<Finding>, Vec<Finding>), String> {
    let Some(permission) = &project.workflow else { return Ok((Vec::new(), Vec::new())) };
    let path = context.surroundings.variable("PATH").unwrap_or_default().to_owned();
    let state = &settings.daemon.state_dir;
    let git = GitSettings::new(state.join("worktrees"), state.join("git-home"), path);
    let workspaces =
        GitWorkspaces::new(git, CancellationToken::new()).map_err(|error| error.to_string())?;
    let repository = Path::new(&project.repository);
    let base = workspaces.base(repository, project.base_branch.as_deref()).await;
    let (branch, commit) = base.map_err(|error| error.to_string())?;
    let files = workspaces.files_at(repository, &commit, &[FILE], MAX_BYTES).await;
    let files = files.map_err(|error| error.to_string())?;
    let file = place(project, &branch);
    let Some(found) = files.into_iter().find(|found| found.path == FILE) else {
        let text = format!("there is no {FILE} on {branch}; nothing of the repository's counts");
        return Ok((Vec::new(), vec![finding(&file, None, text, None)]));
    };
    let Some(text) = found.text else {
        let text = format!("is no text of at most {MAX_BYTES} bytes");
        return Ok((vec![finding(&file, None, text, None)], Vec::new()));
    };
    let agents: BTreeSet<String> = settings.agents.keys().cloned().collect();
    let stages = settings.policy.stages_in(Some(project));
    let operator = Operator { stages, permission, agents: &agents };
    Ok(match read(&text, &commit, &operator) {
        Ok(workflow) => {
            let remarks = workflow.remarks.into_iter();
            (Vec::new(), remarks.map(|text| finding(&file, None, text, None)).collect())
        }
        Err(mistakes) => {
            let found = mistakes.into_iter().map(|mistake| {
                let Mistake { line, column, message, hint } = mistake;
                finding(&file, Some((line, column)), message, hint)
            });
            (found.collect(), Vec::new())
        }
    })
}

/// `main:WORKFLOW.md` in the repository, as git would call it.
fn place(project: &ProjectPolicy, branch: &str) -> String {
    format!("{} {branch}:{FILE}", project.repository)
}

fn finding(
    file: &str,
    place: Option<(usize, usize)>,
    message: String,
    hint: Option<String>,
) -> Finding {
    Finding {
        file: Some(file.to_owned()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        variable: None,
        key: String::new(),
        message,
        hint,
    }
}
