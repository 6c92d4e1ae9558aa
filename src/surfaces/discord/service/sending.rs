//! What is to be sent, one after another. Each send has a nonce, so that trying again does not say it twice.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::runtime::engine::Chat;

use super::super::message::Outgoing;
use super::Shared;
use super::rest::RestError;

/// How often a send is tried.
const TRIES: u32 = 6;

/// Pause after the first try that came to nothing; doubled after each.
const PAUSE: Duration = Duration::from_millis(500);

/// What the bot needs where it is to write.
pub(super) const PERMISSIONS: &str = "View Channel, Send Messages, Send Messages in Threads, Create Public Threads, Embed Links, \
                           Attach Files and Read Message History";

/// A kind of answer to an interaction: a message.
const MESSAGE: u8 = 4;

/// A kind of answer to an interaction: one that comes later.
const LATER: u8 = 5;

/// Something to be sent.
pub(super) enum Outbound {
    /// An answer in a channel.
    Message {
        /// The channel.
        channel: u64,
        /// What is answered.
        asked: u64,
        /// Whether that is a message that can be referred to.
        refers: bool,
        /// The answer.
        outgoing: Outgoing,
    },
    /// An answer to an interaction.
    Response {
        /// The channel that it happened in.
        channel: u64,
        /// The interaction.
        asked: u64,
        /// What permits to answer it.
        token: String,
        /// The answer.
        outgoing: Outgoing,
    },
    /// The answer comes later.
    Deferred {
        /// The interaction.
        asked: u64,
        /// What permits to answer it.
        token: String,
    },
    /// The answer that comes later.
    Followed {
        /// The channel that it happened in.
        channel: u64,
        /// The interaction.
        asked: u64,
        /// What permits to answer it.
        token: String,
        /// The answer.
        outgoing: Outgoing,
    },
    /// Suggestions for an argument.
    Suggestions {
        /// The interaction.
        asked: u64,
        /// What permits to answer it.
        token: String,
        /// Discord's number of the kind of answer, and its data.
        outgoing: Outgoing,
    },
}

/// Sends.
#[derive(Clone)]
pub(super) struct Sending {
    pub(super) shared: Shared,
    /// Where answers go that an interaction does not take any more.
    pub(super) messages: mpsc::Sender<Outbound>,
}

impl Sending {
    /// Sends until the daemon stops.
    pub(super) async fn run(&self, mut queue: mpsc::Receiver<Outbound>) {
        loop {
            let outbound = tokio::select! {
                () = self.shared.stop.cancelled() => return,
                outbound = queue.recv() => outbound,
            };
            let Some(outbound) = outbound else { return };
            tokio::select! {
                // What is not sent is owed: the next daemon sends it.
                () = self.shared.stop.cancelled() => return,
                () = self.send(outbound) => {}
            }
        }
    }

    async fn send(&self, outbound: Outbound) {
        match outbound {
            Outbound::Message { channel, asked, refers, outgoing } => {
                let nonce = format!("a{asked}");
                let reply_to = refers.then_some(asked);
                let rest = &self.shared.rest;
                let send = async || {
                    rest.send(channel, &outgoing, &nonce, reply_to).await.map(|_message| ())
                };
                self.settle(channel, asked, self.tried(send).await).await;
            }
            Outbound::Response { channel, asked, token, outgoing } => {
                let rest = &self.shared.rest;
                let first = rest.respond(asked, &token, MESSAGE, Some(&outgoing)).await;
                self.or_in_the_channel(channel, asked, outgoing, first).await;
            }
            Outbound::Deferred { asked, token } => {
                if let Err(error) = self.shared.rest.respond(asked, &token, LATER, None).await {
                    tracing::warn!(%error, "Discord: an interaction could not be answered in time");
                }
            }
            Outbound::Followed { channel, asked, token, outgoing } => {
                let later = self.shared.rest.respond_later(&token, &outgoing).await;
                self.or_in_the_channel(channel, asked, outgoing, later).await;
            }
            Outbound::Suggestions { asked, token, outgoing } => {
                let kind = 8;
                let sent = self.shared.rest.respond(asked, &token, kind, Some(&outgoing)).await;
                if let Err(error) = sent {
                    tracing::debug!(%error, "Discord: suggestions came too late");
                }
            }
        }
    }

    /// An interaction can be answered for a short time only; after that the answer goes to the channel.
    async fn or_in_the_channel(
        &self,
        channel: u64,
        asked: u64,
        outgoing: Outgoing,
        sent: Result<(), RestError>,
    ) {
        match sent {
            Ok(()) => self.settle(channel, asked, Ok(())).await,
            Err(error) => {
                tracing::warn!(%error, "Discord: an interaction takes no answer; it goes to its channel");
                let outbound = Outbound::Message { channel, asked, refers: false, outgoing };
                let _stopping = self.messages.send(outbound).await;
            }
        }
    }

    async fn tried(&self, send: impl AsyncFn() -> Result<(), RestError>) -> Result<(), RestError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match send().await {
                Err(RestError::Later(problem)) => {
                    tracing::warn!(problem, "Discord: not sent; it is tried again");
                }
                done => return done,
            }
            if !self.shared.pause(pause).await {
                break;
            }
            pause *= 2;
        }
        send().await
    }

    /// Puts on record that it was answered. What may work later stays owed; what never will is not tried again.
    async fn settle(&self, channel: u64, message: u64, sent: Result<(), RestError>) {
        match sent {
            Ok(()) => {}
            Err(RestError::Later(problem)) => {
                let sentence = format!(
                    "Discord: an answer could not be sent ({problem}); the next start sends it"
                );
                return self.shared.trouble(vec![sentence]).await;
            }
            Err(error) => self.shared.trouble(vec![explained(channel, &error)]).await,
        }
        let _stopping = self.shared.desk.handle.chat(Chat::Answered { channel, message }).await;
    }
}

/// What is wrong, and what to do about it.
pub(super) fn explained(channel: u64, error: &RestError) -> String {
    match error {
        RestError::Permission(_) => {
            format!("Discord: {error}; in channel {channel} it needs the permissions {PERMISSIONS}")
        }
        _ => format!("Discord: nothing can be sent to channel {channel}: {error}"),
    }
}
