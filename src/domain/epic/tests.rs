//! What is known of an item that was divided.

use super::{CreatedPart, Epic, Part};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::time::Timestamp;

fn part(depends_on: &[u32]) -> Part {
    Part {
        title: "a part".to_owned(),
        description: "do it".to_owned(),
        acceptance: Vec::new(),
        estimated_minutes: 20,
        priority: None,
        depends_on: depends_on.to_vec(),
    }
}

#[test]
fn parts_are_created_in_their_order_once_somebody_agreed_and_know_what_they_wait_for() {
    let mut epic = Epic {
        run: RunId(uuid::Uuid::nil()),
        reason: "two things".to_owned(),
        parts: vec![part(&[]), part(&[1])],
        agreed: None,
        created: std::collections::BTreeMap::new(),
    };
    assert_eq!(epic.next(), None);
    epic.agreed = Some(Timestamp(1));
    assert_eq!(epic.next(), Some(1));
    assert_eq!(epic.blockers(2), []);
    let item = ItemId::new("local/A.1");
    epic.created.insert(1, CreatedPart { item: item.clone(), at: Timestamp(2) });
    assert_eq!(epic.next(), Some(2));
    assert_eq!(epic.blockers(2), [item.clone()]);
    epic.created.insert(2, CreatedPart { item, at: Timestamp(3) });
    assert_eq!(epic.next(), None);
    assert_eq!((epic.part(0), epic.part(3)), (None, None));
}
