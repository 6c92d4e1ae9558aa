//! What has been taken of what people wrote in chats: the fold that makes a command count once, however often it is
//! delivered and whenever the daemon dies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::Event;

/// Messages remembered one by one per channel. What is older than all of them counts as taken.
pub const REMEMBERED: usize = 512;

/// Channels remembered; the one with the oldest news is forgotten first.
pub const CHANNELS: usize = 256;

/// Commands whose answer is owed at most; older ones are let go.
pub const OWED: usize = 64;

/// What was taken from one channel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelInbox {
    /// Up to here everything was read.
    pub read: u64,
    /// Messages that were taken.
    pub taken: BTreeSet<u64>,
}

/// A command that was carried out and, as far as is known, not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Where it was given.
    pub channel: u64,
    /// The message.
    pub message: u64,
    /// What was asked.
    pub text: String,
    /// Whether it was carried out.
    pub accepted: bool,
    /// What came of it; empty for a question.
    pub outcome: String,
}

/// Where a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The channel.
    pub channel: u64,
    /// The card.
    pub message: u64,
    /// The run's thread, if there is one.
    pub thread: Option<u64>,
}

/// Fold of the chat part of the `ops/daemon` stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inbox {
    /// By channel. Under 0 stands how far the log itself was reported.
    pub channels: BTreeMap<u64, ChannelInbox>,
    /// What is owed, oldest first.
    pub owed: Vec<Owed>,
    /// Reports that are not closed, by the id of their run or item.
    pub posts: BTreeMap<String, Post>,
}

impl Inbox {
    /// Takes one event into account. Total: events of other kinds change nothing.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::CommandReceived { channel, message, text, accepted, outcome, .. } => {
                let (Some(channel), Some(message)) = (number(channel), number(message)) else {
                    return;
                };
                self.take(channel, message);
                self.owed.push(Owed {
                    channel,
                    message,
                    text: text.clone(),
                    accepted: *accepted,
                    outcome: outcome.clone(),
                });
                let excess = self.owed.len().saturating_sub(OWED);
                self.owed.drain(..excess);
            }
            Event::CommandAnswered { channel, message } => {
                let at = (number(channel), number(message));
                self.owed.retain(|owed| (Some(owed.channel), Some(owed.message)) != at);
            }
            Event::ChannelRead { channel, message } => {
                if let (Some(channel), Some(message)) = (number(channel), number(message)) {
                    let inbox = self.channels.entry(channel).or_default();
                    inbox.read = inbox.read.max(message);
                    self.forget_channels();
                }
            }
            Event::ReportPosted { subject, channel, message, thread } => {
                let (Some(channel), Some(message)) = (number(channel), number(message)) else {
                    return;
                };
                let thread = number(thread);
                self.posts.insert(subject.clone(), Post { channel, message, thread });
            }
            Event::ReportClosed { subject } => {
                self.posts.remove(subject);
            }
            _ => {}
        }
    }

    /// Whether a message was taken before.
    #[must_use]
    pub fn has(&self, channel: u64, message: u64) -> bool {
        self.channels.get(&channel).is_some_and(|inbox| {
            let oldest = inbox.taken.first().filter(|_| inbox.taken.len() >= REMEMBERED);
            inbox.taken.contains(&message) || oldest.is_some_and(|oldest| message < *oldest)
        })
    }

    /// From where a channel is to be read on, if it was ever read.
    #[must_use]
    pub fn read_to(&self, channel: u64) -> Option<u64> {
        let inbox = self.channels.get(&channel)?;
        (inbox.read > 0).then_some(inbox.read)
    }

    fn take(&mut self, channel: u64, message: u64) {
        let inbox = self.channels.entry(channel).or_default();
        inbox.taken.insert(message);
        if inbox.taken.len() > REMEMBERED {
            inbox.taken.pop_first();
        }
        self.forget_channels();
    }

    fn forget_channels(&mut self) {
        while self.channels.len() > CHANNELS {
            let newest = |inbox: &ChannelInbox| {
                inbox.read.max(inbox.taken.last().copied().unwrap_or_default())
            };
            let oldest = self.channels.iter().min_by_key(|(_, inbox)| newest(inbox));
            let Some(channel) = oldest.map(|(channel, _)| *channel) else { return };
            self.channels.remove(&channel);
        }
    }
}

/// Whether an event only says what was taken from chats and reported there: no work depends on it.
#[must_use]
pub fn is_of_chats(event: &Event) -> bool {
    matches!(
        event,
        Event::CommandReceived { .. }
            | Event::CommandAnswered { .. }
            | Event::ChannelRead { .. }
            | Event::ReportPosted { .. }
            | Event::ReportClosed { .. }
    )
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(channel: u64, message: u64) -> Event {
        Event::CommandReceived {
            by: "human:discord:1".to_owned(),
            level: "operate".to_owned(),
            channel: channel.to_string(),
            message: message.to_string(),
            text: "!pause".to_owned(),
            accepted: true,
            outcome: "paused".to_owned(),
        }
    }

    #[test]
    fn a_message_is_taken_once_in_whatever_order_they_come() {
        let mut inbox = Inbox::default();
        inbox.evolve(&received(1, 6));
        assert!(inbox.has(1, 6));
        assert!(!inbox.has(1, 5), "one that was overtaken is still to be taken");
        assert!(!inbox.has(2, 6));
        inbox.evolve(&received(1, 5));
        assert!(inbox.has(1, 5));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_messages_count_as_taken() {
        let mut inbox = Inbox::default();
        let last = REMEMBERED as u64 + 100;
        for message in 1..=last {
            inbox.evolve(&received(1, message));
        }
        assert_eq!(inbox.channels[&1].taken.len(), REMEMBERED);
        assert!((1..=last).all(|message| inbox.has(1, message)));
        assert!(!inbox.has(1, last + 1));
        assert_eq!(inbox.owed.len(), OWED);
        for channel in 10..10 + CHANNELS as u64 {
            inbox.evolve(&received(channel, 1_000_000));
        }
        assert_eq!(inbox.channels.len(), CHANNELS);
        assert!(!inbox.channels.contains_key(&1), "the oldest goes first");
    }

    #[test]
    fn an_answer_is_owed_until_it_was_given() {
        let mut inbox = Inbox::default();
        inbox.evolve(&received(1, 5));
        inbox.evolve(&received(1, 6));
        inbox.evolve(&Event::CommandAnswered { channel: "1".to_owned(), message: "5".to_owned() });
        let owed: Vec<u64> = inbox.owed.iter().map(|owed| owed.message).collect();
        assert_eq!(owed, [6]);
    }

    #[test]
    fn reading_goes_forward_only() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.read_to(1), None);
        for message in [7, 5] {
            let (channel, message) = ("1".to_owned(), message.to_string());
            inbox.evolve(&Event::ChannelRead { channel, message });
        }
        assert_eq!(inbox.read_to(1), Some(7));
    }
}
