//! Which deliveries have come before, as far back as a bound.

use std::collections::{BTreeSet, VecDeque};

/// Deliveries that are remembered.
const MOST: usize = 4096;

/// Longest name of a delivery that is remembered: GitHub's have 36 characters, Azure DevOps' some more.
const LONGEST: usize = 200;

/// Names of deliveries, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Seen {
    names: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Remembers `name`. Whether it had come before.
    pub(super) fn before(&mut self, name: &str) -> bool {
        if name.is_empty() || name.len() > LONGEST {
            return false;
        }
        if !self.names.insert(name.to_owned()) {
            return true;
        }
        self.order.push_back(name.to_owned());
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Seen};

    #[test]
    fn a_bounded_number_is_remembered_and_the_oldest_is_forgotten_first() {
        let mut seen = Seen::default();
        assert!(!seen.before("first"));
        assert!(seen.before("first"));
        for number in 1..MOST {
            assert!(!seen.before(&number.to_string()));
        }
        assert!(seen.before("first"));
        assert!(!seen.before("one more"));
        assert!(!seen.before("first"), "it was the oldest");
        assert_eq!((seen.names.len(), seen.order.len()), (MOST, MOST));
        assert!(!seen.before("") && !seen.before(""), "what has no name is new every time");
    }
}
