//! Messages: made, changed, read and taken away.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::limits_of_messages;
use super::objects;
use super::refusals::{
    Answer, Reply, fine, invalid, missing_access, missing_permissions, refusal, unknown_channel,
    unknown_message,
};
use super::world::{Upload, World, permissions};

/// Seen by one person only.
pub const EPHEMERAL: u64 = 1 << 6;
/// Still to be filled.
pub const LOADING: u64 = 1 << 7;
/// Has a thread.
const HAS_THREAD: u64 = 1 << 5;

/// A number that was written as one, or as text.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// People, roles and everybody, as far as a text mentions them and may.
struct Mentions {
    users: Vec<Value>,
    roles: Vec<String>,
    everyone: bool,
}

fn mentions(world: &World, author: u64, channel: u64, body: &Value) -> Mentions {
    let text = body["content"].as_str().unwrap_or_default();
    let allowed = &body["allowed_mentions"];
    let may = |kind: &str, id: &str| {
        let parsed = allowed["parse"].as_array().into_iter().flatten().any(|it| it == kind);
        let listed = allowed[kind]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| number(it).is_some_and(|own| own.to_string() == id));
        !allowed.is_object() || parsed || listed
    };
    let after = |mark: &str| -> Vec<String> {
        let parts = text.split(mark).skip(1).filter_map(|part| part.split_once('>'));
        let mut ids: Vec<String> = Vec::new();
        for (id, _) in parts {
            if id.chars().all(|c| c.is_ascii_digit()) && !ids.iter().any(|it| it == id) {
                ids.push(id.to_owned());
            }
        }
        ids
    };
    let mut users = after("<@");
    users.extend(after("<@!"));
    let users = users.into_iter().filter(|id| may("users", id)).filter_map(|id| id.parse().ok());
    let users = users.filter(|id| world.users.contains_key(id)).map(|id| objects::user(world, id));
    let loud = text.contains("@everyone") || text.contains("@here");
    let can = world.permissions(author, channel) & permissions::MENTION_EVERYONE != 0;
    Mentions {
        users: users.collect(),
        roles: after("<@&").into_iter().filter(|id| may("roles", id)).collect(),
        everyone: loud && can && may("everyone", ""),
    }
}

impl World {
    /// A message as it will stand in a channel; nobody has heard of it yet.
    pub fn compose(&mut self, author: u64, channel: u64, body: &Value, files: &[Upload]) -> Value {
        let id = self.id();
        let mentions = mentions(self, author, channel, body);
        let mut message = json!({
            "id": id.to_string(),
            "type": if body["message_reference"].is_object() { 19 } else { 0 },
            "channel_id": channel.to_string(),
            "author": objects::user(self, author),
            "content": body["content"].as_str().unwrap_or_default(),
            "timestamp": objects::now(),
            "edited_timestamp": null,
            "tts": body["tts"].as_bool().unwrap_or(false),
            "mention_everyone": mentions.everyone,
            "mentions": mentions.users,
            "mention_roles": mentions.roles,
            "attachments": self.attach(channel, &body["attachments"], files),
            "embeds": embeds(&body["embeds"]),
            "pinned": false,
            "flags": body["flags"].as_u64().unwrap_or(0),
            "components": components(&body["components"]),
        });
        if let Some(referred) = number(&body["message_reference"]["message_id"]) {
            message["message_reference"] = json!({
                "type": 0,
                "channel_id": channel.to_string(),
                "message_id": referred.to_string(),
            });
            if let Some(guild) = self.channels.get(&channel).and_then(|it| it.guild) {
                message["message_reference"]["guild_id"] = json!(guild.to_string());
            }
            message["referenced_message"] = self.message(referred).cloned().unwrap_or_default();
            if let Some(inner) = message["referenced_message"].as_object_mut() {
                inner.remove("referenced_message");
            }
        }
        message
    }

    fn attach(&mut self, channel: u64, described: &Value, files: &[Upload]) -> Vec<Value> {
        let mut attached = Vec::new();
        for file in files {
            let id = self.id();
            let index = file.field.trim_start_matches("files[").trim_end_matches(']');
            let about = described.as_array().into_iter().flatten();
            let about = about
                .into_iter()
                .find(|it| number(&it["id"]).is_some_and(|id| id.to_string() == index));
            let name =
                about.and_then(|it| it["filename"].as_str()).unwrap_or(&file.name).to_owned();
            let path = format!("/attachments/{channel}/{id}/{name}");
            self.files.insert(path.clone(), (file.content_type.clone(), file.bytes.clone()));
            let mut object = json!({
                "id": id.to_string(),
                "filename": name,
                "size": file.bytes.len(),
                "url": format!("https://cdn.discordapp.com{path}"),
                "proxy_url": format!("https://media.discordapp.net{path}"),
                "content_type": file.content_type,
            });
            if let Some(description) = about.and_then(|it| it.get("description")) {
                object["description"] = description.clone();
            }
            attached.push(object);
        }
        attached
    }

    /// Puts a message where it belongs and says so to those who listen.
    pub fn publish(&mut self, message: &Value, nonce: &Value) {
        let (Some(id), Some(channel)) = (number(&message["id"]), number(&message["channel_id"]))
        else {
            return;
        };
        let Some(place) = self.channels.get_mut(&channel) else { return };
        place.messages.insert(id, message.clone());
        if let Some(thread) = &mut place.thread {
            thread.archived = false;
        }
        let mut heard = objects::heard_message(self, message);
        if !nonce.is_null() {
            heard["nonce"] = nonce.clone();
        }
        self.dispatch("MESSAGE_CREATE", heard, Some(channel));
    }

    /// `POST /channels/{id}/messages` by the bot.
    pub fn post(&mut self, channel: u64, body: &Value, files: &[Upload]) -> Answer {
        let bot = self.application.bot;
        let found = self.channels.get(&channel).ok_or_else(unknown_channel)?;
        if !self.sees(bot, channel) {
            return Err(missing_access());
        }
        let may = self.permissions(bot, channel);
        let send = match &found.thread {
            Some(thread) if thread.locked && may & permissions::MANAGE_THREADS == 0 => {
                return Err(refusal(400, 50_083, "Thread is archived"));
            }
            Some(_) => permissions::SEND_MESSAGES_IN_THREADS,
            None => permissions::SEND_MESSAGES,
        };
        let with_files = if files.is_empty() { 0 } else { permissions::ATTACH_FILES };
        if may & (send | with_files) != send | with_files {
            return Err(missing_permissions());
        }
        let nonce = body["nonce"].clone();
        if nonce.as_str().is_some_and(|text| text.len() > 25) {
            return Err(invalid(
                &["nonce"],
                "BASE_TYPE_MAX_LENGTH",
                "Must be 25 or fewer in length.",
            ));
        }
        let key = (bot, channel, nonce.to_string());
        let strict = body["enforce_nonce"] == true && !nonce.is_null();
        if let Some(known) = self.nonces.get(&key).filter(|_| strict)
            && let Some(known) = self.message(*known)
        {
            let mut known = known.clone();
            known["nonce"] = nonce;
            return Ok(fine(known));
        }
        limits_of_messages::check(body, files, None)?;
        self.check_reference(channel, body)?;
        let mut body = body.clone();
        if may & permissions::EMBED_LINKS == 0 {
            body["embeds"] = json!([]);
        }
        let mut message = self.compose(bot, channel, &body, files);
        if !nonce.is_null() {
            self.nonces.insert(key, number(&message["id"]).unwrap_or_default());
        }
        self.publish(&message, &nonce);
        if !nonce.is_null() {
            message["nonce"] = nonce;
        }
        Ok(fine(message))
    }

    fn check_reference(&self, channel: u64, body: &Value) -> Result<(), Reply> {
        let reference = &body["message_reference"];
        let Some(id) = number(&reference["message_id"]) else { return Ok(()) };
        let known = self.channels.get(&channel).is_some_and(|it| it.messages.contains_key(&id));
        if !known && reference["fail_if_not_exists"] != false {
            return Err(invalid(
                &["message_reference"],
                "REPLIES_UNKNOWN_MESSAGE",
                "Unknown message",
            ));
        }
        Ok(())
    }

    /// `GET /channels/{id}/messages`.
    pub fn read(&self, channel: u64, query: &BTreeMap<String, String>) -> Answer {
        let found = self.channels.get(&channel).ok_or_else(unknown_channel)?;
        if !self.sees(self.application.bot, channel) {
            return Err(missing_access());
        }
        let limit = query.get("limit").map_or(Ok(50), |text| text.parse::<usize>());
        let Some(limit) = limit.ok().filter(|limit| (1..=100).contains(limit)) else {
            return Err(invalid(
                &["limit"],
                "NUMBER_TYPE_MAX",
                "int value should be between 1 and 100.",
            ));
        };
        let id = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
        let may = self.permissions(self.application.bot, channel);
        let mut messages: Vec<Value> = if may & permissions::READ_MESSAGE_HISTORY == 0 {
            Vec::new()
        } else if let Some(after) = id("after") {
            let mut next: Vec<Value> =
                found.messages.range(after + 1..).take(limit).map(|(_, it)| it.clone()).collect();
            next.reverse();
            next
        } else {
            let before = id("before").unwrap_or(u64::MAX);
            found.messages.range(..before).rev().take(limit).map(|(_, it)| it.clone()).collect()
        };
        let content = self.application.privileged & super::sessions::intents::MESSAGE_CONTENT;
        if found.guild.is_some() && content == 0 {
            for message in &mut messages {
                objects::blank(message, self.application.bot);
            }
        }
        Ok(fine(json!(messages)))
    }

    /// Changes a message of the bot's own, wherever it is, and says so.
    pub fn amend(&mut self, id: u64, body: &Value, files: &[Upload]) -> Answer {
        let before = self.message(id).cloned().ok_or_else(unknown_message)?;
        let own = number(&before["author"]["id"]) == Some(self.application.bot);
        if !own {
            return Err(refusal(403, 50_005, "Cannot edit a message authored by another user"));
        }
        limits_of_messages::check(body, files, Some(&before))?;
        let mut after = before;
        let channel = number(&after["channel_id"]).unwrap_or_default();
        if body.get("content").is_some() {
            after["content"] = json!(body["content"].as_str().unwrap_or_default());
            let found = mentions(self, self.application.bot, channel, body);
            after["mentions"] = json!(found.users);
            after["mention_roles"] = json!(found.roles);
            after["mention_everyone"] = json!(found.everyone);
        }
        if body.get("embeds").is_some() {
            after["embeds"] = embeds(&body["embeds"]);
        }
        if body.get("components").is_some() {
            after["components"] = components(&body["components"]);
        }
        let mut attached: Vec<Value> = after["attachments"].as_array().cloned().unwrap_or_default();
        if let Some(kept) = body["attachments"].as_array() {
            let kept: Vec<u64> = kept.iter().filter_map(|it| number(&it["id"])).collect();
            attached.retain(|it| number(&it["id"]).is_some_and(|id| kept.contains(&id)));
        }
        attached.extend(self.attach(channel, &body["attachments"], files));
        after["attachments"] = json!(attached);
        after["edited_timestamp"] = json!(objects::now());
        let flags = after["flags"].as_u64().unwrap_or(0) & !LOADING;
        after["flags"] = json!(flags);
        self.replace(id, &after);
        Ok(fine(after))
    }

    /// Puts a changed message in its place, and says so where it can be seen.
    pub fn replace(&mut self, id: u64, after: &Value) {
        if let Some(unlisted) = self.unlisted.get_mut(&id) {
            after.clone_into(unlisted);
            return;
        }
        let channel = number(&after["channel_id"]).unwrap_or_default();
        if let Some(place) = self.channels.get_mut(&channel) {
            place.messages.insert(id, after.clone());
        }
        let heard = objects::heard_message(self, after);
        self.dispatch("MESSAGE_UPDATE", heard, Some(channel));
    }

    /// Takes a message away, and says so.
    pub fn take_away(&mut self, id: u64) -> Answer {
        let message = self.message(id).cloned().ok_or_else(unknown_message)?;
        if self.unlisted.remove(&id).is_some() {
            return Ok(fine(Value::Null));
        }
        let channel = number(&message["channel_id"]).unwrap_or_default();
        let place = self.channels.get_mut(&channel).ok_or_else(unknown_channel)?;
        place.messages.remove(&id);
        let mut gone = json!({ "id": id.to_string(), "channel_id": channel.to_string() });
        if let Some(guild) = place.guild {
            gone["guild_id"] = json!(guild.to_string());
        }
        self.dispatch("MESSAGE_DELETE", gone, Some(channel));
        Ok(fine(Value::Null))
    }

    /// A thread was made from a message.
    pub fn mark_thread(&mut self, id: u64) {
        let Some(mut message) = self.message(id).cloned() else { return };
        let flags = message["flags"].as_u64().unwrap_or(0) | HAS_THREAD;
        message["flags"] = json!(flags);
        if let Some(thread) = self.channels.get(&id) {
            message["thread"] = objects::channel(self, thread);
        }
        self.replace(id, &message);
    }
}

fn embeds(embeds: &Value) -> Value {
    let mut embeds = embeds.as_array().cloned().unwrap_or_default();
    for embed in &mut embeds {
        embed["type"] = json!("rich");
        for field in embed["fields"].as_array_mut().into_iter().flatten() {
            if field.get("inline").is_none() {
                field["inline"] = json!(false);
            }
        }
        if let Some(object) = embed.as_object_mut() {
            let empty = object.iter().filter(|(_, value)| value.is_null());
            let empty: Vec<String> = empty.map(|(name, _)| name.clone()).collect();
            for name in empty {
                object.remove(&name);
            }
        }
    }
    json!(embeds)
}

/// Components with the numbers that Discord gives them.
fn components(components: &Value) -> Value {
    let mut next = 1;
    number_all(components, &mut next)
}

fn number_all(components: &Value, next: &mut u64) -> Value {
    let mut all = Vec::new();
    for component in components.as_array().into_iter().flatten() {
        let mut object: Map<String, Value> = component.as_object().cloned().unwrap_or_default();
        if object.get("id").is_none_or(Value::is_null) {
            object.insert("id".to_owned(), json!(*next));
        }
        *next += 1;
        if let Some(inner) = object.get("components").cloned() {
            object.insert("components".to_owned(), number_all(&inner, next));
        }
        if object.get("type") == Some(&json!(3)) {
            object.entry("min_values").or_insert(json!(1));
            object.entry("max_values").or_insert(json!(1));
        }
        object.retain(|_, value| !value.is_null());
        all.push(Value::Object(object));
    }
    json!(all)
}
