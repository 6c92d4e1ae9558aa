use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Script, texts};
use crate::process::agent_process::{Ending, Signal};
use crate::process::conversation::{Flow, Line, Stream};
use crate::process::speech::Stdin;

const MOMENT: Duration = Duration::from_millis(300);

fn silence(script: &str) -> Script {
    Script::new(script).limits(|limits| limits.silence = MOMENT)
}

/// Waits until the script is ready, then wants `flow`.
fn once_ready(flow: Flow) -> impl FnMut(&Line) -> Flow {
    move |line| if line.text == "ready" { flow } else { Flow::Continue }
}

#[tokio::test]
async fn a_stream_that_stops_in_the_middle_of_a_line_is_silence() {
    let script = Script::new("printf half; exec sleep 1000")
        .limits(|limits| limits.silence = Duration::from_secs(2));
    let (finished, lines) = script.run().await;
    assert_eq!(finished.ending, Ending::SilenceTimeout);
    assert_eq!(finished.exit.signal, Some(15));
    assert_eq!(texts(&lines, Stream::Stdout), ["half"]);
}

#[tokio::test]
async fn closing_its_output_and_living_on_is_silence() {
    let (finished, _) = silence("exec >&- 2>&-; exec sleep 1000").run().await;
    assert_eq!(finished.ending, Ending::SilenceTimeout);
}

#[tokio::test]
async fn retrying_for_ever_without_progress_is_silence() {
    let script = Script::new("while :; do echo retrying; sleep 0.1; done")
        .limits(|limits| limits.silence = Duration::from_secs(1));
    let (finished, lines) = script.run_with(&CancellationToken::new(), |_| Flow::NoProgress).await;
    assert_eq!(finished.ending, Ending::SilenceTimeout);
    assert!(!lines.is_empty());
}

#[tokio::test]
async fn talking_for_ever_meets_the_total_clock() {
    let script = Script::new("while :; do echo talk; done").limits(|limits| {
        limits.total = Duration::from_secs(2);
        limits.max_output = 1000;
    });
    let (finished, lines) = script.run().await;
    assert_eq!(finished.ending, Ending::TotalTimeout);
    assert!(lines.len() > 10);
}

#[tokio::test]
async fn an_agent_that_never_reads_its_prompt_meets_the_clock() {
    let mut script = silence("exec sleep 1000");
    script.spawn.stdin = Stdin::Closed("x".repeat(5 << 20));
    assert_eq!(script.run().await.0.ending, Ending::SilenceTimeout);
}

#[tokio::test]
async fn an_agent_that_ignores_its_signal_is_killed_after_the_grace() {
    let script = Script::new("trap '' TERM; echo ready; while :; do sleep 1000; done").grace(200);
    let (finished, _) = script.run_with(&CancellationToken::new(), once_ready(Flow::Stop)).await;
    assert_eq!(finished.ending, Ending::StoppedByCaller);
    assert_eq!(finished.exit.signal, Some(9));
}

#[tokio::test]
async fn an_agent_gets_its_own_signal_and_time_for_its_last_words() {
    let body = "trap 'echo last words; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    let mut script = Script::new(body);
    script.spawn.stop.graceful = Signal::Interrupt;
    let (finished, lines) =
        script.run_with(&CancellationToken::new(), once_ready(Flow::Stop)).await;
    assert_eq!(finished.exit.code, Some(7));
    assert_eq!(texts(&lines, Stream::Stdout), ["ready", "last words"]);
}

#[tokio::test]
async fn an_agent_without_a_graceful_way_is_killed_at_once() {
    let mut script = Script::new("trap '' TERM; echo ready; while :; do sleep 1000; done");
    script.spawn.stop.graceful = Signal::Kill;
    let (finished, _) = script.run_with(&CancellationToken::new(), once_ready(Flow::Stop)).await;
    assert_eq!(finished.exit.signal, Some(9));
    assert!(finished.duration < script.spawn.stop.grace);
}

#[tokio::test]
async fn invariant_6_of_reasons_at_the_same_time_the_strongest_wins_and_the_others_are_kept() {
    let cancel = CancellationToken::new();
    let script = Script::new("exec sleep 1000").limits(|limits| {
        limits.total = Duration::ZERO;
        limits.silence = Duration::ZERO;
    });
    cancel.cancel();
    let (finished, _) = script.run_with(&cancel, |_| Flow::Continue).await;
    assert_eq!(finished.ending, Ending::Cancelled);
    assert_eq!(finished.also, [Ending::SilenceTimeout, Ending::TotalTimeout]);
}

#[tokio::test]
async fn invariant_6_a_wish_beats_a_judgement() {
    let cancel = CancellationToken::new();
    let script = Script::new("echo ready; exec sleep 1000");
    let both = |_: &Line| {
        cancel.cancel();
        Flow::Stop
    };
    let (finished, _) = script.run_with(&cancel, both).await;
    assert_eq!(finished.ending, Ending::Cancelled);
    assert_eq!(finished.also, [Ending::StoppedByCaller]);
}

#[tokio::test]
async fn invariant_6_cancelling_what_is_being_stopped_is_kept_as_evidence() {
    let cancel = CancellationToken::new();
    let script = Script::new("trap 'echo again' TERM; echo ready; while :; do sleep 0.05; done");
    let script = script.grace(1000);
    let cancel_later = |line: &Line| match line.text.as_str() {
        "ready" => Flow::Stop,
        _ => {
            cancel.cancel();
            Flow::Continue
        }
    };
    let (finished, _) = script.run_with(&cancel, cancel_later).await;
    assert_eq!(finished.ending, Ending::StoppedByCaller);
    assert_eq!(finished.also, [Ending::Cancelled]);
}

#[tokio::test]
async fn after_saying_it_is_done_an_agent_may_exit_by_itself() {
    let script = Script::new("echo ready; sleep 0.1; echo more; exit 0");
    let (finished, lines) =
        script.run_with(&CancellationToken::new(), once_ready(Flow::Finished)).await;
    assert_eq!((finished.ending, finished.exit.code), (Ending::Exited, Some(0)));
    assert_eq!(texts(&lines, Stream::Stdout), ["ready", "more"]);
}

#[tokio::test]
async fn after_saying_it_is_done_an_agent_may_not_linger() {
    let script = Script::new("echo ready; exec sleep 1000").grace(200);
    let (finished, _) =
        script.run_with(&CancellationToken::new(), once_ready(Flow::Finished)).await;
    assert_eq!(finished.ending, Ending::LingeredAfterFinish);
    assert_eq!(finished.exit.signal, Some(15));
}
