//! What a turn came to: process, transcript and answer as one report.

use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::agents::{ProcessEnd, Transcript, TurnSummary};
use crate::domain::agent::{TimeoutKind, TurnEnding, TurnReport};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;
use crate::process::ProcessError;
use crate::process::agent_process::{Ending, Finished};
use crate::process::redact::Redactor;

/// Most bytes of an answer file that are read: its end, where a verdict stands.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// What a turn is judged by, besides what the agent said.
pub(super) struct Evidence {
    /// How its process ended.
    pub(super) finished: Finished,
    /// What it repeated, when it was ended for that.
    pub(super) stuck: Option<String>,
    /// The present.
    pub(super) now: Timestamp,
}

/// Judges a turn whose process has ended.
pub(super) fn judge(
    answer_file: Option<&Path>,
    redactor: &Redactor,
    transcript: Box<dyn Transcript>,
    evidence: Evidence,
) -> TurnReport {
    let Evidence { finished, stuck, now } = evidence;
    let stopped = match finished.ending {
        Ending::Exited | Ending::LingeredAfterFinish => None,
        Ending::SilenceTimeout => Some(TurnEnding::TimedOut { clock: TimeoutKind::Silence }),
        Ending::TotalTimeout => Some(TurnEnding::TimedOut { clock: TimeoutKind::Total }),
        Ending::Cancelled => Some(TurnEnding::Cancelled),
        Ending::StoppedByCaller => Some(TurnEnding::Stuck { evidence: stuck.unwrap_or_default() }),
    };
    let answer = answer_file.and_then(|path| answer(path).ok());
    let TurnSummary { ending, text, usage, session, model, tool_calls } =
        transcript.finish(ProcessEnd {
            exit: finished.exit,
            stderr_tail: &finished.stderr_tail,
            answer,
            now,
            stopped,
        });
    TurnReport {
        ending: redacted(redactor, ending),
        text: redactor.redact(&text).into_owned(),
        usage,
        session,
        model,
        exit: finished.exit,
        duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
        leftovers: u32::try_from(finished.leftovers.len()).unwrap_or(u32::MAX),
        tool_calls,
    }
}

/// The end of the answer that the agent left in a file. Whatever else it put there (a pipe, a link) is no answer.
fn answer(path: &Path) -> io::Result<String> {
    if !path.symlink_metadata()?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_ANSWER)))?;
    let mut bytes = Vec::new();
    file.take(MAX_ANSWER).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn redacted(redactor: &Redactor, ending: TurnEnding) -> TurnEnding {
    match ending {
        TurnEnding::Failed { failure } => {
            let message = redactor.redact(&failure.message).into_owned();
            TurnEnding::Failed { failure: Failure { message, ..failure } }
        }
        other => other,
    }
}

/// The report of a turn whose process could not be run or accounted for.
pub(super) fn not_run(error: &ProcessError) -> TurnReport {
    let class = match error {
        ProcessError::Spawn { source, .. }
            if source.kind() == ErrorKind::NotFound
                || source.kind() == ErrorKind::PermissionDenied =>
        {
            FailureClass::Configuration
        }
        ProcessError::Cancelled => FailureClass::Cancelled,
        ProcessError::Spawn { .. }
        | ProcessError::WorkingDirectory { .. }
        | ProcessError::Wait { .. }
        | ProcessError::Table { .. }
        | ProcessError::Survivors { .. }
        | ProcessError::Journal { .. } => FailureClass::Infrastructure,
    };
    let mut message = error.to_string();
    if let Some(source) = error.source() {
        message = format!("{message}: {source}");
    }
    TurnReport::not_started(Failure::new(class, message))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_answer_that_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer");
        symlink("/dev/zero", &path).unwrap();
        assert!(answer(&path).is_err());
        assert!(answer(folder.path()).is_err());
    }

    #[test]
    fn of_an_endless_answer_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer");
        let mut text = "x".repeat(usize::try_from(MAX_ANSWER).unwrap() + 10);
        text.push_str("the end");
        fs::write(&path, text).unwrap();
        let answer = answer(&path).unwrap();
        assert!(answer.ends_with("the end"));
        assert_eq!(u64::try_from(answer.len()).unwrap(), MAX_ANSWER);
    }
}
