//! The bot as it is connected: token and API are checked first, then the gateway is listened to, and what is heard goes to
//! the desk one by one, in order. The daemon works without any of it, and `status` says what is wrong.

mod catching_up;
mod gateway;
mod hearing;
mod places;
mod reports;
mod rest;
mod sending;
mod watching;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::access::Channels;
use crate::runtime::clock::Clock;
use crate::runtime::engine::Chat;
use crate::runtime::handle::DaemonHandle;
use crate::store::StoreReader;

use super::desk::{Desk, Rules};
use hearing::Hearing;
use reports::Reports;
use rest::{Rest, RestError};
use sending::{Outbound, Sending};

/// Messages that may wait to be sent.
const OUTBOUND: usize = 1024;

/// First pause before the API is tried again; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause before the API is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the bot is made from.
pub struct Setup {
    /// Its token.
    pub token: SecretString,
    /// What it goes by.
    pub rules: Rules,
    /// Where runs are reported.
    pub report_channel: Option<u64>,
    /// Where requests to `discord.com` go instead.
    pub connect_to: Option<SocketAddr>,
    /// PEM of another authority for certificates.
    pub authority: Option<Vec<u8>>,
}

/// What every part of the bot holds.
#[derive(Clone)]
pub(super) struct Shared {
    desk: Desk,
    rest: Rest,
    clock: Arc<dyn Clock>,
    report_channel: Option<u64>,
    stop: CancellationToken,
}

impl Shared {
    /// Says in `status` what is wrong; nothing when all is well.
    async fn trouble(&self, sentences: Vec<String>) {
        for sentence in &sentences {
            tracing::warn!("Discord: {sentence}");
        }
        let _stopping = self.desk.handle.chat(Chat::Trouble { sentences }).await;
    }

    /// Asks until there is an answer, or five times.
    async fn insist<T>(&self, ask: impl AsyncFn() -> Result<T, RestError>) -> Result<T, RestError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..5 {
            match ask().await {
                Err(RestError::Later(problem)) => tracing::debug!(problem, "Discord: asked again"),
                answered => return answered,
            }
            if !self.pause(pause).await {
                break;
            }
            pause *= 2;
        }
        ask().await
    }

    /// Waits; whether it is to go on.
    async fn pause(&self, span: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(span) => true,
        }
    }
}

/// Is on Discord until `stop`.
pub async fn run(
    setup: Setup,
    handle: DaemonHandle,
    store: Arc<dyn StoreReader>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let desk = Desk { handle, store, rules: Arc::new(setup.rules) };
    let rest = match Rest::new(&setup.token, setup.connect_to, setup.authority.as_deref()) {
        Ok(rest) => rest,
        Err(problem) => {
            tracing::error!("Discord: {problem}; the daemon goes on without it");
            let sentences = vec![format!("Discord: {problem}")];
            let _stopping = desk.handle.chat(Chat::Trouble { sentences }).await;
            return;
        }
    };
    let report_channel = setup.report_channel;
    let shared = Shared { desk, rest, clock, report_channel, stop };
    if !shared.desk.rules.access.lets_anybody_in() {
        tracing::warn!(
            "Discord: nobody may ask anything: `[discord]` names no guild, role or person"
        );
    }
    if !come_in(&shared).await {
        return;
    }
    let (messages, to_send) = mpsc::channel::<Outbound>(OUTBOUND);
    let (responses, to_respond) = mpsc::channel::<Outbound>(OUTBOUND);
    let sending = Sending { shared: shared.clone(), messages: messages.clone() };
    let (ear, heard) = gateway::ear();
    let mut hearing = Hearing::new(shared.clone(), messages, responses);
    let mut reports = Reports::new(shared.clone());
    tokio::join!(
        Box::pin(gateway::listen(&shared, ear)),
        Box::pin(hearing.run(heard)),
        Box::pin(sending.run(to_send)),
        Box::pin(sending.run(to_respond)),
        Box::pin(reports.run()),
    );
}

/// Sees whether Discord is there and lets the token in: a gateway that is not there would be looked for elsewhere, and for
/// ever. Whether it is to go on.
async fn come_in(shared: &Shared) -> bool {
    let mut pause = FIRST_PAUSE;
    loop {
        match shared.rest.whoami().await {
            Ok(name) => {
                tracing::info!("Discord: signed in as {name}");
                shared.trouble(Vec::new()).await;
                return true;
            }
            Err(RestError::Token) => {
                let sentence = "Discord: the token is refused (401); copy the bot's token anew from the developer \
                                portal into `discord.token` or DISCORD_TOKEN and start the daemon again";
                shared.trouble(vec![sentence.to_owned()]).await;
                return false;
            }
            Err(error) => {
                let sentence = format!("Discord: not reached yet ({error}); it is tried again");
                shared.trouble(vec![sentence]).await;
            }
        }
        if !shared.pause(pause).await {
            return false;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What can be seen without being connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The bot's name.
    pub name: String,
    /// What is not as it must be, and what to do about it.
    pub remarks: Vec<(String, String)>,
}

/// Asks Discord whether the token is good, and whether what the bot needs is there.
///
/// # Errors
/// What is wrong, in a sentence.
pub async fn probe(setup: &Setup) -> Result<Probe, String> {
    let rest = Rest::new(&setup.token, setup.connect_to, setup.authority.as_deref())?;
    let name = rest.whoami().await.map_err(|error| error.to_string())?;
    let mut remarks = Vec::new();
    match rest.reads_messages().await {
        Ok(true) => {}
        Ok(false) => remarks.push((
            "the intent MESSAGE CONTENT is missing: the gateway will refuse the bot".to_owned(),
            "switch it on in the developer portal under Bot, Privileged Gateway Intents".to_owned(),
        )),
        Err(error) => remarks.push((
            format!("its intents cannot be looked at: {error}"),
            "is the token that of a bot?".to_owned(),
        )),
    }
    let Channels::These(channels) = &setup.rules.access.channels else {
        return Ok(Probe { name, remarks });
    };
    for channel in channels {
        let seen = match rest.whereabouts(*channel).await {
            Ok(seen) => seen,
            Err(error) => {
                let remedy = format!("invite the bot, and give it {}", sending::PERMISSIONS);
                remarks.push((format!("channel {channel} cannot be seen: {error}"), remedy));
                continue;
            }
        };
        if seen.guild.is_none_or(|guild| !setup.rules.access.guilds.contains(&guild)) {
            remarks.push((
                format!(
                    "channel {channel} is in no guild of `guilds`: nobody is listened to in it"
                ),
                "name its guild in `guilds` of [discord]".to_owned(),
            ));
        }
    }
    Ok(Probe { name, remarks })
}
