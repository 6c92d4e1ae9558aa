//! What chats leave behind: every command once, with what came of it in the same batch.

use crate::domain::command::Command;
use crate::domain::event::Event;
use crate::domain::inbox::Inbox;
use crate::domain::time::Timestamp;

use super::{Engine, Reply};

/// A message or an interaction that asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who (`human:discord:<id>`).
    pub by: String,
    /// The word of what they may do at most; empty when nothing.
    pub level: &'static str,
    /// The channel.
    pub channel: u64,
    /// The message or interaction.
    pub message: u64,
    /// What was asked, bounded and without secrets.
    pub text: String,
}

/// What a chat surface wants to be on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chat {
    /// Something was asked.
    Asked {
        /// What, by whom.
        asked: Asked,
        /// The command that it is; none for a question or a refusal.
        command: Option<Command>,
        /// Why it is refused.
        refused: Option<String>,
    },
    /// It was answered.
    Answered {
        /// The channel.
        channel: u64,
        /// The message or interaction.
        message: u64,
    },
    /// A channel was read up to a message.
    Read {
        /// The channel.
        channel: u64,
        /// The message.
        message: u64,
    },
    /// A report has its place.
    Posted {
        /// The run's or the item's id.
        subject: String,
        /// The channel.
        channel: u64,
        /// The card.
        message: u64,
        /// The run's thread, if it has one.
        thread: Option<u64>,
    },
    /// That report will not change any more.
    Closed {
        /// The run's or the item's id.
        subject: String,
    },
    /// What is wrong with the connection, for `status`; not for the record.
    Trouble {
        /// One sentence each.
        sentences: Vec<String>,
    },
}

impl Engine {
    /// Puts it on record; the answer to what was asked, and none when that was taken before.
    pub(super) fn chat(&mut self, chat: Chat, now: Timestamp) -> Option<Reply> {
        match chat {
            Chat::Asked { asked, command, refused } => {
                if self.ops.inbox.has(asked.channel, asked.message) {
                    return None;
                }
                self.pending.actor = Some(asked.by.clone());
                let reply = match (command, refused) {
                    (_, Some(reason)) => super::commands::refused(&reason),
                    (Some(command), None) => self.command(command, &asked.by, now),
                    (None, None) => super::commands::accepted("", None, None),
                };
                self.record_ops(received(asked, &reply), now);
                return Some(reply);
            }
            Chat::Answered { channel, message } => {
                let (channel, message) = (channel.to_string(), message.to_string());
                self.record_ops(Event::CommandAnswered { channel, message }, now);
            }
            Chat::Read { channel, message } => {
                if self.ops.inbox.read_to(channel) < Some(message) {
                    let (channel, message) = (channel.to_string(), message.to_string());
                    self.record_ops(Event::ChannelRead { channel, message }, now);
                }
            }
            Chat::Posted { subject, channel, message, thread } => {
                let (channel, message) = (channel.to_string(), message.to_string());
                let thread = thread.map(|thread| thread.to_string()).unwrap_or_default();
                self.record_ops(Event::ReportPosted { subject, channel, message, thread }, now);
            }
            Chat::Closed { subject } => self.record_ops(Event::ReportClosed { subject }, now),
            Chat::Trouble { sentences } => {
                self.problems.insert("discord".to_owned(), sentences);
            }
        }
        None
    }

    /// What was taken from chats so far.
    #[must_use]
    pub fn inbox(&self) -> &Inbox {
        &self.ops.inbox
    }
}

fn received(asked: Asked, reply: &Reply) -> Event {
    Event::CommandReceived {
        by: asked.by,
        level: asked.level.to_owned(),
        channel: asked.channel.to_string(),
        message: asked.message.to_string(),
        text: asked.text,
        accepted: reply.accepted,
        outcome: reply.message.clone(),
    }
}
