//! Sessions of the gateway: what is sent in them, who sees it, and what is kept for those who come back.

use serde_json::{Value, json};

use super::objects;
use super::world::{Out, Session, World, kind, permissions};

/// Events that are kept for replay.
const KEPT: usize = 1_000;

/// Intents, and which of them must be switched on for the application.
pub mod intents {
    pub const GUILDS: u64 = 1;
    pub const GUILD_MEMBERS: u64 = 1 << 1;
    pub const GUILD_PRESENCES: u64 = 1 << 8;
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    pub const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
    pub const GUILD_MESSAGE_TYPING: u64 = 1 << 11;
    pub const DIRECT_MESSAGES: u64 = 1 << 12;
    pub const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
    pub const DIRECT_MESSAGE_TYPING: u64 = 1 << 14;
    pub const MESSAGE_CONTENT: u64 = 1 << 15;
    pub const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// All there are: 0 to 16, 20, 21, 24 and 25.
    pub const KNOWN: u64 = 0x1_ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
}

/// What a session must have asked for to see an event.
fn needed(name: &str, in_guild: bool) -> u64 {
    let one_of = |guild: u64, direct: u64| if in_guild { guild } else { direct };
    match name {
        "READY" | "RESUMED" | "INTERACTION_CREATE" | "USER_UPDATE" => 0,
        "TYPING_START" => one_of(intents::GUILD_MESSAGE_TYPING, intents::DIRECT_MESSAGE_TYPING),
        it if it.starts_with("MESSAGE_REACTION") => {
            one_of(intents::GUILD_MESSAGE_REACTIONS, intents::DIRECT_MESSAGE_REACTIONS)
        }
        it if it.starts_with("MESSAGE_") => {
            one_of(intents::GUILD_MESSAGES, intents::DIRECT_MESSAGES)
        }
        it if it.starts_with("GUILD_MEMBER_") => intents::GUILD_MEMBERS,
        _ => intents::GUILDS,
    }
}

impl World {
    /// Something happened; the sessions that may see it hear of it, unless a fault says otherwise.
    pub fn dispatch(&mut self, name: &str, data: Value, channel: Option<u64>) {
        if let Some(held) = &mut self.faults.held {
            held.push((name.to_owned(), data, channel));
            return;
        }
        let twice = name == "MESSAGE_CREATE" || name == "INTERACTION_CREATE";
        if twice && self.faults.twice > 0 {
            self.faults.twice -= 1;
            self.deliver(name, &data, channel);
        }
        self.deliver(name, &data, channel);
    }

    fn deliver(&mut self, name: &str, data: &Value, channel: Option<u64>) {
        let guild = channel.and_then(|id| self.channels.get(&id)).and_then(|it| it.guild);
        let in_guild = guild.is_some() || channel.is_none();
        let bot = self.application.bot;
        if let Some(channel) = channel
            && name != "INTERACTION_CREATE"
            && !self.sees(bot, channel)
        {
            return;
        }
        let open: Vec<(String, u64)> =
            self.sessions.values().map(|it| (it.id.clone(), it.intents)).collect();
        for (session, asked) in open {
            let needs = needed(name, in_guild);
            if asked & needs != needs {
                continue;
            }
            let mut data = data.clone();
            let message = matches!(name, "MESSAGE_CREATE" | "MESSAGE_UPDATE");
            if message && in_guild && asked & intents::MESSAGE_CONTENT == 0 {
                objects::blank(&mut data, bot);
            }
            self.send(&session, name, &data);
        }
    }

    /// Whether this user can look into a channel.
    pub fn sees(&self, user: u64, channel: u64) -> bool {
        let Some(found) = self.channels.get(&channel) else { return false };
        let private = found.kind == kind::PRIVATE_THREAD;
        let member = || found.thread.as_ref().is_some_and(|it| it.members.contains(&user));
        self.permissions(user, channel) & permissions::VIEW_CHANNEL != 0 && (!private || member())
    }

    /// The next event of one session.
    pub fn send(&mut self, session: &str, name: &str, data: &Value) {
        let unsent = self.faults.unsent && name != "READY" && name != "RESUMED";
        let Some(session) = self.sessions.get_mut(session) else { return };
        session.sequence += 1;
        let frame = json!({ "op": 0, "s": session.sequence, "t": name, "d": data }).to_string();
        session.log.push_back((session.sequence, frame.clone()));
        if session.log.len() > KEPT {
            session.log.pop_front();
        }
        let connection = session.connection.filter(|_| !unsent);
        if let Some(out) = connection.and_then(|id| self.connections.get(&id)) {
            let _gone = out.send(Out::Frame(frame));
        }
    }

    /// A connection has nothing to do with its session any more. `ended` when the client said good-bye to it.
    pub fn disconnected(&mut self, connection: u64, ended: bool) {
        self.connections.remove(&connection);
        if ended {
            self.sessions.retain(|_, it| it.connection != Some(connection));
        }
        for session in self.sessions.values_mut() {
            if session.connection == Some(connection) {
                session.connection = None;
            }
        }
    }

    /// A new session on this connection, greeted with READY and its guilds.
    pub fn begin(&mut self, connection: u64, asked: u64, shard: &Value) {
        let id = format!("{:032x}", self.id());
        let session = Session {
            id: id.clone(),
            intents: asked,
            sequence: 0,
            log: std::collections::VecDeque::new(),
            connection: Some(connection),
        };
        self.sessions.insert(id.clone(), session);
        let unavailable = |it: &u64| json!({ "id": it.to_string(), "unavailable": true });
        let ready = json!({
            "v": 10,
            "user": objects::own_user(self),
            "guilds": self.guilds.keys().map(unavailable).collect::<Vec<Value>>(),
            "session_id": id,
            "session_type": "normal",
            "resume_gateway_url": self.gateway_url,
            "shard": shard,
            "application": {
                "id": self.application.id.to_string(),
                "flags": objects::application_flags(self),
            },
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "user_settings": {},
            "geo_ordered_rtc_regions": [],
            "_trace": ["[\"scripted\"]"],
        });
        self.send(&id, "READY", &ready);
        let guilds: Vec<Value> = if asked & intents::GUILDS == 0 {
            Vec::new()
        } else {
            self.guilds.values().map(|guild| objects::whole_guild(self, guild)).collect()
        };
        for guild in guilds {
            self.send(&id, "GUILD_CREATE", &guild);
        }
    }

    /// A client comes back to a session. `Err` holds the code to close with, or `None` for an invalid session.
    pub fn resume(&mut self, connection: u64, id: &str, sequence: u64) -> Result<(), Option<u16>> {
        if self.faults.refuse_resumes > 0 {
            self.faults.refuse_resumes -= 1;
            self.sessions.remove(id);
        }
        let session = self.sessions.get_mut(id).ok_or(None)?;
        if sequence > session.sequence {
            return Err(Some(4007));
        }
        let oldest = session.log.front().map_or(1, |(first, _)| *first);
        if sequence + 1 < oldest {
            self.sessions.remove(id);
            return Err(None);
        }
        session.connection = Some(connection);
        let missed: Vec<String> = session
            .log
            .iter()
            .filter(|(own, _)| *own > sequence)
            .map(|(_, frame)| frame.clone())
            .collect();
        if let Some(out) = self.connections.get(&connection) {
            for frame in missed {
                let _gone = out.send(Out::Frame(frame));
            }
        }
        self.send(id, "RESUMED", &json!({ "_trace": ["[\"scripted\"]"] }));
        Ok(())
    }
}
