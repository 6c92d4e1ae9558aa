//! The environment variable by which everything a run started is found again, in whatever session it hides.

use std::collections::BTreeMap;

/// The variable's name. Inherited by every descendant that does not clear its environment.
pub const VARIABLE: &str = "ENACT_FACTORY_RUN";

/// One run's mark. Unique per state directory and run: two daemons on one machine never end each other's processes.
/// Only one process set may carry a given mark at a time, because ending the set ends everything that carries it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker {
    value: String,
}

impl Marker {
    /// The mark of `run` under the state directory whose id is `instance`. Characters that the process listing of some
    /// systems cannot show unambiguously (anything but letters, digits, `-`, `_`, `.`) become `_`.
    #[must_use]
    pub fn new(instance: &str, run: &str) -> Self {
        Self { value: format!("{}{}", instance_prefix(instance), plain(run)) }
    }

    /// The mark with this value, made by [`Self::new`] in another process.
    #[must_use]
    pub fn carried(value: &str) -> Self {
        Self { value: value.to_owned() }
    }

    /// The mark that `environment` carries, if it does.
    #[must_use]
    pub fn in_environment(environment: &BTreeMap<String, String>) -> Option<Self> {
        environment.get(VARIABLE).map(|value| Self { value: value.clone() })
    }

    /// The variable's value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// What every mark of `instance` begins with: finds the processes of all of its runs.
#[must_use]
pub fn instance_prefix(instance: &str) -> String {
    format!("{}:", plain(instance))
}

fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect()
}
