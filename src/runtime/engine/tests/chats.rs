//! Commands from chats: each counts once, whatever is delivered again and whenever the daemon dies.

use super::super::{Asked, Chat};
use super::*;
use crate::domain::event::Event;
use crate::domain::ids::{OPS_STREAM, StreamId};

const ITEM: &str = ONE;

fn bench() -> Bench {
    Bench::new(ITEM)
}

fn asked(message: u64) -> Asked {
    Asked {
        by: "human:discord:7".to_owned(),
        level: "operate",
        channel: 10,
        message,
        text: "!pause".to_owned(),
    }
}

fn ask(bench: &mut Bench, message: u64, command: Option<Command>) -> Option<Reply> {
    bench.give(Input::Chat(Chat::Asked { asked: asked(message), command, refused: None }))
}

/// Types of what is in the factory's own stream.
fn ops(bench: &Bench) -> Vec<Event> {
    let stream = StreamId::new(OPS_STREAM);
    let all = wait(bench.store.read_stream(&stream, 1, 100)).unwrap();
    all.iter().filter_map(|recorded| recorded.event.known().cloned()).collect()
}

fn pauses(bench: &Bench) -> usize {
    ops(bench).iter().filter(|event| matches!(event, Event::Paused { .. })).count()
}

#[test]
fn a_command_delivered_twice_is_carried_out_once_also_by_the_next_daemon() {
    let mut bench = bench();
    let first = ask(&mut bench, 5, Some(Command::Pause)).unwrap();
    assert!(first.accepted);
    assert_eq!(ask(&mut bench, 5, Some(Command::Pause)), None);
    assert_eq!(pauses(&bench), 1);
    bench.restart();
    assert_eq!(ask(&mut bench, 5, Some(Command::Pause)), None);
    assert_eq!(pauses(&bench), 1);
    assert!(ask(&mut bench, 4, Some(Command::Pause)).is_some(), "an earlier one, overtaken");
}

#[test]
fn who_asked_what_and_what_came_of_it_is_on_record_in_the_same_batch() {
    let mut bench = bench();
    let reply = ask(&mut bench, 5, Some(Command::Cancel { target: "A-9".to_owned() })).unwrap();
    assert!(!reply.accepted);
    let refused = Some("this takes the level admin".to_owned());
    let chat = Chat::Asked { asked: asked(6), command: Some(Command::Pause), refused };
    assert!(!bench.give(Input::Chat(chat)).unwrap().accepted);
    assert_eq!(pauses(&bench), 0, "what is refused is not carried out");
    let received: Vec<(String, String, bool, String)> = ops(&bench)
        .into_iter()
        .filter_map(|event| match event {
            Event::CommandReceived { by, message, accepted, outcome, .. } => {
                Some((by, message, accepted, outcome))
            }
            _ => None,
        })
        .collect();
    let by = || "human:discord:7".to_owned();
    assert_eq!(
        received,
        [
            (by(), "5".to_owned(), false, reply.message),
            (by(), "6".to_owned(), false, "this takes the level admin".to_owned()),
        ]
    );
}

#[test]
fn an_answer_that_was_not_sent_is_owed_also_by_the_next_daemon() {
    let mut bench = bench();
    ask(&mut bench, 5, Some(Command::Pause));
    ask(&mut bench, 6, None);
    bench.give(Input::Chat(Chat::Answered { channel: 10, message: 6 }));
    bench.restart();
    let owed = &bench.engine.inbox().owed;
    assert_eq!(owed.len(), 1);
    assert_eq!((owed[0].message, owed[0].accepted), (5, true));
    assert!(owed[0].outcome.starts_with("paused"), "{}", owed[0].outcome);
}

#[test]
fn how_far_a_channel_was_read_and_where_reports_are_survives_a_restart() {
    let mut bench = bench();
    let subject = || "local/A-1".to_owned();
    bench.give(Input::Chat(Chat::Read { channel: 10, message: 8 }));
    bench.give(Input::Chat(Chat::Read { channel: 10, message: 7 }));
    bench.give(Input::Chat(Chat::Posted {
        subject: subject(),
        channel: 10,
        message: 20,
        thread: Some(21),
    }));
    bench.restart();
    assert_eq!(bench.engine.inbox().read_to(10), Some(8));
    assert_eq!(bench.engine.inbox().posts[&subject()].thread, Some(21));
    bench.give(Input::Chat(Chat::Closed { subject: subject() }));
    bench.restart();
    assert!(bench.engine.inbox().posts.is_empty());
}
