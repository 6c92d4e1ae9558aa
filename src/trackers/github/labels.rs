//! The state of an issue: open or closed, why, and one of three labels.

use super::Labels;
use super::wire::Issue;
use crate::domain::work_item::ItemState;

/// One write that brings an issue closer to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Put this label on.
    Add(String),
    /// Take this label off.
    Remove(String),
    /// Close it, for this reason.
    Close(&'static str),
    /// Open it again.
    Open,
}

impl Labels {
    /// Labels that mean a state, the one that wins first: who puts `blocked` on an issue that is being worked on means it.
    fn of_states(&self) -> [(&str, ItemState); 3] {
        [
            (&self.blocked, ItemState::Blocked),
            (&self.in_review, ItemState::InReview),
            (&self.in_progress, ItemState::InProgress),
        ]
    }

    /// Whether a label is the factory's own business.
    pub(super) fn is_own(&self, label: &str) -> bool {
        let boxes = [&self.implementation_complete, &self.review_passed];
        let of_states = self.of_states();
        let own = of_states.iter().map(|(name, _)| *name);
        own.chain(boxes.into_iter().flatten().map(String::as_str))
            .any(|own| own.eq_ignore_ascii_case(label))
    }

    /// The state that people see.
    pub(super) fn state(&self, issue: &Issue) -> ItemState {
        if !issue.is_open() {
            return match issue.state_reason.as_deref() {
                Some("not_planned" | "duplicate") => ItemState::Cancelled,
                _ => ItemState::Done,
            };
        }
        let labelled = self.of_states().into_iter().find(|(name, _)| issue.has(name));
        labelled.map_or(ItemState::Todo, |(_, state)| state)
    }

    /// What to write so that `issue` is in `wanted` and carries no label of another state.
    ///
    /// The order matters: after each of them the state is the one before or `wanted`, so that whoever is interrupted in
    /// between can go on (closed goes before labels, and what is open has its new label before it loses the old one).
    pub(super) fn steps(&self, issue: &Issue, wanted: ItemState) -> Vec<Step> {
        let mut steps = Vec::new();
        let states = self.of_states();
        let add = states.iter().find(|(name, state)| *state == wanted && !issue.has(name));
        let close = self.state(issue) != wanted;
        match wanted {
            ItemState::Done if close => steps.push(Step::Close("completed")),
            ItemState::Cancelled if close => steps.push(Step::Close("not_planned")),
            _ => steps.extend(add.map(|(name, _)| Step::Add((*name).to_owned()))),
        }
        let others = states.iter().filter(|(name, state)| *state != wanted && issue.has(name));
        steps.extend(others.map(|(name, _)| Step::Remove((*name).to_owned())));
        if !wanted.is_terminal() && !issue.is_open() {
            steps.push(Step::Open);
        }
        steps
    }
}
