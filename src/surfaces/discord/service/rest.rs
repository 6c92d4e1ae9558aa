//! Requests to Discord: serenity with its own limits on how many, and with a client that gives up in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use serenity::all::{
    ApplicationFlags, ApplicationId, ChannelId, GuildId, Http, HttpBuilder, HttpError,
    InteractionId, Message, MessageId, MessagePagination, UserId,
};
use serenity::builder::CreateAttachment;

use super::super::message::Outgoing;

/// How long a request may take; serenity itself would wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// Minutes after which a thread nobody writes in is hidden.
const ARCHIVED: u32 = 1440;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum RestError {
    /// The token is not valid.
    #[error("the token is refused")]
    Token,
    /// The bot may not.
    #[error("the bot may not: {0}")]
    Permission(String),
    /// It is not there, or not any more.
    #[error("it is not there: {0}")]
    Missing(String),
    /// Discord does not take it.
    #[error("refused: {0}")]
    Refused(String),
    /// It may work later.
    #[error("{0}")]
    Later(String),
}

impl From<serenity::Error> for RestError {
    fn from(error: serenity::Error) -> Self {
        match error {
            serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) => {
                let sentence = format!("{} ({})", response.error.message, response.error.code);
                match response.status_code.as_u16() {
                    401 => Self::Token,
                    403 => Self::Permission(sentence),
                    404 => Self::Missing(sentence),
                    429 | 500.. => Self::Later(sentence),
                    _ => Self::Refused(sentence),
                }
            }
            serenity::Error::Http(HttpError::Request(error)) => {
                // The address may have a token in it.
                Self::Later(error.without_url().to_string())
            }
            other => Self::Refused(other.to_string()),
        }
    }
}

/// What is known of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Whereabouts {
    /// Its guild.
    pub(in super::super) guild: Option<u64>,
    /// The channel that it is a thread of.
    pub(in super::super) parent: Option<u64>,
}

/// The way to Discord.
#[derive(Clone)]
pub(in super::super) struct Rest {
    http: Arc<Http>,
    client: reqwest::Client,
    token: Arc<SecretString>,
}

impl Rest {
    pub(super) fn new(
        token: &SecretString,
        connect_to: Option<SocketAddr>,
        authority: Option<&[u8]>,
    ) -> Result<Self, String> {
        let client = client(connect_to, authority)?;
        let http = HttpBuilder::new(token.expose_secret()).client(client.clone()).build();
        Ok(Self { http: Arc::new(http), client, token: Arc::new(token.clone()) })
    }

    /// Another one like it, which serenity's gateway wants to own.
    pub(super) fn another(&self) -> Http {
        HttpBuilder::new(self.token.expose_secret()).client(self.client.clone()).build()
    }

    pub(super) async fn whoami(&self) -> Result<String, RestError> {
        Ok(self.http.get_current_user().await?.name.clone())
    }

    /// Whether the application has the intent without which messages are empty, for few guilds or for many.
    pub(super) async fn reads_messages(&self) -> Result<bool, RestError> {
        let flags = self.http.get_current_application_info().await?.flags.unwrap_or_default();
        let (many, few) = (
            ApplicationFlags::GATEWAY_MESSAGE_CONTENT,
            ApplicationFlags::GATEWAY_MESSAGE_CONTENT_LIMITED,
        );
        Ok(flags.intersects(many | few))
    }

    /// Whether the gateway can be asked for; serenity would go elsewhere.
    pub(super) async fn gateway(&self) -> Result<(), RestError> {
        self.http.get_gateway().await?;
        Ok(())
    }

    pub(super) fn is(&self, application: u64) {
        self.http.set_application_id(ApplicationId::new(application));
    }

    pub(super) async fn define(&self, guild: u64, commands: &Value) -> Result<(), RestError> {
        self.http.create_guild_commands(GuildId::new(guild), commands).await?;
        Ok(())
    }

    pub(super) async fn whereabouts(&self, channel: u64) -> Result<Whereabouts, RestError> {
        let channel = self.http.get_channel(ChannelId::new(channel)).await?;
        let Some(channel) = channel.guild() else {
            return Ok(Whereabouts { guild: None, parent: None });
        };
        let is_thread = channel.thread_metadata.is_some();
        let parent = channel.parent_id.filter(|_| is_thread).map(ChannelId::get);
        Ok(Whereabouts { guild: Some(channel.guild_id.get()), parent })
    }

    pub(super) async fn roles(&self, guild: u64, user: u64) -> Result<Vec<u64>, RestError> {
        let member = self.http.get_member(GuildId::new(guild), UserId::new(user)).await?;
        Ok(member.roles.iter().map(|role| role.get()).collect())
    }

    /// At most a hundred messages after one, oldest first; without one, the latest message.
    pub(super) async fn messages(
        &self,
        channel: u64,
        after: Option<u64>,
    ) -> Result<Vec<Message>, RestError> {
        let target = after.map(|after| MessagePagination::After(MessageId::new(after)));
        let most = if after.is_some() { 100 } else { 1 };
        let channel = ChannelId::new(channel);
        let mut messages = self.http.get_messages(channel, target, Some(most)).await?;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    pub(super) async fn send(
        &self,
        channel: u64,
        outgoing: &Outgoing,
        nonce: &str,
        reply_to: Option<u64>,
    ) -> Result<u64, RestError> {
        let mut json = outgoing.json.clone();
        json["nonce"] = json!(nonce);
        json["enforce_nonce"] = json!(true);
        if let Some(message) = reply_to {
            json["message_reference"] =
                json!({ "message_id": message.to_string(), "fail_if_not_exists": false });
        }
        let channel = ChannelId::new(channel);
        Ok(self.http.send_message(channel, files(outgoing), &json).await?.id.get())
    }

    pub(super) async fn edit(
        &self,
        channel: u64,
        message: u64,
        outgoing: &Outgoing,
    ) -> Result<(), RestError> {
        let (channel, message) = (ChannelId::new(channel), MessageId::new(message));
        self.http.edit_message(channel, message, &outgoing.json, Vec::new()).await?;
        Ok(())
    }

    pub(super) async fn thread(
        &self,
        channel: u64,
        message: u64,
        name: &str,
    ) -> Result<u64, RestError> {
        let json = json!({ "name": name, "auto_archive_duration": ARCHIVED });
        let (channel, message) = (ChannelId::new(channel), MessageId::new(message));
        let thread = self.http.create_thread_from_message(channel, message, &json, None).await?;
        Ok(thread.id.get())
    }

    /// Answers an interaction: Discord's number of the kind of answer, and what is in it.
    pub(super) async fn respond(
        &self,
        interaction: u64,
        token: &str,
        kind: u8,
        outgoing: Option<&Outgoing>,
    ) -> Result<(), RestError> {
        let mut json = json!({ "type": kind });
        if let Some(outgoing) = outgoing {
            json["data"] = outgoing.json.clone();
        }
        let files = outgoing.map(files).unwrap_or_default();
        let id = InteractionId::new(interaction);
        Ok(self.http.create_interaction_response(id, token, &json, files).await?)
    }

    /// Puts the answer in the place of "is thinking".
    pub(super) async fn respond_later(
        &self,
        token: &str,
        outgoing: &Outgoing,
    ) -> Result<(), RestError> {
        let files = files(outgoing);
        self.http.edit_original_interaction_response(token, &outgoing.json, files).await?;
        Ok(())
    }
}

fn files(outgoing: &Outgoing) -> Vec<CreateAttachment> {
    let file = outgoing.file.iter();
    file.map(|(name, text)| CreateAttachment::bytes(text.clone().into_bytes(), name)).collect()
}

fn client(
    connect_to: Option<SocketAddr>,
    authority: Option<&[u8]>,
) -> Result<reqwest::Client, String> {
    let mut client = reqwest::Client::builder()
        .use_rustls_tls()
        .timeout(PATIENCE)
        .connect_timeout(CONNECTING)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(address) = connect_to {
        client = client.resolve("discord.com", address);
    }
    if let Some(pem) = authority {
        let wrong = |error| format!("`discord.certificate_authority` cannot be read: {error}");
        client = client.add_root_certificate(reqwest::Certificate::from_pem(pem).map_err(wrong)?);
    }
    client.build().map_err(|error| format!("no client can be made: {error}"))
}
