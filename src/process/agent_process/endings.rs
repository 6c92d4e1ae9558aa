//! Which of several reasons to end an agent counts.

use super::Ending;

/// The first reason to end wins; the others are kept.
#[derive(Default)]
pub(super) struct Endings {
    pub(super) first: Option<Ending>,
    pub(super) late: Vec<Ending>,
}

impl Endings {
    /// The only place where an ending is decided.
    pub(super) fn note(&mut self, ending: Ending) {
        if self.first.is_none() {
            self.first = Some(ending);
        } else if self.first != Some(ending) && !self.late.contains(&ending) {
            self.late.push(ending);
        }
    }
}
