//! What the service holds: people, guilds, channels and their messages, sessions and interactions.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::faults::Faults;
use super::interactions::Interaction;
use super::limits::Limits;

/// Milliseconds between the epoch of Unix and Discord's own.
const DISCORD_EPOCH: u64 = 1_420_070_400_000;

/// What the permissions that a bot of ours could need are worth.
pub mod permissions {
    pub const ADMINISTRATOR: u64 = 1 << 3;
    pub const ADD_REACTIONS: u64 = 1 << 6;
    pub const VIEW_CHANNEL: u64 = 1 << 10;
    pub const SEND_MESSAGES: u64 = 1 << 11;
    pub const MANAGE_MESSAGES: u64 = 1 << 13;
    pub const EMBED_LINKS: u64 = 1 << 14;
    pub const ATTACH_FILES: u64 = 1 << 15;
    pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    pub const MENTION_EVERYONE: u64 = 1 << 17;
    pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
    pub const MANAGE_THREADS: u64 = 1 << 34;
    pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
    pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
    /// What everybody has in a new guild of ours.
    pub const USUAL: u64 = ADD_REACTIONS
        | VIEW_CHANNEL
        | SEND_MESSAGES
        | EMBED_LINKS
        | ATTACH_FILES
        | READ_MESSAGE_HISTORY
        | USE_APPLICATION_COMMANDS
        | CREATE_PUBLIC_THREADS
        | SEND_MESSAGES_IN_THREADS;
}

/// Kinds of channels.
pub mod kind {
    pub const TEXT: u8 = 0;
    pub const DIRECT: u8 = 1;
    pub const PUBLIC_THREAD: u8 = 11;
    pub const PRIVATE_THREAD: u8 = 12;
}

/// A person or a bot.
#[derive(Debug, Clone)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub bot: bool,
    pub locale: String,
}

/// A role of a guild. The one with the guild's own id is everybody's.
#[derive(Debug, Clone)]
pub struct Role {
    pub id: u64,
    pub name: String,
    pub permissions: u64,
}

/// A guild and who is in it.
#[derive(Debug, Clone)]
pub struct Guild {
    pub id: u64,
    pub name: String,
    pub owner: u64,
    pub locale: String,
    pub roles: Vec<Role>,
    /// Roles by member.
    pub members: BTreeMap<u64, BTreeSet<u64>>,
}

/// What makes a channel a thread.
#[derive(Debug, Clone)]
pub struct Thread {
    pub owner: u64,
    pub archived: bool,
    pub locked: bool,
    pub archive_after: u64,
    pub members: BTreeSet<u64>,
}

/// A channel, a thread or a conversation with one person.
#[derive(Debug, Clone)]
pub struct Channel {
    pub id: u64,
    pub kind: u8,
    pub guild: Option<u64>,
    pub name: String,
    pub parent: Option<u64>,
    /// Whom it is with, if it is a conversation.
    pub with: Option<u64>,
    pub thread: Option<Thread>,
    pub messages: BTreeMap<u64, Value>,
    /// Permissions that a role or a member does not have here.
    pub denied: Vec<(u64, u64)>,
}

/// One request over REST and what became of it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    /// `GET`, …
    pub method: String,
    /// Below `/api/v10`, without the query.
    pub path: String,
    pub query: String,
    pub content_type: String,
    /// Who asked: the header as it came.
    pub authorization: String,
    /// The body, or the `payload_json` of a body with files; `null` when there was none.
    pub body: Value,
    pub files: Vec<Upload>,
    /// The status of the answer; 0 when there was none.
    pub status: u16,
    pub reply: Value,
    /// Whether it came over TLS.
    pub secure: bool,
}

/// A file of a request.
#[derive(Debug, Clone)]
pub struct Upload {
    /// `files[0]`, …
    pub field: String,
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// A frame that a client sent over a websocket.
#[derive(Debug, Clone)]
pub struct Heard {
    pub at: Instant,
    pub connection: u64,
    pub op: u64,
    pub d: Value,
}

/// What is done at the other end of a websocket.
#[derive(Debug)]
pub enum Out {
    Frame(String),
    /// A close frame, with a code or without.
    Close(Option<u16>),
    /// The connection is reset.
    Abort,
}

/// A session of the gateway; it outlives its connections.
#[derive(Debug)]
pub struct Session {
    pub id: String,
    pub intents: u64,
    pub sequence: u64,
    /// The last events, for a client that comes back.
    pub log: VecDeque<(u64, String)>,
    pub connection: Option<u64>,
}

/// How an application is set up on its page.
#[derive(Debug, Clone)]
pub struct Application {
    pub id: u64,
    pub bot: u64,
    pub token: String,
    /// Which of the privileged intents are switched on.
    pub privileged: u64,
}

/// Everything.
pub struct World {
    pub application: Application,
    pub users: BTreeMap<u64, User>,
    pub guilds: BTreeMap<u64, Guild>,
    pub channels: BTreeMap<u64, Channel>,
    /// Registered commands: of a guild, or (`None`) everywhere.
    pub commands: BTreeMap<Option<u64>, Vec<Value>>,
    pub interactions: BTreeMap<u64, Interaction>,
    /// Messages that only one person sees: they are in no channel.
    pub unlisted: BTreeMap<u64, Value>,
    /// Messages by author, channel and nonce.
    pub nonces: HashMap<(u64, u64, String), u64>,
    pub files: HashMap<String, (String, Vec<u8>)>,
    pub sessions: BTreeMap<String, Session>,
    pub connections: BTreeMap<u64, UnboundedSender<Out>>,
    pub next_connection: u64,
    pub last_identify: Option<Instant>,
    pub heartbeat: Duration,
    pub identify_spacing: Duration,
    pub faults: Faults,
    pub limits: Limits,
    pub journal: Vec<Asked>,
    pub heard: Vec<Heard>,
    /// How far the clock of the interactions was moved on.
    pub moved: Duration,
    /// Since when that clock also runs by itself.
    pub running: Option<Instant>,
    pub typing: Vec<u64>,
    pub gateway_url: String,
    last_id: u64,
}

impl World {
    pub fn new(token: &str, gateway_url: String) -> Self {
        let mut world = Self {
            application: Application {
                id: 0,
                bot: 0,
                token: token.to_owned(),
                privileged: u64::MAX,
            },
            users: BTreeMap::new(),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            commands: BTreeMap::new(),
            interactions: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            nonces: HashMap::new(),
            files: HashMap::new(),
            sessions: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 1,
            last_identify: None,
            heartbeat: Duration::from_millis(41_250),
            identify_spacing: Duration::from_secs(5),
            faults: Faults::default(),
            limits: Limits::default(),
            journal: Vec::new(),
            heard: Vec::new(),
            moved: Duration::ZERO,
            running: None,
            typing: Vec::new(),
            gateway_url,
            last_id: 0,
        };
        world.application.id = world.id();
        world.application.bot = world.user("factory", true);
        world
    }

    /// A new id, greater than all before: time first, as Discord's are.
    pub fn id(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
        let now = u64::try_from(now).expect("a time") - DISCORD_EPOCH;
        self.last_id = (self.last_id + 1).max(now << 22);
        self.last_id
    }

    pub fn user(&mut self, name: &str, bot: bool) -> u64 {
        let id = self.id();
        let locale = "en-US".to_owned();
        self.users.insert(id, User { id, name: name.to_owned(), bot, locale });
        id
    }

    /// The time of the interactions, from the start of the service.
    pub fn clock(&self) -> Duration {
        self.moved + self.running.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// What a member may do in a channel. In a conversation everything goes.
    pub fn permissions(&self, user: u64, channel: u64) -> u64 {
        let Some(found) = self.channels.get(&channel) else { return 0 };
        let Some(guild) = found.guild.and_then(|id| self.guilds.get(&id)) else { return u64::MAX };
        let Some(own) = guild.members.get(&user) else { return 0 };
        let has = |role: u64| role == guild.id || own.contains(&role);
        let given = guild.roles.iter().filter(|role| has(role.id));
        let given = given.fold(0, |sum, role| sum | role.permissions);
        if guild.owner == user || given & permissions::ADMINISTRATOR != 0 {
            return u64::MAX >> 13;
        }
        let above = found.parent.and_then(|id| self.channels.get(&id));
        let denied = found.denied.iter().chain(above.into_iter().flat_map(|it| &it.denied));
        let denied = denied.filter(|(whom, _)| *whom == user || has(*whom));
        given & !denied.fold(0, |sum, (_, what)| sum | what)
    }

    /// A message, wherever it is.
    pub fn message(&self, id: u64) -> Option<&Value> {
        let listed = self.channels.values().find_map(|channel| channel.messages.get(&id));
        listed.or_else(|| self.unlisted.get(&id))
    }

    /// The messages of a channel, oldest first.
    pub fn messages(&self, channel: u64) -> Vec<Value> {
        let found = self.channels.get(&channel);
        found.map(|channel| channel.messages.values().cloned().collect()).unwrap_or_default()
    }

    /// The conversation with a person, made when there is none.
    pub fn conversation(&mut self, with: u64) -> u64 {
        let known = self.channels.values().find(|channel| channel.with == Some(with));
        if let Some(known) = known {
            return known.id;
        }
        let id = self.id();
        let channel = Channel {
            id,
            kind: kind::DIRECT,
            guild: None,
            name: String::new(),
            parent: None,
            with: Some(with),
            thread: None,
            messages: BTreeMap::new(),
            denied: Vec::new(),
        };
        self.channels.insert(id, channel);
        id
    }
}
