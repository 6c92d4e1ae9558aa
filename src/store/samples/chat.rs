//! One event of every type that chats leave behind.

use crate::domain::event::Event;

use crate::store::samples::run_id;

pub(in crate::store) fn chat_events() -> Vec<Event> {
    let channel = || "1100000000000000001".to_owned();
    let message = || "1100000000000000002".to_owned();
    vec![
        Event::CommandReceived {
            by: "human:discord:1100000000000000003".to_owned(),
            level: "operate".to_owned(),
            channel: channel(),
            message: message(),
            text: "!pause".to_owned(),
            accepted: true,
            outcome: "paused".to_owned(),
        },
        Event::CommandAnswered { channel: channel(), message: message() },
        Event::ChannelRead { channel: channel(), message: message() },
        Event::ReportPosted {
            subject: run_id(1).to_string(),
            channel: channel(),
            message: message(),
            thread: message(),
        },
        Event::ReportClosed { subject: run_id(1).to_string() },
    ]
}
