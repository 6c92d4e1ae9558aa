//! Gate `blocked-by`: what an item names as a blocker must be done first.
//!
//! Done is what we or the tracker call done. A blocker that failed, was given up, was withdrawn or never existed keeps
//! blocking: nobody said the dependent makes sense without it, so a person has to change the link.

use super::super::because::{Blocker, BlockerState, HeldBecause, NAMED_ITEMS};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let (blockers, total) = context.dependencies.blockers_of(view.id, NAMED_ITEMS);
    if blockers.is_empty() {
        return None;
    }
    if let Some((path, length)) = context.dependencies.cycle_of(view.id) {
        let held = Held::new(HeldBecause::DependencyCycle { path, length });
        return Some(held.released_by("take one of these links away"));
    }
    let dead_end = blockers.iter().find(|blocker| !blocker.state.may_resolve()).cloned();
    let chain_end = context.dependencies.chain_end_of(view.id);
    let stuck_end = chain_end.clone().filter(|end| !end.state.may_resolve());
    let held = Held::new(HeldBecause::Blocked { blockers, total, chain_end });
    Some(match dead_end.or(stuck_end) {
        Some(end) => held.released_by(release(&end)),
        None => held,
    })
}

fn release(end: &Blocker) -> String {
    let name = end.item.identifier();
    match end.state {
        BlockerState::Failed => {
            format!("enact-factory retry {name}, or no longer name it as a blocker")
        }
        BlockerState::Unknown
        | BlockerState::Withdrawn
        | BlockerState::Cancelled
        | BlockerState::InCycle
        | BlockerState::Open(_) => format!("no longer name {name} as a blocker"),
    }
}

#[cfg(test)]
mod tests;
