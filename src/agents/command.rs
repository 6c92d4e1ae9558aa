//! Any program: the prompt on its standard input, the answer on its standard output or in a file.

use std::ffi::OsString;
use std::path::Path;

use crate::domain::agent::{AgentKind, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};

use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::widening;
use super::{
    Adapter, AgentError, AgentEvent, AgentSettings, Capabilities, CommandLine, FileBody,
    Invocation, PrivateFile, ProcessEnd, QuotaSource, ReadOnly, Transcript, TurnSummary,
    UsageReporting, classification,
};

#[cfg(test)]
mod tests;

/// "Try again later" of `sysexits.h`; also how one agent signals a used-up quota.
const TEMPORARY_FAILURE: i32 = 75;

/// What a shell exits with when the program cannot be executed or found.
const NOT_EXECUTABLE: [i32; 2] = [126, 127];

/// The adapter for any program.
pub(super) struct Command;

impl Adapter for Command {
    fn kind(&self) -> AgentKind {
        AgentKind::Command
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: false,
            approve: false,
            resume: false,
            usage: UsageReporting::None,
            cost: false,
            read_only: ReadOnly::Vouched,
            quota_source: QuotaSource::None,
            session_chosen_by_us: true,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        let missing = |what| AgentError::Missing { agent: settings.name.clone(), what };
        let program = settings.program.clone().ok_or_else(|| missing("a program"))?;
        widening::want_kept(settings, invocation, "nobody vouches that this program only reads")?;
        let uses = |placeholder: &str| settings.args.iter().any(|arg| arg.contains(placeholder));
        let model = invocation.model.or(settings.model.as_deref());
        if model.is_none() && uses("{model}") {
            return Err(missing("a model, because its arguments mention {model}"));
        }
        let prompt_file = invocation.scratch.join("prompt.md");
        let answer_file = invocation.scratch.join("answer.md");
        let values = [
            ("{model}", OsString::from(model.unwrap_or_default())),
            ("{prompt_file}", prompt_file.clone().into()),
            ("{workspace}", invocation.workspace.into()),
            ("{answer_file}", answer_file.clone().into()),
            ("{stage}", invocation.stage.word().into()),
            ("{session}", invocation.session.into()),
        ];
        let by_file = uses("{prompt_file}");
        let prompt = invocation.prompt.to_owned();
        let file = PrivateFile { path: prompt_file, body: FileBody::Text(prompt.clone()) };
        Ok(CommandLine {
            program,
            args: settings.args.iter().map(|arg| filled(arg, &values)).collect(),
            env: environment::build(
                settings,
                invocation,
                &Own { defaults: &[], fixed: &turn_variables(invocation, model, &answer_file) },
            ),
            stdin: if by_file { Stdin::Null } else { Stdin::Closed(prompt) },
            opening: None,
            files: if by_file { vec![file] } else { Vec::new() },
            answer_file: Some(answer_file),
            graceful: Signal::Terminate,
        })
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<CommandTranscript>::default()
    }
}

/// What a program is told about its turn besides the prompt.
pub(super) fn turn_variables(
    invocation: &Invocation<'_>,
    model: Option<&str>,
    answer_file: &Path,
) -> Vec<(&'static str, String)> {
    vec![
        ("ENACT_STAGE", invocation.stage.word().to_owned()),
        ("ENACT_ROUND", invocation.round.to_string()),
        ("ENACT_ITEM", invocation.identifier.to_owned()),
        ("ENACT_SESSION", invocation.session.to_owned()),
        ("ENACT_MODEL", model.unwrap_or_default().to_owned()),
        ("ENACT_ANSWER_FILE", answer_file.to_string_lossy().into_owned()),
        ("ENACT_READ_ONLY", u8::from(invocation.read_only).to_string()),
        ("ENACT_EFFORT", invocation.effort.unwrap_or_default().to_owned()),
    ]
}

/// Replaces the placeholders in one pass, so that a value which looks like one stays as it is.
fn filled(template: &str, values: &[(&str, OsString)]) -> OsString {
    let mut out = OsString::new();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let (before, from_brace) = rest.split_at(start);
        out.push(before);
        match values.iter().find(|(name, _)| from_brace.starts_with(name)) {
            Some((name, value)) => {
                out.push(value);
                rest = &from_brace[name.len()..];
            }
            None => {
                out.push("{");
                rest = &from_brace[1..];
            }
        }
    }
    out.push(rest);
    out
}

/// Standard output, of which the end is kept.
#[derive(Default)]
struct CommandTranscript {
    output: String,
}

impl Transcript for CommandTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        self.output.push_str(line);
        self.output.push('\n');
        if self.output.len() > 4 * classification::TEXT_LIMIT {
            self.output = classification::bounded_text(std::mem::take(&mut self.output));
        }
        vec![AgentEvent::Text(line.to_owned())]
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let judged = match judge(&end) {
            None => TurnEnding::Completed,
            Some(failure) => TurnEnding::Failed { failure },
        };
        let answer = end.answer.filter(|answer| !answer.trim().is_empty());
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(answer.unwrap_or(self.output)),
            usage: Usage { unpriced_calls: 1, ..Usage::default() },
            session: None,
            model: None,
            tool_calls: 0,
        }
    }
}

fn judge(end: &ProcessEnd<'_>) -> Option<Failure> {
    let said = classification::last_line(end.stderr_tail).unwrap_or("nothing on standard error");
    let (class, how) = match (end.exit.code, end.exit.signal) {
        (Some(0), None) => return None,
        (_, Some(signal)) => (FailureClass::Infrastructure, format!("ended by signal {signal}")),
        (Some(TEMPORARY_FAILURE), None) => {
            (FailureClass::Infrastructure, "exited with 75 (temporary failure)".to_owned())
        }
        (Some(code), None) if NOT_EXECUTABLE.contains(&code) => {
            (FailureClass::Configuration, format!("exited with {code} (cannot be executed)"))
        }
        (Some(code), None) => (FailureClass::Agent, format!("exited with {code}")),
        (None, None) => (FailureClass::Configuration, "was not started".to_owned()),
    };
    Some(classification::failure(class, &format!("{how}: {said}")))
}
