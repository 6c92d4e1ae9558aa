use std::fs;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Script, ignored};
use crate::process::agent_process::{Ending, run};
use crate::process::conversation::{Flow, Line, Listener};
use crate::process::speech::{Stdin, Voice, voice};
use crate::process::testing::until;

/// Answers every line that asks something, and knows how to interrupt.
struct Answering {
    voice: Voice,
    lines: Vec<String>,
    interrupt: Option<String>,
}

impl Answering {
    fn new(voice: Voice) -> Self {
        Self { voice, lines: Vec::new(), interrupt: None }
    }
}

impl Listener for Answering {
    fn line(&mut self, line: Line) -> Flow {
        let flow = if line.text == "bye" { Flow::Finished } else { Flow::Continue };
        if let Some(question) = line.text.strip_prefix("ask ") {
            let _unread = self.voice.say(format!("answer {question}"));
        }
        self.lines.push(line.text);
        flow
    }

    fn interrupt(&mut self) -> Option<String> {
        self.interrupt.take()
    }
}

#[tokio::test]
async fn an_agent_is_answered_and_its_input_ends_when_it_is_finished() {
    let mut script = Script::new(
        "read prompt; echo got $prompt; echo ask 1; read a; echo $a; echo ask 2; read a; echo $a; \
         echo bye; cat; echo input ended",
    );
    script.spawn.stdin = Stdin::Open("hello\n".to_owned());
    let (voice, speech) = voice();
    let mut listener = Answering::new(voice.clone());
    let cancel = CancellationToken::new();
    let finished =
        run(script.spawn.clone(), &cancel, ignored(), speech, &mut listener).await.unwrap();
    assert_eq!(finished.ending, Ending::Exited);
    let expected = ["got hello", "ask 1", "answer 1", "ask 2", "answer 2", "bye", "input ended"];
    assert_eq!(listener.lines, expected);
    assert!(voice.say("too late".to_owned()).is_err());
}

#[tokio::test]
async fn an_agent_that_does_not_read_is_read_all_the_same() {
    let questions = "i=0; while [ $i -lt 3000 ]; do echo ask $i; i=$((i+1)); done";
    let mut script = Script::new(&format!("{questions}; echo bye; cat | wc -l"));
    let prompt = "x".repeat(1 << 20);
    script.spawn.stdin = Stdin::Open(format!("{prompt}\n"));
    let (voice, speech) = voice();
    let mut listener = Answering::new(voice);
    let cancel = CancellationToken::new();
    let _finished =
        run(script.spawn.clone(), &cancel, ignored(), speech, &mut listener).await.unwrap();
    // The prompt and every answer, although the end was near before any of it was read.
    assert_eq!(listener.lines.last().map(|line| line.trim()), Some("3001"));
}

#[tokio::test]
async fn what_is_said_is_confirmed_when_it_is_written_and_refused_when_it_cannot_be() {
    let mut script =
        Script::new("read prompt; read told; echo $told; exec <&-; echo deaf; sleep 1000");
    script.spawn.stdin = Stdin::Open("hello\n".to_owned());
    let (voice, speech) = voice();
    let cancel = CancellationToken::new();
    let (teller, ears) = (voice.clone(), cancel.clone());
    let confirmed = voice.say("turn left".to_owned()).unwrap();
    let (heard, deaf) = oneshot::channel();
    let mut heard = Some(heard);
    let mut listener = |line: Line| {
        if line.text == "deaf" {
            let _told = heard.take().map(|heard| heard.send(()));
        }
        Flow::Continue
    };
    let running = run(script.spawn.clone(), &cancel, ignored(), speech, &mut listener);
    let outside = async move {
        confirmed.await.unwrap();
        deaf.await.unwrap();
        let lost = teller.say("turn right".to_owned());
        if let Ok(lost) = lost {
            assert!(lost.await.is_err());
        }
        ears.cancel();
    };
    let (finished, ()) = tokio::join!(running, outside);
    assert_eq!(finished.unwrap().ending, Ending::Cancelled);
    assert_eq!(script.journal(), "turn left\ndeaf\n");
}

#[tokio::test]
async fn an_agent_is_interrupted_in_its_own_terms_before_it_is_signalled() {
    let mut script = Script::new(
        "trap 'echo signalled' TERM; read prompt; echo up; read told; echo $told; echo bye; exit 3",
    );
    script.spawn.stdin = Stdin::Open("hello\n".to_owned());
    let (voice, speech) = voice();
    let mut listener = Answering::new(voice);
    listener.interrupt = Some("please stop".to_owned());
    let cancel = CancellationToken::new();
    let stopper = cancel.clone();
    let journal = script.spawn.journal.clone();
    let running = run(script.spawn.clone(), &cancel, ignored(), speech, &mut listener);
    let outside = async move {
        until(|| fs::read_to_string(&journal).is_ok_and(|text| text.contains("up"))).await;
        stopper.cancel();
    };
    let (finished, ()) = tokio::join!(running, outside);
    let finished = finished.unwrap();
    assert_eq!((finished.ending, finished.exit.code), (Ending::Cancelled, Some(3)));
    assert_eq!(listener.lines, ["up", "please stop", "bye"]);
}
