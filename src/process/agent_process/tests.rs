use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::process::agent_process::{
    Finished, Limits, MAX_LINE, OnStarted, Signal, Spawn, StopPlan, run,
};
use crate::process::conversation::{Flow, Line, Stream};
use crate::process::journal;
use crate::process::marker::Marker;
use crate::process::redact::Redactor;
use crate::process::speech::{Speech, Stdin, voice};

mod endings;
mod leftovers;
mod talks;

/// An agent that is this shell script, in a directory of its own.
struct Script {
    place: TempDir,
    spawn: Spawn,
}

impl Script {
    fn new(script: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let run = place.path().file_name().unwrap().to_string_lossy().into_owned();
        let spawn = Spawn {
            program: PathBuf::from("sh"),
            args: vec!["-c".into(), script.into()],
            cwd: place.path().to_path_buf(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            stdin: Stdin::Null,
            confinement: None,
            marker: Marker::new("agent-test", &run),
            limits: Limits {
                total: Duration::from_secs(120),
                silence: Duration::MAX,
                max_line: MAX_LINE,
                max_output: 64 << 20,
            },
            stop: StopPlan { graceful: Signal::Terminate, grace: Duration::from_secs(60) },
            journal: place.path().join("turns/journal"),
            redactor: Redactor::new(vec![SecretString::from("hunter2-value")]),
        };
        Self { place, spawn }
    }

    fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.spawn.limits);
        self
    }

    fn grace(mut self, milliseconds: u64) -> Self {
        self.spawn.stop.grace = Duration::from_millis(milliseconds);
        self
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn journal(&self) -> String {
        fs::read_to_string(&self.spawn.journal).unwrap()
    }

    async fn run(&self) -> (Finished, Vec<Line>) {
        self.run_with(&CancellationToken::new(), |_| Flow::Continue).await
    }

    async fn run_with(
        &self,
        cancel: &CancellationToken,
        mut on_line: impl FnMut(&Line) -> Flow + Send,
    ) -> (Finished, Vec<Line>) {
        let mut lines = Vec::new();
        let mut keep = |line: Line| {
            let flow = on_line(&line);
            lines.push(line);
            flow
        };
        let finished =
            run(self.spawn.clone(), cancel, ignored(), silent(), &mut keep).await.unwrap();
        assert_eq!(finished.lines, lines.len() as u64);
        (finished, lines)
    }
}

fn ignored<'a>() -> OnStarted<'a> {
    Box::new(|_| Box::pin(async {}))
}

fn silent() -> Speech {
    voice().1
}

fn texts(lines: &[Line], stream: Stream) -> Vec<&str> {
    lines.iter().filter(|line| line.stream == stream).map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn both_streams_arrive_as_lines_and_only_stdout_is_journaled() {
    let script = Script::new("echo one; echo oops >&2; printf two; exit 4");
    let (finished, lines) = script.run().await;
    assert_eq!(texts(&lines, Stream::Stdout), ["one", "two"]);
    assert_eq!(texts(&lines, Stream::Stderr), ["oops"]);
    assert_eq!(finished.exit.code, Some(4));
    assert_eq!(finished.stderr_tail, "oops\n");
    assert_eq!(script.journal(), "one\ntwo\n");
    assert!(finished.leftovers.is_empty() && finished.also.is_empty());
    let mode = fs::metadata(&script.spawn.journal).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn invariant_13_the_environment_is_what_was_given_and_the_marker() {
    let mut script = Script::new("");
    script.spawn.program = PathBuf::from("env");
    script.spawn.args = Vec::new();
    let (_, lines) = script.run().await;
    let marker = format!("ENACT_FACTORY_RUN={}", script.spawn.marker.value());
    let mut environment = texts(&lines, Stream::Stdout);
    environment.sort_unstable();
    assert_eq!(environment, [marker.as_str(), "PATH=/usr/bin:/bin"]);
}

#[tokio::test]
async fn the_prompt_is_written_and_standard_input_closed() {
    let mut script = Script::new("cat; echo end");
    script.spawn.stdin = Stdin::Closed("x".repeat(2_000_000));
    let (_, lines) = script.run().await;
    assert_eq!(lines[0].text.len(), 2_000_003);
    script.spawn.stdin = Stdin::Null;
    let (_, lines) = script.run().await;
    assert_eq!(texts(&lines, Stream::Stdout), ["end"]);
}

#[tokio::test]
async fn an_agent_that_exits_without_reading_its_prompt_is_no_error() {
    let mut script = Script::new("echo bye");
    script.spawn.stdin = Stdin::Closed("x".repeat(5 << 20));
    let (finished, lines) = script.run().await;
    assert_eq!(finished.exit.code, Some(0));
    assert_eq!(texts(&lines, Stream::Stdout), ["bye"]);
}

#[tokio::test]
async fn the_start_is_noted_before_the_prompt_is_written() {
    let mut script = Script::new("read line; cat noted; echo; echo $$");
    script.spawn.stdin = Stdin::Closed("go\n".to_owned());
    let note = script.path().join("noted");
    let on_started: OnStarted<'_> = Box::new(move |identity| {
        Box::pin(async move {
            tokio::task::yield_now().await;
            fs::write(note, identity.pid.to_string()).unwrap();
        })
    });
    let mut lines = Vec::new();
    let mut keep = |line: Line| {
        lines.push(line.text);
        Flow::Continue
    };
    let cancel = CancellationToken::new();
    let _finished =
        run(script.spawn.clone(), &cancel, on_started, silent(), &mut keep).await.unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], lines[1]);
}

#[tokio::test]
async fn a_line_of_a_megabyte_is_whole_and_one_of_twelve_is_in_a_file() {
    let long = |bytes: usize| format!("head -c {bytes} /dev/zero | tr '\\0' x; echo;");
    let script = Script::new(&format!("{} {} echo after", long(1_000_000), long(12_000_000)));
    let (_, lines) = script.run().await;
    let lengths: Vec<usize> = lines.iter().map(|line| line.text.len()).collect();
    assert_eq!(lengths, [1_000_000, MAX_LINE, 5]);
    let spilled = lines[1].spilled.clone().unwrap();
    assert_eq!(fs::metadata(&spilled).unwrap().len(), 12_000_000);
    assert_eq!(fs::metadata(&spilled).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(script.journal().ends_with("x\n[a longer line is in journal.line-1]\nafter\n"));
}

/// As programs do that run on Node.js or Bun and call `exit` when they have said something.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_long_answer_of_an_agent_that_exits_without_waiting_for_its_reader_is_whole() {
    let said = "head -c 900000 /dev/zero | tr '\\0' x > said; echo >> said; \
                dd if=said of=/dev/stdout bs=1M count=1 oflag=nonblock status=none";
    for _ in 0..5 {
        let (finished, lines) = Script::new(said).run().await;
        assert_eq!(finished.exit.code, Some(0), "{}", finished.stderr_tail);
        assert_eq!(lines[0].text.len(), 900_000);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced_and_characters_never_split() {
    // 0x303 0x251 (octal) is one character, written in two pieces; 0x377 is none.
    let (_, lines) = Script::new(r"printf 'a\303'; printf '\251b\377c\n'").run().await;
    assert_eq!(texts(&lines, Stream::Stdout), ["aéb\u{fffd}c"]);
}

#[tokio::test]
async fn invariant_12_the_journal_is_bounded_and_says_so() {
    let line = "x".repeat(99);
    let count = format!("i=0; while [ $i -lt 1000 ]; do echo $i {line}; i=$((i+1)); done");
    let script = Script::new(&count).limits(|limits| limits.max_output = 16_000);
    let (_, lines) = script.run().await;
    assert_eq!(lines.len(), 1000);
    let (mut bytes, mut names) = (0, Vec::new());
    for entry in fs::read_dir(script.spawn.journal.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
        bytes += about.len();
        names.push(entry.file_name());
    }
    assert!((12_000..17_000).contains(&bytes), "{bytes} bytes in {names:?}");
    let kept = String::from_utf8(journal::read_all(&script.spawn.journal).unwrap()).unwrap();
    assert!(kept.starts_with("0 x") && kept.ends_with(&format!("999 {line}\n")), "{kept}");
    assert!(kept.contains(" older bytes are left out: a transcript may have 16000]\n"), "{kept}");
}

#[tokio::test]
async fn invariant_13_secrets_reach_the_adapter_but_not_the_disk() {
    let script = Script::new(
        "echo hunter2-value; echo hunter2-value >&2; printf '%s' 12345hunter2-value67890",
    )
    .limits(|limits| limits.max_line = 8);
    let (finished, lines) = script.run().await;
    assert_eq!(lines[0].text, "hunter2-");
    assert_eq!(finished.stderr_tail, "hunter2-\n");
    for line in &lines {
        let file = fs::read_to_string(line.spilled.clone().unwrap()).unwrap();
        assert!(file.contains("[redacted]") && !file.contains("hunter2"), "{file}");
    }
    let script = Script::new("echo hunter2-value; echo hunter2-value >&2");
    let (finished, lines) = script.run().await;
    assert_eq!(lines[0].text, "hunter2-value");
    assert_eq!(finished.stderr_tail, "[redacted]\n");
    assert_eq!(script.journal(), "[redacted]\n");
}

#[test]
fn a_run_may_move_between_threads() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let script = Script::new("");
    let cancel = CancellationToken::new();
    let mut go_on = |_: Line| Flow::Continue;
    // Compiling is the test: adapters are called through object-safe traits, whose futures must be `Send`.
    drop(sendable(run(script.spawn, &cancel, ignored(), silent(), &mut go_on)));
}
