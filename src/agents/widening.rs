//! What makes a turn read-only, and that operators' own arguments must not undo it.

use std::path::Path;

use crate::domain::agent::Stage;
use crate::domain::budget::Usage;

use super::{Adapter, AgentError, AgentSettings, Invocation};

/// Why nothing would keep an agent from writing in a stage that only reads; nothing when its turns can be kept read-only.
/// The answer is the adapter's own, to a turn that is never run.
pub(super) fn unfit_to_judge(
    adapter: &dyn Adapter,
    settings: &AgentSettings,
    confined: bool,
) -> Option<String> {
    let nowhere = Path::new("/");
    let invocation = Invocation {
        stage: Stage::Critic,
        round: 1,
        prompt: "",
        model: None,
        session: "",
        resume: None,
        used: Usage::default(),
        workspace: nowhere,
        home: nowhere,
        scratch: nowhere,
        effort: None,
        max_turns: None,
        read_only: true,
        confined,
        identifier: "",
        marker: ("", ""),
        own_program: nowhere,
    };
    match adapter.command_line(settings, &invocation) {
        Err(error @ AgentError::ReadOnlyNotEnforced { .. }) => Some(error.to_string()),
        Err(AgentError::PromptTooLarge { .. } | AgentError::Missing { .. }) | Ok(_) => None,
    }
}

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
