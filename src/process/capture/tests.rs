use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::process::ProcessError;
use crate::process::capture::{Capture, Captured};
use crate::process::marker;
use crate::process::testing::{noted, noted_pid, runs, stubborn, until};

fn shell(script: &str) -> Capture {
    Capture {
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        cwd: std::env::temp_dir(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 1 << 20,
    }
}

async fn run(capture: Capture) -> Captured {
    capture.run(&CancellationToken::new()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn both_outputs_and_the_exit_code_are_kept() {
    let captured = run(shell("echo out; echo err >&2; exit 3")).await;
    assert_eq!(text(&captured.stdout), "out\n");
    assert_eq!(text(&captured.stderr), "err\n");
    assert_eq!((captured.exit.code, captured.exit.signal), (Some(3), None));
    assert!(!captured.truncated && !captured.timed_out && !captured.succeeded());
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let mut capture = shell("");
    capture.program = PathBuf::from("env");
    capture.args = Vec::new();
    capture.env.insert("ONLY".to_owned(), "this".to_owned());
    assert_eq!(text(&run(capture).await.stdout), "ONLY=this\nPATH=/usr/bin:/bin\n");
}

#[tokio::test]
async fn standard_input_is_written_and_closed() {
    let capture = Capture { stdin: Some(vec![b'x'; 300_000]), ..shell("cat | wc -c") };
    assert_eq!(text(&run(capture).await.stdout).trim(), "300000");
    assert_eq!(text(&run(shell("cat | wc -c")).await.stdout).trim(), "0");
}

#[tokio::test]
async fn a_program_that_does_not_read_its_five_megabytes_of_input_is_no_error() {
    let capture = Capture { stdin: Some(vec![b'x'; 5 << 20]), ..shell("echo done") };
    assert_eq!(text(&run(capture).await.stdout), "done\n");
}

#[tokio::test]
async fn of_too_much_output_the_beginning_and_the_end_are_kept() {
    let script = "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last";
    let captured = run(Capture { max_output: 1000, ..shell(script) }).await;
    let stdout = text(&captured.stdout);
    assert!(captured.truncated);
    assert!(stdout.starts_with("first\nxxx") && stdout.ends_with("xxx\nlast\n"));
    assert!(stdout.contains("[2999012 bytes left out]"), "{}", &stdout[490..560]);
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_is_ended_at_its_timeout() {
    let script = "trap '' TERM; echo started; while :; do sleep 1000; done";
    let captured = run(Capture { timeout: Duration::from_millis(300), ..shell(script) }).await;
    assert!(captured.timed_out);
    assert_eq!(captured.exit.signal, Some(9));
    assert_eq!(text(&captured.stdout), "started\n");
}

#[tokio::test]
async fn cancelling_ends_it() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = shell("sleep 1000").run(&cancel).await.unwrap_err();
    assert!(matches!(error, ProcessError::Cancelled));
}

#[tokio::test]
async fn what_outlives_a_marked_program_is_ended_even_in_its_own_session() {
    let place = tempfile::tempdir().unwrap();
    let mut capture = shell(&format!("{} exit 0", stubborn("outlives")));
    capture.cwd = place.path().to_path_buf();
    let mark = place.path().to_string_lossy().into_owned();
    capture.env.insert(marker::VARIABLE.to_owned(), mark);
    assert!(run(capture).await.succeeded());
    assert!(!runs(noted_pid(place.path(), "outlives")));
}

#[tokio::test]
async fn dropping_it_ends_what_it_started() {
    let place = tempfile::tempdir().unwrap();
    let mut capture = shell(&format!("{} sleep 1000", stubborn("dropped")));
    capture.cwd = place.path().to_path_buf();
    tokio::select! {
        _ = run(capture) => panic!("ended by itself"),
        () = until(|| noted(place.path(), "dropped").is_some()) => {}
    }
    let pid = noted_pid(place.path(), "dropped");
    until(|| !runs(pid)).await;
}

#[tokio::test]
async fn a_missing_program_and_a_missing_directory_are_told_apart() {
    let absent = Capture { program: PathBuf::from("/no/such/program"), ..shell("") };
    let error = absent.run(&CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "could not start /no/such/program");
    let nowhere = Capture { cwd: PathBuf::from("/no/such/directory"), ..shell("") };
    let error = nowhere.run(&CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "no directory to start in: /no/such/directory");
}
