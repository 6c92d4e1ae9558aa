//! What has become different about an item: the fields in which two copies of it differ, and nothing else. A body of a
//! hundred lines is not repeated in the log because its state was moved.

use serde::{Deserialize, Deserializer, Serialize};

use super::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::time::Timestamp;

/// A field that is written down is different, also when it is `null` now.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

macro_rules! change {
    ($($field:ident: $kind:ty,)*) => {
        /// The fields of a [`WorkItem`] that are different now, each with its new value. The id never changes.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub struct ItemChange {
            $(
                #[doc = concat!("The new `", stringify!($field), "`; absent when it is as before.")]
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                pub $field: Option<$kind>,
            )*
        }

        impl ItemChange {
            /// What is different in `after`.
            #[must_use]
            pub fn between(before: &WorkItem, after: &WorkItem) -> Self {
                Self { $($field: (before.$field != after.$field).then(|| after.$field.clone()),)* }
            }

            /// Makes `item` different in the same way.
            pub fn apply(&self, item: &mut WorkItem) {
                $(if let Some(new) = &self.$field { item.$field.clone_from(new); })*
            }
        }
    };
}

change! {
    project: Option<ProjectId>,
    title: String,
    body: String,
    state: ItemState,
    priority: Priority,
    labels: Vec<String>,
    lane: Lane,
    blocked_by: Vec<ItemId>,
    parent: Option<ItemId>,
    author: Option<String>,
    trust: Trust,
    created_at: Option<Timestamp>,
    revision: String,
    overrides: Overrides,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> WorkItem {
        WorkItem {
            id: ItemId("local/A-1".to_owned()),
            project: Some(ProjectId("shop".to_owned())),
            title: "A title".to_owned(),
            body: "A body".to_owned(),
            state: ItemState::Todo,
            priority: Priority::Medium,
            labels: vec!["bug".to_owned()],
            lane: Lane::Autopilot,
            blocked_by: Vec::new(),
            parent: Some(ItemId("local/A-0".to_owned())),
            author: None,
            trust: Trust::Trusted,
            created_at: Some(Timestamp(5)),
            revision: "1".to_owned(),
            overrides: Overrides::default(),
        }
    }

    #[test]
    fn what_is_different_is_written_down_and_nothing_else() {
        let (before, mut after) = (item(), item());
        after.state = ItemState::Done;
        after.parent = None;
        let change = ItemChange::between(&before, &after);
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(json, r#"{"state":"done","parent":null}"#);
        let read: ItemChange = serde_json::from_str(&json).unwrap();
        assert_eq!(read, change);
        let mut copy = before;
        read.apply(&mut copy);
        assert_eq!(copy, after);
        assert_eq!(ItemChange::between(&after, &after), ItemChange::default());
    }

    #[test]
    fn every_field_can_be_different() {
        let before = item();
        let after = WorkItem {
            id: before.id.clone(),
            project: None,
            title: "Another".to_owned(),
            body: String::new(),
            state: ItemState::InProgress,
            priority: Priority::Critical,
            labels: Vec::new(),
            lane: Lane::Manual,
            blocked_by: vec![ItemId("local/A-2".to_owned())],
            parent: None,
            author: Some("ann".to_owned()),
            trust: Trust::Untrusted,
            created_at: None,
            revision: "2".to_owned(),
            overrides: Overrides { coder_only: true, ..Overrides::default() },
        };
        let mut copy = before.clone();
        ItemChange::between(&before, &after).apply(&mut copy);
        assert_eq!(copy, after);
    }
}
