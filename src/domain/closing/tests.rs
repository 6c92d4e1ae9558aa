use super::{below, can_auto_close};
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};

fn item(name: &str, project: Option<&str>, parent: Option<&str>) -> WorkItem {
    WorkItem {
        id: ItemId::new(format!("local/{name}")),
        project: project.map(ProjectId::new),
        title: name.to_owned(),
        body: String::new(),
        state: ItemState::Done,
        priority: Priority::Medium,
        labels: Vec::new(),
        lane: Lane::Autopilot,
        blocked_by: Vec::new(),
        parent: parent.map(|it| ItemId::new(format!("local/{it}"))),
        author: None,
        trust: Trust::Trusted,
        created_at: None,
        revision: String::new(),
        overrides: Overrides::default(),
    }
}

fn repository(item: &WorkItem) -> Option<String> {
    item.project.as_ref().map(|project| project.as_str().to_owned())
}

fn judged(parent: Option<&str>, parts: &[Option<&str>]) -> Result<(), String> {
    let parent = item("EPIC", parent, None);
    let parts: Vec<WorkItem> = parts.iter().map(|it| item("PART", *it, Some("EPIC"))).collect();
    let parts: Vec<&WorkItem> = parts.iter().collect();
    can_auto_close(&parent, &parts, repository).map_err(|deferral| deferral.to_string())
}

#[test]
fn an_item_without_parts_is_closed_by_itself() {
    assert_eq!(judged(Some("api"), &[]), Ok(()));
    assert_eq!(judged(None, &[]), Ok(()));
}

#[test]
fn an_epic_in_one_repository_is_closed_by_itself() {
    assert_eq!(judged(None, &[Some("api"), Some("api")]), Ok(()));
    assert_eq!(judged(Some("api"), &[Some("api")]), Ok(()));
}

#[test]
fn an_epic_across_repositories_is_not() {
    let two = Err("it spans 2 repositories (api, web)".to_owned());
    assert_eq!(judged(None, &[Some("web"), Some("api"), Some("web")]), two);
    assert_eq!(judged(Some("web"), &[Some("api")]), two);
}

#[test]
fn a_part_that_belongs_nowhere_known_is_no_proof() {
    let unknown = Err("it spans 2 repositories (api, …)".to_owned());
    assert_eq!(judged(None, &[Some("api"), None]), unknown);
    assert_eq!(judged(None, &[None, None]), Err("it spans 2 repositories".to_owned()));
    assert_eq!(judged(None, &[None]), Ok(()));
}

#[test]
fn what_was_cancelled_does_not_count() {
    let epic = item("EPIC", None, None);
    let mut other = item("B", Some("web"), Some("EPIC"));
    other.state = ItemState::Cancelled;
    let part = item("A", Some("api"), Some("EPIC"));
    assert_eq!(can_auto_close(&epic, &[&part, &other], repository), Ok(()));
}

#[test]
fn parts_of_parts_are_found_and_circles_end() {
    let mut items = vec![
        item("EPIC", None, None),
        item("A", None, Some("EPIC")),
        item("A1", None, Some("A")),
        item("OTHER", None, Some("ELSE")),
    ];
    let names = |items: &[WorkItem]| -> Vec<String> {
        let found = below(&ItemId::new("local/EPIC"), &items.iter());
        found.into_iter().map(|item| item.title.clone()).collect()
    };
    assert_eq!(names(&items), ["A", "A1"]);
    items[0].parent = Some(ItemId::new("local/A1"));
    assert_eq!(names(&items), ["A", "A1"]);
    assert!(below(&ItemId::new("local/NONE"), &items.iter()).is_empty());
}
