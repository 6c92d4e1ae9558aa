//! Gate `project`: work happens only in repositories the operator configured and left switched on.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let named = view.record.item.project.as_ref().or(context.policy.default_project.as_ref());
    match (view.project, named) {
        (Some(project), _) if project.enabled => None,
        (Some(project), _) => Some(
            Held::new(HeldBecause::ProjectDisabled { project: project.id.clone() })
                .released_by(format!("switch project {} on in the configuration", project.id)),
        ),
        (None, Some(project)) => {
            Some(Held::new(HeldBecause::UnknownProject { project: project.clone() }).released_by(
                format!("add project {project} to the configuration, or name another"),
            ))
        }
        (None, None) => {
            Some(Held::new(HeldBecause::NoProject).released_by("name a project in the item"))
        }
    }
}
