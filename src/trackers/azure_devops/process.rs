//! The types of a project and their states, as its process defines them.
//!
//! States are understood by their category, never by their name: every process has its own names, and inherited
//! processes have more. What a type has no state for is said by a tag.

use std::collections::BTreeMap;

use super::StateTags;
use crate::domain::work_item::ItemState;

/// Reference names of types that are not work: tests, reviews, feedback.
const NOT_WORK: [&str; 10] = [
    "TestCase",
    "TestPlan",
    "TestSuite",
    "SharedStep",
    "SharedParameter",
    "CodeReviewRequest",
    "CodeReviewResponse",
    "FeedbackRequest",
    "FeedbackResponse",
    "TestResult",
];

/// A type with its states in the order of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ItemType {
    pub(super) name: String,
    pub(super) reference: String,
    pub(super) states: Vec<State>,
}

/// One state of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) meaning: Option<ItemState>,
    /// The operator said what it means.
    pub(super) chosen: bool,
}

/// All types that people can make items of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Process {
    /// By name in lower case.
    pub(super) types: BTreeMap<String, ItemType>,
}

/// How an item's state changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// The new state, if it is another one.
    pub(super) state: Option<String>,
    /// All state tags that the item shall have afterwards.
    pub(super) tags: Vec<String>,
}

/// What a category means. The categories are the service's own, whatever the process.
pub(super) fn meaning(category: &str) -> Option<ItemState> {
    match category.to_ascii_lowercase().as_str() {
        "proposed" => Some(ItemState::Todo),
        "inprogress" => Some(ItemState::InProgress),
        "resolved" => Some(ItemState::InReview),
        "completed" => Some(ItemState::Done),
        "removed" => Some(ItemState::Cancelled),
        _ => None,
    }
}

impl Process {
    /// The type called `name`.
    pub(super) fn of(&self, name: &str) -> Option<&ItemType> {
        self.types.get(&name.to_lowercase())
    }

    /// Types that are work: the `wanted` ones, or all but tests, reviews and feedback.
    pub(super) fn work<'a>(&'a self, wanted: &'a [String]) -> impl Iterator<Item = &'a ItemType> {
        self.types.values().filter(move |item_type| {
            let short = item_type.reference.rsplit('.').next().unwrap_or_default();
            match wanted {
                [] => !NOT_WORK.contains(&short),
                wanted => wanted.iter().any(|name| name.eq_ignore_ascii_case(&item_type.name)),
            }
        })
    }
}

impl ItemType {
    /// What the item's state says by itself, without tags; absent if the type has no such state.
    fn base(&self, state: &str) -> Option<ItemState> {
        let found = self.states.iter().find(|known| known.name.eq_ignore_ascii_case(state));
        found.and_then(|known| known.meaning)
    }

    /// The state that means `wanted`: one that the operator chose for it, or else the first of the process.
    fn named(&self, wanted: ItemState) -> Option<&str> {
        let chosen = self.states.iter().find(|it| it.chosen && it.meaning == Some(wanted));
        let first = || self.states.iter().find(|it| it.meaning == Some(wanted));
        chosen.or_else(first).map(|it| it.name.as_str())
    }

    /// Names of the states behind which nothing comes.
    pub(super) fn terminal(&self) -> Vec<&str> {
        let terminal = |state: &&State| state.meaning.is_some_and(ItemState::is_terminal);
        self.states.iter().filter(terminal).map(|state| state.name.as_str()).collect()
    }

    /// What an item in `state` with these `tags` is; absent if the type has no such state.
    pub(super) fn read(&self, state: &str, tags: &[String], with: &StateTags) -> Option<ItemState> {
        let base = self.base(state)?;
        let lacks = |wanted: ItemState| self.named(wanted).is_none();
        Some(match base {
            ItemState::Done if has(tags, &with.cancelled) && lacks(ItemState::Cancelled) => {
                ItemState::Cancelled
            }
            base if base.is_terminal() => base,
            _ if has(tags, &with.blocked) => ItemState::Blocked,
            ItemState::InProgress if has(tags, &with.in_review) && lacks(ItemState::InReview) => {
                ItemState::InReview
            }
            base => base,
        })
    }

    /// How an item in `state` becomes `wanted`; absent if the type has nothing that comes close.
    pub(super) fn write(&self, state: &str, wanted: ItemState, with: &StateTags) -> Option<Move> {
        let base = self.base(state);
        let (target, tag) = match (wanted, self.named(wanted)) {
            (_, Some(_)) => (wanted, None),
            (ItemState::Blocked, None) => {
                let stays = base.filter(|base| !base.is_terminal());
                (stays.unwrap_or(ItemState::InProgress), Some(&with.blocked))
            }
            (ItemState::InReview, None) => (ItemState::InProgress, Some(&with.in_review)),
            (ItemState::Cancelled, None) => (ItemState::Done, Some(&with.cancelled)),
            (ItemState::Todo | ItemState::InProgress | ItemState::Done, None) => return None,
        };
        let tags = tag.cloned().into_iter().collect();
        if base == Some(target) {
            return Some(Move { state: None, tags });
        }
        Some(Move { state: Some(self.named(target)?.to_owned()), tags })
    }
}

/// Whether `tag` is among `tags`, whatever its case.
pub(super) fn has(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|known| known.eq_ignore_ascii_case(tag))
}

impl StateTags {
    /// Whether `tag` stands for a state.
    pub(super) fn contains(&self, tag: &str) -> bool {
        [&self.blocked, &self.in_review, &self.cancelled]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::{ItemType, Move, State, meaning};
    use crate::domain::work_item::ItemState;
    use crate::trackers::azure_devops::StateTags;

    fn tags() -> StateTags {
        StateTags {
            blocked: "blocked".to_owned(),
            in_review: "in review".to_owned(),
            cancelled: "cancelled".to_owned(),
        }
    }

    fn of(states: &[(&str, &str)]) -> ItemType {
        let state = |(name, category): &(&str, &str)| State {
            name: (*name).to_owned(),
            meaning: meaning(category),
            chosen: false,
        };
        ItemType {
            name: "Issue".to_owned(),
            reference: "Issue".to_owned(),
            states: states.iter().map(state).collect(),
        }
    }

    const AGILE: [(&str, &str); 5] = [
        ("New", "Proposed"),
        ("Active", "InProgress"),
        ("Resolved", "Resolved"),
        ("Closed", "Completed"),
        ("Removed", "Removed"),
    ];
    const SCRUM: [(&str, &str); 5] = [
        ("New", "Proposed"),
        ("Approved", "Proposed"),
        ("Committed", "InProgress"),
        ("Done", "Completed"),
        ("Removed", "Removed"),
    ];
    const BASIC: [(&str, &str); 3] =
        [("To Do", "Proposed"), ("Doing", "InProgress"), ("Done", "Completed")];

    #[test]
    fn whatever_the_process_a_state_that_was_written_is_read_again() {
        for states in [&AGILE[..], &SCRUM, &BASIC] {
            let item_type = of(states);
            for (from, _) in states {
                for wanted in ItemState::ALL {
                    let moved = item_type.write(from, wanted, &tags()).unwrap();
                    let state = moved.state.as_deref().unwrap_or(from);
                    assert_eq!(item_type.read(state, &moved.tags, &tags()), Some(wanted), "{from}");
                }
            }
        }
    }

    #[test]
    fn a_state_that_means_the_same_is_kept_and_what_is_unknown_is_said() {
        let scrum = of(&SCRUM);
        let todo = scrum.write("Approved", ItemState::Todo, &tags()).unwrap();
        assert_eq!(todo, Move { state: None, tags: Vec::new() });
        assert_eq!(scrum.read("Limbo", &[], &tags()), None);
        assert_eq!(
            scrum.read("COMMITTED", &["Blocked".to_owned()], &tags()),
            Some(ItemState::Blocked)
        );
        assert_eq!(scrum.read("Done", &["blocked".to_owned()], &tags()), Some(ItemState::Done));
        let bare = of(&[("Open", "Proposed")]);
        assert_eq!(bare.write("Open", ItemState::Done, &tags()), None);
    }

    #[test]
    fn what_the_operator_says_about_a_state_goes_before_its_category() {
        let mut agile = of(&AGILE);
        agile.states.push(State {
            name: "QA".to_owned(),
            meaning: Some(ItemState::InReview),
            chosen: true,
        });
        let moved = agile.write("Active", ItemState::InReview, &tags()).unwrap();
        assert_eq!(moved.state.as_deref(), Some("QA"));
        assert_eq!(agile.read("qa", &[], &tags()), Some(ItemState::InReview));
    }
}
