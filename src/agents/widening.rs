//! What makes a turn read-only, and that operators' own arguments must not undo it.

use super::{AgentError, AgentSettings, Invocation};

/// Refuses a turn that must be read-only when neither the operating system nor the operator's word makes it so; `reason`
/// is why the agent itself does not.
pub(super) fn want_kept(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    reason: &str,
) -> Result<(), AgentError> {
    if !invocation.read_only || invocation.confined || settings.read_only_enforced {
        return Ok(());
    }
    Err(AgentError::ReadOnlyNotEnforced { agent: settings.name.clone(), reason: reason.to_owned() })
}

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
