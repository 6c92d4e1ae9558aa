//! The gateway: serenity listens, and what it hears is handed on as it is. Its handlers run in tasks of their own and out
//! of order, so nothing is done in them.

use std::time::Duration;

use serenity::all::{
    Context, Event, GatewayError, GatewayIntents, Interaction, Message, RawEventHandler,
};
use serenity::async_trait;
use serenity::client::ClientBuilder;
use tokio::sync::mpsc;

use super::rest::{Rest, RestError};
use super::{FIRST_PAUSE, LONGEST_PAUSE, Shared, watching};

/// Events that may wait to be taken.
const QUEUE: usize = 4096;

/// What was heard.
pub(super) enum Heard {
    /// A new session: what was said before it began may be lost.
    Ready {
        /// The application.
        application: u64,
        /// The bot's own user.
        user: u64,
    },
    /// A thread that is there.
    Thread {
        /// Its id.
        thread: u64,
        /// The channel that it is in.
        parent: u64,
        /// The guild that it is in.
        guild: u64,
    },
    /// A message.
    Message(Box<Message>),
    /// A slash command, a button, a wish for suggestions.
    Interaction(Box<Interaction>),
    /// Something that could not be read.
    Unknown(String),
}

/// Where the gateway puts what it hears.
pub(super) struct Ear {
    queue: mpsc::Sender<Heard>,
}

/// Both ends of what is heard.
pub(super) fn ear() -> (Ear, mpsc::Receiver<Heard>) {
    let (queue, heard) = mpsc::channel(QUEUE);
    (Ear { queue }, heard)
}

struct Listener {
    queue: mpsc::Sender<Heard>,
}

#[async_trait]
impl RawEventHandler for Listener {
    async fn raw_event(&self, _context: Context, event: Event) {
        for heard in heard(event) {
            // Nobody listens any more only when the daemon stops.
            let _stopping = self.queue.send(heard).await;
        }
    }
}

fn heard(event: Event) -> Vec<Heard> {
    match event {
        Event::Ready(event) => vec![Heard::Ready {
            application: event.ready.application.id.get(),
            user: event.ready.user.id.get(),
        }],
        Event::GuildCreate(event) => {
            let threads = event.guild.threads.iter();
            let threads = threads.filter_map(|thread| {
                let parent = thread.parent_id?.get();
                let guild = event.guild.id.get();
                Some(Heard::Thread { thread: thread.id.get(), parent, guild })
            });
            threads.collect()
        }
        Event::ThreadCreate(event) => {
            let (thread, guild) = (event.thread.id.get(), event.thread.guild_id.get());
            let parent = event.thread.parent_id.map(|parent| parent.get());
            parent.map(|parent| Heard::Thread { thread, parent, guild }).into_iter().collect()
        }
        Event::MessageCreate(event) => vec![Heard::Message(Box::new(event.message))],
        Event::InteractionCreate(event) => vec![Heard::Interaction(Box::new(event.interaction))],
        Event::Unknown(event) => vec![Heard::Unknown(event.kind)],
        _ => Vec::new(),
    }
}

/// What the gateway is asked for.
fn intents() -> GatewayIntents {
    GatewayIntents::GUILDS
        | GatewayIntents::GUILD_MESSAGES
        | GatewayIntents::DIRECT_MESSAGES
        | GatewayIntents::MESSAGE_CONTENT
}

/// Listens until the daemon stops, or Discord does not want it to.
pub(super) async fn listen(shared: &Shared, ear: Ear) {
    let mut pause = FIRST_PAUSE;
    loop {
        let ended = match reachable(&shared.rest).await {
            Ok(()) => connect(shared, &ear).await,
            Err(error) => Err(format!("Discord: the gateway cannot be asked for ({error})")),
        };
        match ended {
            Ok(None) => return,
            Ok(Some(fatal)) => return shared.trouble(vec![fatal]).await,
            Err(problem) => shared.trouble(vec![problem]).await,
        }
        if !shared.pause(pause).await {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn reachable(rest: &Rest) -> Result<(), RestError> {
    rest.gateway().await
}

/// One client from its start to its end: nothing when the daemon stops, a sentence when trying again is of no use.
async fn connect(shared: &Shared, ear: &Ear) -> Result<Option<String>, String> {
    let handler = Listener { queue: ear.queue.clone() };
    // It asks for the gateway's address by the client that it is given; its own would have no time-out.
    let client = ClientBuilder::new_with_http(shared.rest.another(), intents())
        .raw_event_handler(handler)
        .await;
    let mut client = client.map_err(|error| format!("Discord: no client can be made: {error}"))?;
    let shards = client.shard_manager.clone();
    let ended = tokio::select! {
        () = shared.stop.cancelled() => {
            shards.shutdown_all().await;
            return Ok(None);
        }
        never = watching::watch(shared, &shards) => match never {},
        ended = client.start() => ended,
    };
    match ended {
        Ok(()) => Err("Discord: the gateway was closed".to_owned()),
        Err(serenity::Error::Gateway(GatewayError::InvalidAuthentication)) => Ok(Some(
            "Discord: the gateway refuses the token; copy it anew from the developer portal and start the daemon again"
                .to_owned(),
        )),
        Err(serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents)) => Ok(Some(
            "Discord: the intent MESSAGE CONTENT is missing; switch it on in the developer portal under Bot, \
             Privileged Gateway Intents, and start the daemon again"
                .to_owned(),
        )),
        Err(error) => Err(format!("Discord: the gateway failed: {error}")),
    }
}

/// How long the gateway may be away before people are told.
pub(super) const AWAY: Duration = Duration::from_secs(60);
