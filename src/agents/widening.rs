//! Operators' own arguments must not undo what makes a turn read-only.

use super::{AgentError, AgentSettings};

/// Refuses when an extra argument starts with one of `beginnings`, unless the operator vouches for the agent.
pub(super) fn refuse(settings: &AgentSettings, beginnings: &[&str]) -> Result<(), AgentError> {
    let widens = |argument: &&String| beginnings.iter().any(|word| argument.starts_with(word));
    match settings.args.iter().find(widens) {
        Some(argument) if !settings.read_only_enforced => Err(AgentError::ReadOnlyNotEnforced {
            agent: settings.name.clone(),
            reason: format!("its configured argument {argument:?} could widen what it may do"),
        }),
        Some(_) | None => Ok(()),
    }
}
