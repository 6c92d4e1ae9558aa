//! Interactions: what a person does with a command, a button or a form, and what the bot may answer until when.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::limits_of_messages;
use super::messages::{EPHEMERAL, LOADING, number};
use super::objects;
use super::refusals::{Answer, Reply, fine, invalid, refusal, short, unknown_message};
use super::world::{Upload, World};

/// How long an interaction may wait for its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
/// How long its token is good for.
const TOKEN: Duration = Duration::from_secs(15 * 60);

/// What kind of interaction it is, by Discord's numbers.
pub mod kind {
    pub const COMMAND: u8 = 2;
    pub const COMPONENT: u8 = 3;
    pub const AUTOCOMPLETE: u8 = 4;
    pub const MODAL: u8 = 5;
}

/// One interaction and what was answered.
#[derive(Debug, Clone)]
pub struct Interaction {
    pub id: u64,
    pub token: String,
    pub kind: u8,
    pub user: u64,
    pub channel: u64,
    /// The name of the command, for the messages that answer it.
    pub name: String,
    /// The message whose component was used.
    pub source: Option<u64>,
    /// By the clock of the interactions.
    pub made: Duration,
    pub made_at: Instant,
    /// When the first answer came, by the clock of the machine.
    pub answered_at: Option<Instant>,
    /// The kind of the first answer, by Discord's numbers: 4 message, 5 later, 6 nothing, 7 change, 8 choices, 9 form.
    pub answered: Option<u8>,
    /// The data of the first answer.
    pub data: Value,
    /// The message that stands for `@original`.
    pub original: Option<u64>,
    /// Messages that came after it.
    pub followed: Vec<u64>,
}

impl Interaction {
    /// Choices that autocomplete was answered with: what is shown and what is sent.
    pub fn choices(&self) -> Vec<(String, Value)> {
        let choices = self.data["choices"].as_array().into_iter().flatten();
        choices
            .map(|it| (it["name"].as_str().unwrap_or_default().to_owned(), it["value"].clone()))
            .collect()
    }
}

fn unknown_interaction() -> Reply {
    refusal(404, 10_062, "Unknown interaction")
}

impl World {
    /// A person does something: the bot hears of it.
    pub fn interact(
        &mut self,
        kind: u8,
        user: u64,
        channel: u64,
        data: &Value,
        source: Option<u64>,
    ) -> u64 {
        let id = self.id();
        let token = format!("interaction-{id}-{:x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let name = data["name"].as_str().unwrap_or_default().to_owned();
        let guild = self.channels.get(&channel).and_then(|it| it.guild);
        let guild = guild.and_then(|id| self.guilds.get(&id));
        let bot = self.application.bot;
        let locale = self.users.get(&user).map(|it| it.locale.clone()).unwrap_or_default();
        let mut event = json!({
            "id": id.to_string(),
            "application_id": self.application.id.to_string(),
            "type": kind,
            "token": token,
            "version": 1,
            "data": data,
            "channel_id": channel.to_string(),
            "locale": locale,
            "entitlements": [],
            "attachment_size_limit": 10_485_760,
            "app_permissions": self.permissions(bot, channel).to_string(),
            "authorizing_integration_owners": { "0": guild.map_or(0, |it| it.id).to_string() },
            "context": if guild.is_some() { 0 } else { 1 },
        });
        if let Some(place) = self.channels.get(&channel) {
            event["channel"] = objects::channel(self, place);
            event["channel"]["permissions"] = json!(self.permissions(user, channel).to_string());
        }
        match guild {
            Some(guild) => {
                event["guild_id"] = json!(guild.id.to_string());
                event["guild_locale"] = json!(guild.locale);
                event["guild"] =
                    json!({ "id": guild.id.to_string(), "locale": guild.locale, "features": [] });
                event["member"] = objects::member(self, guild, user);
                event["member"]["permissions"] = json!(self.permissions(user, channel).to_string());
            }
            None => event["user"] = objects::user(self, user),
        }
        if let Some(message) = source.and_then(|id| self.message(id)) {
            event["message"] = message.clone();
        }
        let interaction = Interaction {
            id,
            token,
            kind,
            user,
            channel,
            name,
            source,
            made: self.clock(),
            made_at: Instant::now(),
            answered_at: None,
            answered: None,
            data: Value::Null,
            original: None,
            followed: Vec::new(),
        };
        self.interactions.insert(id, interaction);
        self.dispatch("INTERACTION_CREATE", event, Some(channel));
        id
    }

    /// `POST /interactions/{id}/{token}/callback`.
    pub fn call_back(
        &mut self,
        id: u64,
        token: &str,
        body: &Value,
        files: &[Upload],
        shown: bool,
    ) -> Answer {
        let clock = self.clock();
        let found = self.interactions.get(&id).filter(|it| it.token == token);
        let found = found.cloned().ok_or_else(unknown_interaction)?;
        if found.answered.is_some() {
            return Err(refusal(400, 40_060, "Interaction has already been acknowledged."));
        }
        if clock.saturating_sub(found.made) > FIRST_ANSWER {
            return Err(unknown_interaction());
        }
        let kind = body["type"].as_u64().and_then(|kind| u8::try_from(kind).ok()).unwrap_or(0);
        check_kind(&found, kind)?;
        let data = &body["data"];
        let original = match kind {
            4 | 5 => Some(self.first_message(&found, kind, data, files)?),
            6 => found.source,
            7 => {
                let source = found.source.ok_or_else(unknown_message)?;
                self.amend(source, data, files)?;
                Some(source)
            }
            8 => {
                check_choices(data)?;
                None
            }
            _ => {
                check_form(data)?;
                None
            }
        };
        if let Some(own) = self.interactions.get_mut(&id) {
            own.answered = Some(kind);
            own.answered_at = Some(Instant::now());
            own.data = data.clone();
            own.original = original;
        }
        if !shown {
            return Ok(fine(Value::Null));
        }
        Ok(fine(self.shown(&found, kind, original)))
    }

    fn shown(&self, found: &Interaction, kind: u8, original: Option<u64>) -> Value {
        let message = original.and_then(|id| self.message(id)).cloned();
        let flags = message.as_ref().and_then(|it| it["flags"].as_u64()).unwrap_or(0);
        let mut answer = json!({ "interaction": {
            "id": found.id.to_string(),
            "type": found.kind,
            "response_message_loading": flags & LOADING != 0,
            "response_message_ephemeral": flags & EPHEMERAL != 0,
        }});
        if let Some(id) = original {
            answer["interaction"]["response_message_id"] = json!(id.to_string());
        }
        if let (Some(message), 4 | 7) = (message, kind) {
            answer["resource"] = json!({ "type": kind, "message": message });
        }
        answer
    }

    fn first_message(
        &mut self,
        found: &Interaction,
        kind: u8,
        data: &Value,
        files: &[Upload],
    ) -> Result<u64, Reply> {
        if kind == 4 {
            limits_of_messages::check(data, files, None)?;
        }
        self.answer_with(found, data, files, kind == 5, None)
    }

    /// A message that answers an interaction: with its webhook's id, and saying what it answers.
    fn answer_with(
        &mut self,
        found: &Interaction,
        data: &Value,
        files: &[Upload],
        loading: bool,
        follows: Option<u64>,
    ) -> Result<u64, Reply> {
        let mut message = self.compose(self.application.bot, found.channel, data, files);
        let id = number(&message["id"]).ok_or_else(unknown_message)?;
        let flags = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL;
        message["type"] = json!(if found.kind == kind::COMMAND { 20 } else { 0 });
        message["flags"] = json!(flags | if loading { LOADING } else { 0 });
        message["application_id"] = json!(self.application.id.to_string());
        message["webhook_id"] = json!(self.application.id.to_string());
        message["interaction_metadata"] = self.metadata(found);
        if found.kind == kind::COMMAND {
            message["interaction"] = json!({
                "id": found.id.to_string(),
                "type": found.kind,
                "name": found.name,
                "user": objects::user(self, found.user),
            });
        }
        if let Some(referred) = follows.or(found.source) {
            message["message_reference"] = json!({
                "type": 0,
                "channel_id": found.channel.to_string(),
                "message_id": referred.to_string(),
            });
        }
        if flags & EPHEMERAL != 0 {
            self.unlisted.insert(id, message);
        } else {
            self.publish(&message, &Value::Null);
        }
        Ok(id)
    }

    fn metadata(&self, found: &Interaction) -> Value {
        let guild = self.channels.get(&found.channel).and_then(|it| it.guild).unwrap_or(0);
        let mut about = json!({
            "id": found.id.to_string(),
            "type": found.kind,
            "user": objects::user(self, found.user),
            "authorizing_integration_owners": { "0": guild.to_string() },
        });
        match found.kind {
            kind::COMPONENT => {
                about["interacted_message_id"] = json!(found.source.unwrap_or(0).to_string());
            }
            kind::MODAL => {
                about["triggering_interaction_metadata"] = json!({
                    "id": found.id.to_string(),
                    "type": kind::COMMAND,
                    "user": objects::user(self, found.user),
                    "authorizing_integration_owners": { "0": guild.to_string() },
                    "name": found.name,
                    "command_type": 1,
                });
            }
            _ => {
                about["name"] = json!(found.name);
                about["command_type"] = json!(1);
            }
        }
        about
    }

    /// The interaction whose token a webhook's address has, if it is still good.
    fn by_token(&self, application: &str, token: &str) -> Result<Interaction, Reply> {
        let own = application == self.application.id.to_string();
        let found = self.interactions.values().find(|it| own && it.token == token);
        let found = found.ok_or_else(|| refusal(404, 10_015, "Unknown Webhook"))?;
        if self.clock().saturating_sub(found.made) > TOKEN {
            return Err(refusal(401, 50_027, "Invalid Webhook Token"));
        }
        if found.answered.is_none() {
            return Err(refusal(404, 10_015, "Unknown Webhook"));
        }
        Ok(found.clone())
    }

    /// `GET`, `PATCH` and `DELETE` of `/webhooks/{application}/{token}/messages/{message}`.
    pub fn answered_message(
        &mut self,
        method: &str,
        (application, token, message): (&str, &str, &str),
        body: &Value,
        files: &[Upload],
    ) -> Answer {
        let found = self.by_token(application, token)?;
        let id = if message == "@original" { found.original } else { message.parse().ok() };
        let own = |id: &u64| found.original == Some(*id) || found.followed.contains(id);
        let id = id.filter(own).ok_or_else(unknown_message)?;
        match method {
            "PATCH" => self.amend(id, body, files),
            "DELETE" => self.take_away(id),
            _ => self.message(id).cloned().map(fine).ok_or_else(unknown_message),
        }
    }

    /// `POST /webhooks/{application}/{token}`.
    pub fn follow_up(
        &mut self,
        application: &str,
        token: &str,
        body: &Value,
        files: &[Upload],
    ) -> Answer {
        let found = self.by_token(application, token)?;
        limits_of_messages::check(body, files, None)?;
        let first = found.original.filter(|id| {
            let flags = self.message(*id).and_then(|it| it["flags"].as_u64()).unwrap_or(0);
            flags & LOADING != 0
        });
        if let Some(first) = first {
            return self.amend(first, body, files);
        }
        let id = self.answer_with(&found, body, files, false, found.original)?;
        if let Some(own) = self.interactions.get_mut(&found.id) {
            own.followed.push(id);
        }
        self.message(id).cloned().map(fine).ok_or_else(unknown_message)
    }
}

fn check_kind(found: &Interaction, answer: u8) -> Result<(), Reply> {
    let fits = match answer {
        4 | 5 => found.kind != kind::AUTOCOMPLETE,
        6 | 7 => {
            found.kind == kind::COMPONENT || (found.kind == kind::MODAL && found.source.is_some())
        }
        8 => found.kind == kind::AUTOCOMPLETE,
        9 => matches!(found.kind, kind::COMMAND | kind::COMPONENT),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(invalid(
        &["type"],
        "INTERACTION_CALLBACK_TYPE_INVALID",
        "This interaction cannot be answered so",
    ))
}

fn check_choices(data: &Value) -> Result<(), Reply> {
    let choices = data["choices"].as_array().cloned().unwrap_or_default();
    if choices.len() > 25 {
        return Err(invalid(
            &["data", "choices"],
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        ));
    }
    for (index, choice) in choices.iter().enumerate() {
        let index = index.to_string();
        for name in ["name", "value"] {
            let path = ["data", "choices", index.as_str(), name];
            short(&choice[name], 100, &path)?;
            if choice[name].is_null() || choice[name] == "" {
                return Err(invalid(&path, "BASE_TYPE_REQUIRED", "This field is required"));
            }
        }
    }
    Ok(())
}

fn check_form(data: &Value) -> Result<(), Reply> {
    short(&data["title"], 45, &["data", "title"])?;
    short(&data["custom_id"], 100, &["data", "custom_id"])?;
    let rows = data["components"].as_array().map_or(0, Vec::len);
    if !(1..=5).contains(&rows) {
        return Err(invalid(
            &["data", "components"],
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        ));
    }
    Ok(())
}
