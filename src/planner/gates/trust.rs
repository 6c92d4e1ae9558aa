//! Gate `trust`: no agent reads the text of an author who is not trusted before a person has approved.

use crate::domain::item_record::{Approval, ItemRecord};
use crate::domain::work_item::Trust;

use super::super::because::{HeldBecause, MissingApproval};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    if view.is_one_off() {
        return None;
    }
    match view.record.item.trust {
        Trust::Trusted => None,
        Trust::Untrusted => {
            let approval = missing_approval(view.record, context)?;
            let author = view.record.item.author.clone();
            let held = Held::new(HeldBecause::Untrusted { author, approval });
            Some(held.released_by(view.command("approve")))
        }
    }
}

/// What is missing for an approval; nothing when it was given.
pub(crate) fn missing_approval(
    record: &ItemRecord,
    context: &Context<'_>,
) -> Option<MissingApproval> {
    match &record.approval {
        Approval::Given { .. } => None,
        Approval::NotRequested => Some(MissingApproval::NotAsked),
        Approval::Requested { expires, .. } if *expires <= context.now => {
            Some(MissingApproval::Lapsed { at: *expires })
        }
        Approval::Requested { expires, .. } => Some(MissingApproval::Asked { expires: *expires }),
        Approval::Refused { by, .. } => Some(MissingApproval::Refused { by: by.clone() }),
        Approval::Expired { at } => Some(MissingApproval::Lapsed { at: *at }),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::item_record::Approval;
    use crate::domain::work_item::Trust;

    use super::super::super::fixtures::{ask, item, minutes, policy, reason, record, world};
    use super::check;

    fn says(approval: Approval) -> String {
        let world = world([item("DEMO-1", |record| {
            record.item.trust = Trust::Untrusted;
            record.item.author = Some("mallory".to_owned());
            record.approval = approval;
        })]);
        reason(check, &world, &policy(), "DEMO-1")
    }

    #[test]
    fn text_of_a_stranger_needs_an_approval_that_was_given() {
        let (by, at) = ("ann".to_owned(), minutes(-5));
        let who = "mallory is not trusted to steer agents";
        assert_eq!(says(Approval::Given { by: by.clone(), at }), "");
        let unasked = format!("{who}; nobody has been asked to approve it yet");
        assert_eq!(says(Approval::NotRequested), unasked);
        let asked = Approval::Requested { at, expires: minutes(60) };
        assert_eq!(says(asked), format!("{who}; approval is asked for until {}", minutes(60)));
        let lapsed = format!("{who}; nobody answered the request for approval by {}", minutes(0));
        assert_eq!(says(Approval::Requested { at, expires: minutes(0) }), lapsed);
        assert_eq!(says(Approval::Expired { at: minutes(0) }), lapsed);
        assert_eq!(says(Approval::Refused { by, at }), format!("{who}; ann refused it"));
    }

    #[test]
    fn trusted_authors_and_the_operator_need_none() {
        let one_off = item("cli/one", |record| record.item.trust = Trust::Untrusted);
        let nameless = item("DEMO-2", |record| {
            record.item.trust = Trust::Untrusted;
            record.item.author = None;
        });
        let world = world([record("DEMO-1"), one_off, nameless]);
        assert_eq!(reason(check, &world, &policy(), "DEMO-1"), "");
        assert_eq!(reason(check, &world, &policy(), "cli/one"), "");
        let held = ask(check, &world, &policy(), "DEMO-2").unwrap();
        assert!(held.reason.starts_with("its author is not known; "), "{}", held.reason);
        assert_eq!(held.released_by.as_deref(), Some("enact-factory approve DEMO-2"));
    }
}
