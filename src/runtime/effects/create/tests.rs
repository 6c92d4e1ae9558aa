//! What a part becomes.

use super::{body, new_item};
use crate::domain::epic::{CreatedPart, Epic, Part, part_key};
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use crate::pipeline::criteria;

fn part(title: &str, depends_on: &[u32]) -> Part {
    Part {
        title: title.to_owned(),
        description: "Greet them.".to_owned(),
        acceptance: vec!["says hello".to_owned(), "says bye".to_owned()],
        estimated_minutes: 25,
        priority: None,
        depends_on: depends_on.to_vec(),
    }
}

fn parent() -> ItemRecord {
    let item = WorkItem {
        id: ItemId::new("local/DEMO-1"),
        project: Some(ProjectId::new("demo")),
        title: "Greet".to_owned(),
        body: "everybody".to_owned(),
        state: ItemState::InProgress,
        priority: Priority::High,
        labels: vec!["estimate:90".to_owned()],
        lane: Lane::Autopilot,
        blocked_by: Vec::new(),
        parent: None,
        author: Some("mallory".to_owned()),
        trust: Trust::Untrusted,
        created_at: None,
        revision: String::new(),
        overrides: Overrides::default(),
    };
    ItemRecord::first(&Event::ItemCreated { item, standing: None }, Timestamp(5)).unwrap()
}

#[test]
fn a_part_inherits_lane_project_priority_author_and_trust_and_waits_for_the_parts_before() {
    let created = CreatedPart { item: ItemId::new("local/DEMO-1.1"), at: Timestamp(8) };
    let epic = Epic {
        run: RunId(uuid::Uuid::nil()),
        reason: String::new(),
        parts: vec![part("one", &[]), Part { priority: Some(Priority::Low), ..part("two", &[1]) }],
        agreed: Some(Timestamp(7)),
        created: [(1, created)].into(),
    };
    let record = parent();
    let one = new_item(&record, &epic, epic.part(1).unwrap(), 1);
    assert_eq!(
        (one.priority, one.lane, one.trust),
        (Priority::High, Lane::Autopilot, Trust::Untrusted)
    );
    assert_eq!(one.project, Some(ProjectId::new("demo")));
    assert_eq!(one.author.as_deref(), Some("mallory"));
    assert_eq!((one.blocked_by.as_slice(), one.number), (&[][..], 1));
    let two = new_item(&record, &epic, epic.part(2).unwrap(), 2);
    assert_eq!(two.priority, Priority::Low);
    assert_eq!(two.blocked_by, [ItemId::new("local/DEMO-1.1")]);
    assert_eq!(two.key, part_key(&record.item.id, epic.run, 2));
    assert_ne!(one.key, two.key);
}

#[test]
fn its_text_has_its_criteria_where_runs_look_for_them() {
    let text = body(&part("one", &[]), &ItemId::new("local/DEMO-1"), 1, 3);
    assert_eq!(criteria::find(&text), ["says hello", "says bye"]);
    assert!(text.starts_with("Greet them.\n"), "{text}");
    assert!(text.ends_with("Part 1 of 3 of DEMO-1; estimated at 25 minutes."), "{text}");
}
