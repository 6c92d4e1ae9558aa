//! Gate `autonomy`: with autonomous work switched off, only what the operator asks for directly is started.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    (!context.policy.autonomous && !view.is_one_off()).then(|| {
        Held::new(HeldBecause::AutonomyOff)
            .released_by("switch autonomous work on in the configuration")
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{policy, reason, record, world};
    use super::check;

    #[test]
    fn without_autonomy_only_the_operators_own_tasks_start() {
        let world = world([record("DEMO-1"), record("cli/one")]);
        let mut policy = policy();
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
        policy.autonomous = false;
        let text = "autonomous work is switched off";
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), text);
        assert_eq!(reason(check, &world, &policy, "cli/one"), "");
    }
}
