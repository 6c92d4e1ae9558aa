//! Gate `paused`: nothing is started between `pause` and `resume`, whoever asks for it.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(_view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let by = context.world.ops.paused_by.clone()?;
    Some(Held::new(HeldBecause::Paused { by }).released_by("enact-factory resume"))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{ask, policy, record, world};
    use super::check;

    #[test]
    fn a_pause_holds_everything_and_names_who_paused() {
        let mut world = world([record("DEMO-1"), record("cli/one")]);
        assert_eq!(ask(check, &world, &policy(), "DEMO-1"), None);
        world.ops.paused_by = Some("ann".to_owned());
        for name in ["DEMO-1", "cli/one"] {
            let held = ask(check, &world, &policy(), name).unwrap();
            assert_eq!(held.reason, "paused by ann");
            assert_eq!(held.released_by.as_deref(), Some("enact-factory resume"));
        }
    }
}
