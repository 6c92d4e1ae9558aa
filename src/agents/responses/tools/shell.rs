//! `shell`: any command, in the worktree.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::process::ProcessError;
use crate::process::capture::{Capture, Captured};

use super::{Bench, Complaint, Description};

/// Seconds that a command gets when the model names none.
const USUAL: u64 = 120;
/// Most seconds that it can ask for.
const MOST: u64 = 900;

/// Runs the command with both outputs in one, in the order in which they were written.
const BOTH_OUTPUTS: &str = "exec \"$@\" 2>&1";

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    #[serde(alias = "cmd")]
    command: String,
    timeout_seconds: Option<u64>,
}

pub(super) fn describe() -> Description {
    let text = format!(
        "Run a shell command in the worktree and get its exit code and output. It has no terminal and no input. After \
         {USUAL} seconds, or as many as you ask for up to {MOST}, it is ended with everything it started. Nothing stays \
         running after it: start and use a server in the same command."
    );
    let properties = json!({
        "command": { "type": "string" },
        "timeout_seconds": { "type": "integer", "minimum": 1, "maximum": MOST },
    });
    (text, vec!["command"], properties)
}

pub(super) async fn run(bench: &Bench, arguments: Arguments) -> Result<String, Complaint> {
    let seconds = arguments.timeout_seconds.unwrap_or(USUAL).clamp(1, MOST);
    let shell = shell(bench.environment.get("PATH").map_or("", String::as_str));
    let args = ["-c", BOTH_OUTPUTS, "sh"].map(OsString::from).into_iter();
    let capture = Capture {
        program: "/bin/sh".into(),
        args: args.chain([shell.into(), "-c".into(), arguments.command.into()]).collect(),
        cwd: bench.place.root().to_owned(),
        env: bench.environment.clone(),
        stdin: None,
        timeout: Duration::from_secs(seconds),
        max_output: bench.most,
    };
    let captured = capture.run(&bench.cancel).await.map_err(|error| complaint(&error))?;
    Ok(report(&captured, seconds))
}

pub(super) fn complaint(error: &ProcessError) -> Complaint {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    Complaint(format!("{error}{}", source.unwrap_or_default()))
}

/// Bash where there is one, since that is what models write; else what every system has.
fn shell(path: &str) -> PathBuf {
    let directories = path.split(':').map(Path::new).filter(|directory| directory.is_absolute());
    let found = directories.map(|directory| directory.join("bash")).find(|bash| bash.is_file());
    found.unwrap_or_else(|| "/bin/sh".into())
}

fn report(captured: &Captured, seconds: u64) -> String {
    let output = String::from_utf8_lossy(&captured.stdout);
    let seconds_taken = captured.duration.as_secs_f32();
    let head = match (captured.timed_out, captured.exit.code, captured.exit.signal) {
        (true, ..) => format!(
            "TIMED OUT after {seconds} s: the command was ended with everything it had started. Its output until then:"
        ),
        (false, Some(code), _) => format!("exit code {code}, {seconds_taken:.1} s"),
        (false, None, Some(signal)) => format!("ended by signal {signal}, {seconds_taken:.1} s"),
        (false, None, None) => "ended in an unknown way".to_owned(),
    };
    if output.trim().is_empty() {
        format!("{head}\n(no output)")
    } else {
        format!("{head}\n{output}")
    }
}
