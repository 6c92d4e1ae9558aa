//! Where channels are: in which guild, and which of them are threads of which.

use std::collections::BTreeSet;

use crate::domain::access::{Channels, Place};

use super::hearing::Hearing;
use super::rest::Whereabouts;

/// Channels whose whereabouts are remembered.
const REMEMBERED: usize = 1000;

impl Hearing {
    /// Where a channel is. Discord is asked only about channels of guilds that count, and once.
    pub(super) async fn place(
        &mut self,
        channel: u64,
        guild: Option<u64>,
        heard: bool,
    ) -> Option<Place> {
        let access = &self.shared.desk.rules.access;
        if heard && guild.is_none() {
            return Some(Place { guild, channel, parent: None });
        }
        if let Some(guild) = guild
            && !access.guilds.contains(&guild)
        {
            return Some(Place { guild: Some(guild), channel, parent: None });
        }
        let listed = match &access.channels {
            Channels::All => true,
            Channels::These(these) => these.contains(&channel),
            Channels::None => false,
        };
        if listed && guild.is_some() {
            return Some(Place { guild, channel, parent: None });
        }
        let known = match self.places.get(&channel).copied() {
            Some(known) => known,
            None => {
                let shared = &self.shared;
                let asked = shared.insist(async || shared.rest.whereabouts(channel).await).await;
                match asked {
                    Ok(asked) => {
                        self.remember(channel, asked);
                        asked
                    }
                    Err(error) => {
                        tracing::warn!(%error, channel, "Discord: it is not known where this is");
                        return None;
                    }
                }
            }
        };
        Some(Place { guild: guild.or(known.guild), channel, parent: known.parent })
    }

    pub(super) fn remember(&mut self, channel: u64, whereabouts: Whereabouts) {
        if self.places.len() >= REMEMBERED {
            self.places.pop_first();
        }
        self.places.insert(channel, whereabouts);
    }

    /// Channels that are read after what was lost, as far as they are known here.
    pub(super) fn threads(&self) -> BTreeSet<u64> {
        let threads = self.places.iter().filter(|(_, place)| place.parent.is_some());
        threads.map(|(thread, _)| *thread).collect()
    }
}
