//! Which request does what.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::messages::number;
use super::objects;
use super::refusals::{
    Answer, Reply, fine, missing_access, missing_permissions, refusal, required, short,
    unknown_channel, unknown_message,
};
use super::world::{Channel, Thread, Upload, World, kind, permissions};

/// A request without its address and its headers.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a [&'a str],
    pub query: &'a BTreeMap<String, String>,
    pub body: &'a Value,
    pub files: &'a [Upload],
}

/// The route with `{}` for what varies, and the part of it that has a bucket of its own.
pub fn template(method: &str, path: &[&str]) -> (String, String) {
    let mut route = String::new();
    let mut place = String::new();
    let mut before = "";
    for (index, part) in path.iter().enumerate() {
        let varies = part.chars().all(|c| c.is_ascii_digit())
            || before == "reactions"
            || (index == 2 && matches!(path[0], "webhooks" | "interactions"));
        route.push('/');
        route.push_str(if varies { "{}" } else { part });
        if index == 1 && varies {
            (*part).clone_into(&mut place);
        }
        before = part;
    }
    (format!("{method} {route}"), place)
}

/// Whether a request needs the bot's token: those of an interaction have one of their own in their address.
pub fn needs_token(path: &[&str]) -> bool {
    !matches!(path, ["interactions", ..] | ["webhooks", _, _, ..] | ["gateway"])
}

fn id(text: &str) -> Result<u64, Reply> {
    text.parse().map_err(|_| unknown_message())
}

impl World {
    /// Does what is asked.
    pub fn answer(&mut self, request: &Request<'_>) -> Answer {
        let Request { method, path, query, body, files } = request;
        match (*method, *path) {
            ("GET", ["gateway"]) => Ok(fine(json!({ "url": self.gateway_url }))),
            ("GET", ["gateway", "bot"]) => Ok(fine(json!({
                "url": self.gateway_url,
                "shards": 1,
                "session_start_limit": {
                    "total": 1_000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1,
                },
            }))),
            ("GET", ["users", "@me"]) => Ok(fine(objects::own_user(self))),
            ("GET", ["applications" | "oauth2", "@me"] | ["oauth2", "applications", "@me"]) => {
                Ok(fine(objects::application(self)))
            }
            ("GET", ["users", user]) => {
                let user = objects::user(self, id(user)?);
                if user.is_null() {
                    Err(refusal(404, 10_013, "Unknown User"))
                } else {
                    Ok(fine(user))
                }
            }
            ("POST", ["users", "@me", "channels"]) => self.open_conversation(body),
            (_, ["guilds", guild, rest @ ..]) => self.guild_route(method, id(guild)?, rest),
            (_, ["channels", channel, rest @ ..]) => {
                self.channel_route(request, id(channel)?, rest)
            }
            ("PUT", ["applications", application, "commands"]) => {
                self.register(application, None, body)
            }
            ("PUT", ["applications", application, "guilds", guild, "commands"]) => {
                self.register(application, Some(id(guild)?), body)
            }
            ("GET", ["applications", _, "commands"]) => {
                Ok(fine(json!(self.commands.get(&None).cloned().unwrap_or_default())))
            }
            ("GET", ["applications", _, "guilds", guild, "commands"]) => {
                Ok(fine(json!(self.commands.get(&Some(id(guild)?)).cloned().unwrap_or_default())))
            }
            ("POST", ["interactions", interaction, token, "callback"]) => {
                let shown = query.get("with_response").is_some_and(|it| it == "true" || it == "1");
                self.call_back(id(interaction)?, token, body, files, shown)
            }
            ("POST", ["webhooks", application, token]) => {
                self.follow_up(application, token, body, files)
            }
            ("GET" | "PATCH" | "DELETE", ["webhooks", application, token, "messages", message]) => {
                self.answered_message(method, (application, token, message), body, files)
            }
            _ => Err(refusal(404, 0, "404: Not Found")),
        }
    }

    fn open_conversation(&mut self, body: &Value) -> Answer {
        let with = number(&body["recipient_id"]).filter(|id| self.users.contains_key(id));
        let with = with.ok_or_else(|| refusal(400, 50_033, "Invalid Recipient(s)"))?;
        let channel = self.conversation(with);
        let channel = self.channels.get(&channel).ok_or_else(unknown_channel)?;
        Ok(fine(objects::channel(self, channel)))
    }

    fn guild_route(&self, method: &str, guild: u64, rest: &[&str]) -> Answer {
        let bot = self.application.bot;
        let found = self.guilds.get(&guild).filter(|it| it.members.contains_key(&bot));
        let found = found.ok_or_else(|| refusal(404, 10_004, "Unknown Guild"))?;
        let of = |threads: bool| {
            let all = self.channels.values().filter(move |it| it.guild == Some(guild));
            all.filter(move |it| it.thread.is_some() == threads && self.sees(bot, it.id))
        };
        match (method, rest) {
            ("GET", []) => Ok(fine(objects::guild(found))),
            ("GET", ["channels"]) => Ok(fine(json!(
                of(false).map(|it| objects::channel(self, it)).collect::<Vec<Value>>()
            ))),
            ("GET", ["roles"]) => Ok(fine(json!(objects::roles(found)))),
            ("GET", ["members", member]) => {
                let member = id(member)?;
                if !found.members.contains_key(&member) {
                    return Err(refusal(404, 10_007, "Unknown Member"));
                }
                Ok(fine(objects::member(self, found, member)))
            }
            ("GET", ["threads", "active"]) => {
                let open: Vec<&Channel> = of(true)
                    .filter(|it| it.thread.as_ref().is_some_and(|it| !it.archived))
                    .collect();
                let own = open
                    .iter()
                    .filter(|it| it.thread.as_ref().is_some_and(|it| it.members.contains(&bot)));
                Ok(fine(json!({
                    "threads": open.iter().map(|it| objects::channel(self, it)).collect::<Vec<Value>>(),
                    "members": own.map(|it| objects::thread_member(it, bot)).collect::<Vec<Value>>(),
                    "has_more": false,
                })))
            }
            _ => Err(refusal(404, 0, "404: Not Found")),
        }
    }

    fn channel_route(&mut self, request: &Request<'_>, channel: u64, rest: &[&str]) -> Answer {
        let Request { method, query, body, files, .. } = request;
        let bot = self.application.bot;
        if !self.channels.contains_key(&channel) {
            return Err(unknown_channel());
        }
        if !self.sees(bot, channel) {
            return Err(missing_access());
        }
        match (*method, rest) {
            ("GET", []) => Ok(fine(objects::channel(self, &self.channels[&channel]))),
            ("PATCH", []) => self.change_channel(channel, body),
            ("GET", ["messages"]) => self.read(channel, query),
            ("POST", ["messages"]) => self.post(channel, body, files),
            ("POST", ["typing"]) => {
                self.typing.push(channel);
                Ok(fine(Value::Null))
            }
            ("POST", ["threads"]) => self.make_thread(channel, None, body),
            ("PUT", ["thread-members", "@me"]) => self.join(channel, bot),
            ("GET", ["threads", "archived", "public"]) => {
                let own = self.channels.values().filter(|it| it.parent == Some(channel));
                let own = own.filter(|it| it.thread.as_ref().is_some_and(|it| it.archived));
                let own = own.filter(|it| it.kind == kind::PUBLIC_THREAD);
                Ok(fine(json!({
                    "threads": own.map(|it| objects::channel(self, it)).collect::<Vec<Value>>(),
                    "members": [],
                    "has_more": false,
                })))
            }
            (_, ["messages", message, rest @ ..]) => {
                let message = id(message)?;
                if !self.channels[&channel].messages.contains_key(&message) {
                    return Err(unknown_message());
                }
                match (*method, rest) {
                    ("GET", []) => {
                        self.message(message).cloned().map(fine).ok_or_else(unknown_message)
                    }
                    ("PATCH", []) => self.amend(message, body, files),
                    ("DELETE", []) => self.delete(channel, message),
                    ("POST", ["threads"]) => self.make_thread(channel, Some(message), body),
                    ("PUT" | "DELETE", ["reactions", emoji, "@me"]) => {
                        self.react(message, bot, emoji, *method == "PUT")
                    }
                    _ => Err(refusal(404, 0, "404: Not Found")),
                }
            }
            _ => Err(refusal(404, 0, "404: Not Found")),
        }
    }

    fn delete(&mut self, channel: u64, message: u64) -> Answer {
        let bot = self.application.bot;
        let author = self.message(message).and_then(|it| number(&it["author"]["id"]));
        let may = self.permissions(bot, channel) & permissions::MANAGE_MESSAGES != 0;
        if author != Some(bot) && !may {
            return Err(missing_permissions());
        }
        self.take_away(message)
    }

    /// A new thread, from a message or without one.
    pub fn make_thread(&mut self, parent: u64, message: Option<u64>, body: &Value) -> Answer {
        let bot = self.application.bot;
        required(&body["name"], &["name"])?;
        short(&body["name"], 100, &["name"])?;
        if self.permissions(bot, parent) & permissions::CREATE_PUBLIC_THREADS == 0 {
            return Err(missing_permissions());
        }
        if message.is_some_and(|id| self.channels.contains_key(&id)) {
            return Err(refusal(
                400,
                160_004,
                "A thread has already been created for this message",
            ));
        }
        if self.channels[&parent].thread.is_some() {
            return Err(refusal(400, 50_024, "Cannot execute action on this channel type"));
        }
        let guild = self.channels[&parent].guild.ok_or_else(unknown_channel)?;
        let id = message.unwrap_or_else(|| self.id());
        let private = message.is_none() && body["type"] != kind::PUBLIC_THREAD;
        let thread = Thread {
            owner: bot,
            archived: false,
            locked: false,
            archive_after: body["auto_archive_duration"].as_u64().unwrap_or(4_320),
            members: [bot].into(),
        };
        let channel = Channel {
            id,
            kind: if private { kind::PRIVATE_THREAD } else { kind::PUBLIC_THREAD },
            guild: Some(guild),
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            parent: Some(parent),
            with: None,
            thread: Some(thread),
            messages: BTreeMap::new(),
            denied: Vec::new(),
        };
        let object = objects::channel(self, &channel);
        self.channels.insert(id, channel);
        let mut heard = object.clone();
        heard["newly_created"] = json!(true);
        self.dispatch("THREAD_CREATE", heard, Some(id));
        if let Some(message) = message {
            self.mark_thread(message);
        }
        Ok(Reply { status: 201, body: object })
    }

    fn change_channel(&mut self, channel: u64, body: &Value) -> Answer {
        let bot = self.application.bot;
        let may = self.permissions(bot, channel) & permissions::MANAGE_THREADS != 0;
        let place = self.channels.get_mut(&channel).ok_or_else(unknown_channel)?;
        let Some(thread) = &mut place.thread else { return Err(missing_permissions()) };
        if thread.owner != bot && !may {
            return Err(missing_permissions());
        }
        if body.get("locked").is_some_and(|locked| *locked == true) && !may {
            return Err(missing_permissions());
        }
        if let Some(archived) = body["archived"].as_bool() {
            thread.archived = archived;
        }
        if let Some(locked) = body["locked"].as_bool() {
            thread.locked = locked;
        }
        if let Some(name) = body["name"].as_str() {
            name.clone_into(&mut place.name);
        }
        let object = objects::channel(self, &self.channels[&channel]);
        self.dispatch("THREAD_UPDATE", object.clone(), Some(channel));
        Ok(fine(object))
    }

    fn join(&mut self, channel: u64, user: u64) -> Answer {
        let thread = self.channels.get_mut(&channel).and_then(|it| it.thread.as_mut());
        let thread = thread.ok_or_else(unknown_channel)?;
        thread.members.insert(user);
        Ok(fine(Value::Null))
    }

    /// A reaction of this user, put there or taken away.
    pub fn react(&mut self, message: u64, user: u64, emoji: &str, put: bool) -> Answer {
        if emoji.is_empty() || emoji.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(refusal(400, 10_014, "Unknown Emoji"));
        }
        let mut after = self.message(message).cloned().ok_or_else(unknown_message)?;
        let channel = number(&after["channel_id"]).unwrap_or_default();
        let own = user == self.application.bot;
        let mut all = after["reactions"].as_array().cloned().unwrap_or_default();
        let known = all.iter().position(|it| it["emoji"]["name"] == emoji);
        let count = known.and_then(|index| all[index]["count"].as_u64()).unwrap_or(0);
        let count = if put { count + 1 } else { count.saturating_sub(1) };
        if let Some(index) = known {
            all.remove(index);
        }
        if count > 0 {
            all.push(json!({
                "emoji": { "id": null, "name": emoji },
                "count": count,
                "count_details": { "burst": 0, "normal": count },
                "burst_colors": [],
                "me_burst": false,
                "me": own && put,
            }));
        }
        after["reactions"] = json!(all);
        if let Some(place) = self.channels.get_mut(&channel) {
            place.messages.insert(message, after);
        }
        let mut event = json!({
            "user_id": user.to_string(),
            "channel_id": channel.to_string(),
            "message_id": message.to_string(),
            "emoji": { "id": null, "name": emoji },
            "burst": false,
            "type": 0,
        });
        let guild =
            self.channels.get(&channel).and_then(|it| it.guild).and_then(|id| self.guilds.get(&id));
        if let Some(guild) = guild {
            event["guild_id"] = json!(guild.id.to_string());
            if put {
                event["member"] = objects::member(self, guild, user);
            }
        }
        let name = if put { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
        self.dispatch(name, event, Some(channel));
        Ok(fine(Value::Null))
    }
}
