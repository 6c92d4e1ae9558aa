//! Parts of items: created once, with everything that decides who works on them and when.

use super::Shelf;
use crate::domain::epic::part_key;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Priority, Trust, WorkItem};
use crate::trackers::{NewItem, TrackerError};

fn part(parent: &ItemId, number: u32, blocked_by: &[&WorkItem]) -> NewItem {
    NewItem {
        parent: parent.clone(),
        number,
        key: part_key(parent, RunId(uuid::Uuid::from_u128(7)), number),
        title: format!("Greet \"{number}\" & others"),
        body: "Say hello to @everybody.\n\n## Acceptance criteria\n\n- says <b>hello</b>"
            .to_owned(),
        priority: Priority::High,
        lane: Lane::Manual,
        project: None,
        blocked_by: blocked_by.iter().map(|item| item.id.clone()).collect(),
        author: None,
        trust: Trust::Trusted,
        at: Timestamp(1_780_000_000_000),
        since: None,
    }
}

async fn items(shelf: &dyn Shelf) -> Vec<WorkItem> {
    let listing = shelf.tracker().list().await.unwrap();
    assert_eq!(listing.problems.len(), 0, "{listing:?}");
    listing.items
}

pub(super) async fn a_part_has_its_parent_and_waits_for_others_from_the_first_moment(
    shelf: &dyn Shelf,
) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    assert_eq!(items(shelf).await.len(), 1);
    let parent = shelf.id("A");
    let first = shelf.tracker().create(&part(&parent, 1, &[])).await.unwrap();
    let second = shelf.tracker().create(&part(&parent, 2, &[&first])).await.unwrap();
    for (number, item) in [(1, &first), (2, &second)] {
        assert_eq!(item.title, format!("Greet \"{number}\" & others"));
        assert_eq!(item.parent.as_ref(), Some(&parent));
        assert_eq!(
            (item.state, item.priority, item.lane),
            (ItemState::Todo, Priority::High, Lane::Manual)
        );
        assert!(item.body.contains("- says <b>hello</b>"), "{}", item.body);
        assert!(!item.body.contains("eft out"), "nothing in it is hidden: {}", item.body);
    }
    assert_eq!(
        (first.blocked_by.as_slice(), second.blocked_by.as_slice()),
        (&[][..], &[first.id.clone()][..])
    );
    let listed = items(shelf).await;
    assert_eq!(listed.len(), 3, "{listed:#?}");
    assert!(listed.contains(&first) && listed.contains(&second), "{listed:#?}\n{first:#?}");
}

pub(super) async fn a_part_is_created_once(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let parent = shelf.id("A");
    assert_eq!(items(shelf).await.len(), 1);
    let first = shelf.tracker().create(&part(&parent, 1, &[])).await.unwrap();
    let again = NewItem { title: "Another title".to_owned(), ..part(&parent, 1, &[]) };
    assert_eq!(shelf.tracker().create(&again).await.unwrap(), first);
    assert_eq!(items(shelf).await.len(), 2);
}

pub(super) async fn a_part_of_a_foreign_item_is_refused(shelf: &dyn Shelf) {
    let foreign = part(&ItemId::new("elsewhere/A"), 1, &[]);
    let error = shelf.tracker().create(&foreign).await.unwrap_err();
    assert!(matches!(error, TrackerError::ForeignItem { .. }), "{error}");
}
