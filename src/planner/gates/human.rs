//! Gate `human`: an item that waits for a person stays until that person has acted.

use crate::domain::item_record::ItemStatus;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, _context: &Context<'_>) -> Option<Held> {
    (view.record.status == ItemStatus::WaitingHuman).then(|| {
        Held::new(HeldBecause::WaitsForHuman { request: view.record.human.clone() })
            .released_by(view.command("retry"))
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::item_record::{HumanReason, HumanRequest, ItemStatus};

    use super::super::super::fixtures::{ask, item, policy, record, world};
    use super::check;

    #[test]
    fn an_item_that_waits_for_a_person_is_held_with_the_question() {
        let waiting = item("DEMO-1", |record| {
            record.status = ItemStatus::WaitingHuman;
            record.human = Some(HumanRequest {
                reason: HumanReason::CriticRejected,
                question: "wrong approach".to_owned(),
                since: record.created,
            });
        });
        let world = world([waiting, record("DEMO-2")]);
        let held = ask(check, &world, &policy(), "DEMO-1").unwrap();
        assert_eq!(held.reason, "critic_rejected: wrong approach");
        assert_eq!(held.released_by.as_deref(), Some("enact-factory retry DEMO-1"));
        assert_eq!(held.until, None);
        assert_eq!(ask(check, &world, &policy(), "DEMO-2"), None);
    }
}
