//! Gate `decomposition`: an item that is too large for one run waits for a day with room for its parts.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::division::{Division, decide};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let family = context.families.contains_key(view.id);
    if family || view.record.epic.is_some() {
        return None;
    }
    let (items, rules) = (&context.world.items, &context.policy.division);
    match decide(view.record, items, rules, context.parts_today, context.now) {
        Division::Wait { minutes, today, limit, until } => {
            let because = HeldBecause::NoRoomForParts { minutes, today, limit };
            let held = Held::new(because).until(Some(until));
            Some(held.released_by("raise autonomous.decomposition.daily_limit"))
        }
        Division::Whole(_) | Division::Divide(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{ask, item, minutes, policy, reason, record, world};
    use super::check;

    #[test]
    fn an_item_that_is_too_large_waits_for_a_day_with_room_for_its_parts() {
        let large = item("DEMO-1", |record| record.item.labels = vec!["estimate:90".to_owned()]);
        let mut world = world([large, record("DEMO-2")]);
        let mut policy = policy();
        policy.division.enabled = true;
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
        world.parts_planned = 19;
        let held = ask(check, &world, &policy, "DEMO-1").unwrap();
        assert_eq!(
            held.reason,
            "estimated at 90 min, too large for one run, and 19 of 20 parts of today are taken"
        );
        assert_eq!(held.until, Some(minutes(12 * 60)));
        assert_eq!(reason(check, &world, &policy, "DEMO-2"), "");
        policy.division.daily_limit = 21;
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
    }
}
