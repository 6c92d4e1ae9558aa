//! Who goes first: within a project by urgency, then age, then name; projects take turns.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::policy::ProjectPolicy;
use crate::domain::time::Timestamp;
use crate::domain::work_item::Priority;

use super::context::{Context, ItemView};

/// Why an item has its rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankReason {
    /// How urgent it is.
    pub priority: Priority,
    /// When its tracker says it was created, or else when it was first seen.
    pub since: Timestamp,
    /// Its place among the items of its project that could start, from 1.
    pub place: usize,
    /// How many of its project could start.
    pub of: usize,
    /// The project's last start inside the pace window: the project with the oldest one has the first turn.
    pub last_start: Option<Timestamp>,
}

impl fmt::Display for RankReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { priority, since, place, of, last_start } = self;
        write!(formatter, "{}, since {since}, {place} of {of} in its project", priority.word())?;
        match last_start {
            Some(at) => write!(formatter, ", which last started one at {at}"),
            None => Ok(()),
        }
    }
}

/// An item that no gate holds.
#[derive(Clone)]
pub(crate) struct Candidate<'a> {
    pub(crate) view: ItemView<'a>,
    pub(crate) project: &'a ProjectPolicy,
    pub(crate) reason: RankReason,
}

/// The candidates of one project, the first to start first.
pub(crate) type Queue<'a> = VecDeque<Candidate<'a>>;

/// Urgent before less urgent, old before young, then by name with numbers in counting order.
pub(crate) fn order_key<'a>(
    view: &ItemView<'a>,
) -> (Priority, Timestamp, &'a str, Option<u64>, &'a str) {
    let (stem, number) = split_number(view.id);
    (view.record.item.priority, since(view), stem, number, view.id.as_str())
}

/// An identifier without its last number, and that number: `DEMO-10` comes after `DEMO-9`.
pub(crate) fn split_number(id: &ItemId) -> (&str, Option<u64>) {
    let stem = id.as_str().trim_end_matches(|letter: char| letter.is_ascii_digit());
    (stem, id.as_str()[stem.len()..].parse().ok())
}

/// One queue per project, in the order of their turns: the project that has waited longest since its last start comes
/// first; among those without a start in the window, the one whose first item ranks highest.
pub(crate) fn queues<'a>(free: Vec<ItemView<'a>>, context: &Context<'a>) -> Vec<Queue<'a>> {
    let mut by_project: BTreeMap<&ProjectId, Vec<(ItemView<'a>, &'a ProjectPolicy)>> =
        BTreeMap::new();
    for view in free {
        if let Some(project) = view.project {
            by_project.entry(&project.id).or_default().push((view, project));
        }
    }
    let mut queues: Vec<Queue<'a>> = by_project
        .into_iter()
        .map(|(project, mut members)| {
            members.sort_by_key(|(view, _)| order_key(view));
            queue(members, context.pace.last_start(project))
        })
        .collect();
    queues.sort_by_key(|queue| {
        queue.front().map(|first| (first.reason.last_start, order_key(&first.view)))
    });
    queues
}

fn queue<'a>(
    members: Vec<(ItemView<'a>, &'a ProjectPolicy)>,
    last_start: Option<Timestamp>,
) -> Queue<'a> {
    let of = members.len();
    members
        .into_iter()
        .zip(1..)
        .map(|((view, project), place)| {
            let priority = view.record.item.priority;
            let reason = RankReason { priority, since: since(&view), place, of, last_start };
            Candidate { view, project, reason }
        })
        .collect()
}

fn since(view: &ItemView<'_>) -> Timestamp {
    view.record.item.created_at.unwrap_or(view.record.created)
}
