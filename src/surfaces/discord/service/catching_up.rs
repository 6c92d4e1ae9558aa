//! A new session: slash commands are defined, what was written meanwhile is read and taken, and what is owed is answered.

use std::collections::BTreeSet;

use crate::domain::access::Channels;
use crate::runtime::engine::Chat;
use crate::runtime::handle::Stopping;

use super::super::slash;
use super::hearing::Hearing;
use super::sending::{Outbound, explained};

/// Most pages of a hundred messages that are read of one channel.
const PAGES: usize = 50;

impl Hearing {
    /// Does what a new session needs.
    pub(super) async fn begin(&mut self) -> Result<(), Stopping> {
        tracing::info!("Discord: connected");
        self.shared.trouble(Vec::new()).await;
        let first = !std::mem::replace(&mut self.greeted, true);
        if first {
            self.pay().await?;
        }
        for channel in self.channels().await? {
            self.catch_up(channel).await?;
        }
        if first {
            self.define().await;
        }
        Ok(())
    }

    async fn define(&self) {
        let commands = slash::commands();
        for guild in &self.shared.desk.rules.access.guilds {
            if let Err(error) = self.shared.rest.define(*guild, &commands).await {
                let sentence = format!(
                    "Discord: slash commands could not be defined in guild {guild}: {error}; is the bot invited with \
                     the scope applications.commands?"
                );
                self.shared.trouble(vec![sentence]).await;
            }
        }
    }

    /// Answers what an earlier daemon did not come to answer.
    async fn pay(&self) -> Result<(), Stopping> {
        let desk = &self.shared.desk;
        for owed in desk.handle.inbox().await?.owed {
            let outgoing = desk.owed(&owed).await?.outgoing(desk.rules.language);
            let refers = owed.text.starts_with(&desk.rules.prefix);
            let (channel, asked) = (owed.channel, owed.message);
            let outbound = Outbound::Message { channel, asked, refers, outgoing };
            let _stopping = self.messages.send(outbound).await;
        }
        Ok(())
    }

    /// Channels in which something may have been written meanwhile.
    async fn channels(&self) -> Result<BTreeSet<u64>, Stopping> {
        let inbox = self.shared.desk.handle.inbox().await?;
        let mut channels: BTreeSet<u64> = inbox.channels.keys().copied().collect();
        channels.remove(&0);
        channels.extend(inbox.posts.values().filter_map(|post| post.thread));
        channels.extend(self.shared.report_channel);
        channels.extend(self.threads());
        match &self.shared.desk.rules.access.channels {
            Channels::These(these) => channels.extend(these),
            Channels::All | Channels::None => {}
        }
        Ok(channels)
    }

    async fn catch_up(&mut self, channel: u64) -> Result<(), Stopping> {
        let handle = self.shared.desk.handle.clone();
        let mut after = handle.inbox().await?.read_to(channel);
        let from = after;
        for page in 0.. {
            let shared = &self.shared;
            let read = shared.insist(async || shared.rest.messages(channel, after).await).await;
            let messages = match read {
                Ok(messages) => messages,
                Err(error) => {
                    // Where reading ended stays where it is: the next session begins there.
                    tracing::warn!(
                        "{}; what was written there meanwhile is not known",
                        explained(channel, &error)
                    );
                    return Ok(());
                }
            };
            // What was written before the bot first came is not for it.
            if from.is_some() {
                for message in &messages {
                    self.message(message, false).await?;
                }
            }
            after = messages.last().map(|message| message.id.get()).or(after);
            if from.is_none() || messages.len() < 100 {
                break;
            }
            if page >= PAGES {
                let sentence =
                    format!("Discord: too much was written in channel {channel} to be read after");
                self.shared.trouble(vec![sentence]).await;
                break;
            }
        }
        // An empty channel is read, too.
        let message = after.unwrap_or(1);
        handle.chat(Chat::Read { channel, message }).await?;
        Ok(())
    }
}
