//! serenity as the product uses it: its own addresses, its rate limiter on, a client of ours below it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serenity::all::{
    ClientBuilder, Context, Event, GatewayIntents, Http, HttpBuilder, Interaction, RawEventHandler,
    ShardManager,
};
use serenity::async_trait;
use tokio::task::JoinHandle;

use crate::support::discord::{Discord, TOKEN};

/// How long a client may take on a busy machine.
const BOUND: Duration = Duration::from_secs(120);

/// What the client was told.
#[derive(Debug, Default)]
pub struct Seen {
    /// Names of the events that it could not read.
    pub unknown: Vec<String>,
    /// How often each kind came.
    pub counts: BTreeMap<&'static str, usize>,
    /// Messages in the order in which they came.
    pub messages: Vec<(u64, String)>,
    pub interactions: Vec<Interaction>,
}

struct Listening(Arc<Mutex<Seen>>);

#[async_trait]
impl RawEventHandler for Listening {
    async fn raw_event(&self, _: Context, event: Event) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = match event {
            Event::Unknown(event) => {
                seen.unknown.push(event.kind);
                "unknown"
            }
            Event::Ready(_) => "ready",
            Event::Resumed(_) => "resumed",
            Event::GuildCreate(_) => "guild",
            Event::ThreadCreate(_) | Event::ThreadUpdate(_) => "thread",
            Event::MessageUpdate(_) => "update",
            Event::MessageDelete(_) => "delete",
            Event::ReactionAdd(_) => "reaction",
            Event::MessageCreate(event) => {
                seen.messages.push((event.message.id.get(), event.message.content));
                "message"
            }
            Event::InteractionCreate(event) => {
                seen.interactions.push(event.interaction);
                "interaction"
            }
            _ => "other",
        };
        *seen.counts.entry(kind).or_default() += 1;
    }
}

/// A client that is connected, or tries to be.
pub struct Bot {
    pub http: Arc<Http>,
    seen: Arc<Mutex<Seen>>,
    shards: Arc<ShardManager>,
    running: JoinHandle<serenity::Result<()>>,
}

/// What serenity asks with: its own addresses and its rate limiter, and a client that finds this service there.
pub fn http(discord: &Discord, token: &str) -> Http {
    let authority = std::fs::read(discord.authority()).expect("an authority");
    let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
    let client = reqwest::Client::builder()
        .use_rustls_tls()
        .resolve("discord.com", discord.rest())
        .add_root_certificate(authority)
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client");
    let application = serenity::all::ApplicationId::new(discord.application());
    HttpBuilder::new(token).client(client).application_id(application).build()
}

impl Bot {
    /// Begins to connect.
    pub async fn start(discord: &Discord, intents: GatewayIntents) -> Self {
        Self::with_token(discord, TOKEN, intents).await
    }

    pub async fn with_token(discord: &Discord, token: &str, intents: GatewayIntents) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let builder = ClientBuilder::new_with_http(http(discord, token), intents);
        let builder = builder.raw_event_handler(Listening(Arc::clone(&seen)));
        let mut client = builder.await.expect("a client");
        let (http, shards) = (Arc::clone(&client.http), Arc::clone(&client.shard_manager));
        let running = tokio::spawn(async move { client.start().await });
        Self { http, seen, shards, running }
    }

    /// A client that is connected, with all that it may hear.
    pub async fn ready(discord: &Discord) -> Self {
        let bot = Self::start(discord, GatewayIntents::all()).await;
        bot.until("guild", |seen| seen.counts.get("guild").map(drop)).await;
        bot
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a kind of event came.
    pub fn count(&self, kind: &str) -> usize {
        self.seen().counts.get(kind).copied().unwrap_or(0)
    }

    /// How often a message came.
    pub fn heard(&self, message: u64) -> usize {
        self.seen().messages.iter().filter(|(id, _)| *id == message).count()
    }

    pub async fn until<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = found(&self.seen()) {
                return found;
            }
            assert!(since.elapsed() < BOUND, "no {what}: {:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The next interaction that it hears of, of this id.
    pub async fn interaction(&self, id: u64) -> Interaction {
        let its = |it: &&Interaction| it.id().get() == id;
        self.until("interaction", |seen| seen.interactions.iter().find(its).cloned()).await
    }

    /// How it ends by itself.
    pub async fn end(self) -> serenity::Result<()> {
        tokio::time::timeout(BOUND, self.running).await.expect("an end").expect("no panic")
    }

    /// Ends it.
    pub async fn stop(self) {
        assert_eq!(self.seen().unknown, Vec::<String>::new());
        self.shards.shutdown_all().await;
        self.end().await.expect("a client that ends well");
    }
}

/// A guild with a channel and somebody in it.
pub struct Place {
    pub person: u64,
    pub guild: u64,
    pub channel: u64,
}

pub fn place(discord: &Discord) -> Place {
    let person = discord.person("ada");
    let guild = discord.guild("Works", person);
    let channel = discord.channel(guild, "factory");
    Place { person, guild, channel }
}
