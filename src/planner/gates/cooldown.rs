//! Gate `cooldown`: after trouble an item waits until the instant that was stored with it.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let hold = view.record.hold.as_ref().filter(|hold| context.now < hold.until)?;
    let because = HeldBecause::CoolingDown { class: hold.class, reason: hold.reason.clone() };
    Some(Held::new(because).until(Some(hold.until)).released_by(view.command("retry")))
}

#[cfg(test)]
mod tests {
    use crate::domain::failure::FailureClass;
    use crate::domain::item_record::Hold;

    use super::super::super::fixtures::{ask, item, minutes, policy, world};
    use super::check;

    #[test]
    fn a_hold_lasts_until_its_instant_and_not_longer() {
        for (until, held) in [(minutes(10), true), (minutes(0), false), (minutes(-1), false)] {
            let class = FailureClass::Infrastructure;
            let hold = Hold { class, until, reason: "disk is full".to_owned() };
            let world = world([item("DEMO-1", |record| record.hold = Some(hold))]);
            let found = ask(check, &world, &policy(), "DEMO-1");
            assert_eq!(found.is_some(), held);
            if let Some(found) = found {
                assert_eq!(found.until, Some(until));
                let text = "waits after trouble (infrastructure): disk is full";
                assert_eq!(found.reason, text);
            }
        }
    }
}
