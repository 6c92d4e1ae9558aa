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

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{item_of, policy, project_mut, reason, record, world};
    use super::check;

    #[test]
    fn an_item_needs_a_configured_project_that_is_switched_on() {
        let world = world([record("DEMO-1"), item_of("alpha", "A-1"), item_of("gamma", "G-1")]);
        let mut policy = policy();
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
        assert_eq!(reason(check, &world, &policy, "A-1"), "");
        assert_eq!(reason(check, &world, &policy, "G-1"), "project gamma is not configured");
        project_mut(&mut policy, "alpha").enabled = false;
        assert_eq!(reason(check, &world, &policy, "A-1"), "project alpha is switched off");
        policy.default_project = None;
        let nowhere = "it names no project and there is no default one";
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), nowhere);
    }
}
