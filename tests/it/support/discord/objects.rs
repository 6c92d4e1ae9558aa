//! People, guilds, channels and messages as the service writes them.

use serde_json::{Value, json};

use super::sessions::intents;
use super::world::{Channel, Guild, Role, World, kind};

/// A moment as the service writes it.
pub fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, false)
}

pub fn user(world: &World, id: u64) -> Value {
    let Some(user) = world.users.get(&id) else { return Value::Null };
    let mut object = json!({
        "id": user.id.to_string(),
        "username": user.name,
        "discriminator": if user.bot { "0042" } else { "0" },
        "global_name": if user.bot { Value::Null } else { json!(user.name) },
        "avatar": null,
        "avatar_decoration_data": null,
        "collectibles": null,
        "display_name_styles": null,
        "clan": null,
        "primary_guild": null,
        "banner": null,
        "accent_color": null,
        "public_flags": 0,
        "flags": 0,
    });
    if user.bot {
        object["bot"] = json!(true);
    }
    object
}

/// The bot as it sees itself.
pub fn own_user(world: &World) -> Value {
    let mut own = user(world, world.application.bot);
    own["mfa_enabled"] = json!(true);
    own["locale"] = json!("en-US");
    own["verified"] = json!(true);
    own["email"] = Value::Null;
    own
}

pub fn application_flags(world: &World) -> u64 {
    let on = world.application.privileged;
    let flag = |intent: u64, bit: u32| if on & intent == 0 { 0 } else { 1_u64 << bit };
    flag(intents::GUILD_PRESENCES, 13)
        | flag(intents::GUILD_MEMBERS, 15)
        | flag(intents::MESSAGE_CONTENT, 19)
}

pub fn application(world: &World) -> Value {
    let owner = world.guilds.values().next().map_or(world.application.bot, |guild| guild.owner);
    json!({
        "id": world.application.id.to_string(),
        "name": "factory",
        "icon": null,
        "description": "",
        "summary": "",
        "type": null,
        "bot": user(world, world.application.bot),
        "bot_public": false,
        "bot_require_code_grant": false,
        "verify_key": "0".repeat(64),
        "flags": application_flags(world),
        "flags_new": application_flags(world).to_string(),
        "hook": true,
        "redirect_uris": [],
        "interactions_endpoint_url": null,
        "role_connections_verification_url": null,
        "owner": user(world, owner),
        "approximate_guild_count": world.guilds.len(),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": null,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "integration_types_config": { "0": {} },
    })
}

/// A member without the user in it.
fn bare_member(guild: &Guild, user: u64) -> Value {
    let roles = guild.members.get(&user).into_iter().flatten();
    json!({
        "avatar": null,
        "banner": null,
        "communication_disabled_until": null,
        "flags": 0,
        "joined_at": "2024-01-01T00:00:00.000000+00:00",
        "nick": null,
        "pending": false,
        "premium_since": null,
        "roles": roles.map(ToString::to_string).collect::<Vec<String>>(),
        "mute": false,
        "deaf": false,
    })
}

pub fn member(world: &World, guild: &Guild, id: u64) -> Value {
    let mut object = bare_member(guild, id);
    object["user"] = user(world, id);
    object
}

pub fn role(role: &Role, position: usize) -> Value {
    json!({
        "id": role.id.to_string(),
        "name": role.name,
        "description": null,
        "permissions": role.permissions.to_string(),
        "position": position,
        "color": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false,
        "managed": false,
        "mentionable": true,
        "icon": null,
        "unicode_emoji": null,
        "flags": 0,
    })
}

pub fn roles(guild: &Guild) -> Vec<Value> {
    guild.roles.iter().enumerate().map(|(position, it)| role(it, position)).collect()
}

fn overwrites(world: &World, channel: &Channel) -> Vec<Value> {
    let one = |(whom, what): &(u64, u64)| {
        let kind = u8::from(world.users.contains_key(whom));
        json!({ "id": whom.to_string(), "type": kind, "allow": "0", "deny": what.to_string() })
    };
    channel.denied.iter().map(one).collect()
}

pub fn channel(world: &World, channel: &Channel) -> Value {
    let last = channel.messages.keys().next_back().map(ToString::to_string);
    if let Some(with) = channel.with {
        return json!({
            "id": channel.id.to_string(),
            "type": kind::DIRECT,
            "flags": 0,
            "last_message_id": last,
            "recipients": [user(world, with)],
        });
    }
    let mut object = json!({
        "id": channel.id.to_string(),
        "type": channel.kind,
        "flags": 0,
        "guild_id": channel.guild.map(|id| id.to_string()),
        "name": channel.name,
        "parent_id": channel.parent.map(|id| id.to_string()),
        "rate_limit_per_user": 0,
        "last_message_id": last,
    });
    match &channel.thread {
        None => {
            object["position"] = json!(0);
            object["nsfw"] = json!(false);
            object["topic"] = Value::Null;
            object["permission_overwrites"] = json!(overwrites(world, channel));
        }
        Some(thread) => {
            object["owner_id"] = json!(thread.owner.to_string());
            object["message_count"] = json!(channel.messages.len());
            object["total_message_sent"] = json!(channel.messages.len());
            object["member_count"] = json!(thread.members.len());
            object["thread_metadata"] = json!({
                "archived": thread.archived,
                "archive_timestamp": now(),
                "auto_archive_duration": thread.archive_after,
                "locked": thread.locked,
                "create_timestamp": now(),
            });
            if thread.members.contains(&world.application.bot) {
                object["member"] = thread_member(channel, world.application.bot);
            }
        }
    }
    object
}

pub fn thread_member(channel: &Channel, user: u64) -> Value {
    json!({ "id": channel.id.to_string(), "user_id": user.to_string(), "join_timestamp": now(), "flags": 1 })
}

/// A guild as `GET /guilds/{id}` shows it.
pub fn guild(guild: &Guild) -> Value {
    json!({
        "id": guild.id.to_string(),
        "name": guild.name,
        "icon": null,
        "description": null,
        "home_header": null,
        "splash": null,
        "discovery_splash": null,
        "features": [],
        "banner": null,
        "owner_id": guild.owner.to_string(),
        "application_id": null,
        "region": "deprecated",
        "afk_channel_id": null,
        "afk_timeout": 300,
        "system_channel_id": null,
        "system_channel_flags": 0,
        "widget_enabled": false,
        "widget_channel_id": null,
        "verification_level": 1,
        "roles": roles(guild),
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": null,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": null,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": guild.locale,
        "rules_channel_id": null,
        "safety_alerts_channel_id": null,
        "public_updates_channel_id": null,
        "premium_progress_bar_enabled": false,
        "nsfw": false,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": null,
    })
}

/// A guild with everything in it, as the gateway shows it.
pub fn whole_guild(world: &World, found: &Guild) -> Value {
    let bot = world.application.bot;
    let mut object = guild(found);
    let own = |threads: bool| -> Vec<Value> {
        let all = world.channels.values();
        let all = all.filter(|it| it.guild == Some(found.id) && it.thread.is_some() == threads);
        let open = all.filter(|it| it.thread.as_ref().is_none_or(|thread| !thread.archived));
        open.filter(|it| world.sees(bot, it.id)).map(|it| channel(world, it)).collect()
    };
    object["channels"] = json!(own(false));
    object["threads"] = json!(own(true));
    let members = found.members.keys().map(|id| member(world, found, *id));
    object["members"] = json!(members.collect::<Vec<Value>>());
    object["member_count"] = json!(found.members.len());
    for empty in [
        "presences",
        "voice_states",
        "stage_instances",
        "guild_scheduled_events",
        "soundboard_sounds",
    ] {
        object[empty] = json!([]);
    }
    object["joined_at"] = json!("2024-01-01T00:00:00.000000+00:00");
    object["large"] = json!(false);
    object["unavailable"] = json!(false);
    object
}

/// A message as the gateway shows it: with its guild, and the member who wrote it.
pub fn heard_message(world: &World, message: &Value) -> Value {
    let mut object = message.clone();
    let id = |name: &str| message[name].as_str().and_then(|id| id.parse::<u64>().ok());
    let channel = id("channel_id").and_then(|id| world.channels.get(&id));
    let Some(channel) = channel else { return object };
    object["channel_type"] = json!(channel.kind);
    let Some(guild) = channel.guild.and_then(|id| world.guilds.get(&id)) else { return object };
    object["guild_id"] = json!(guild.id.to_string());
    let author = message["author"]["id"].as_str().and_then(|id| id.parse::<u64>().ok());
    if let Some(author) = author.filter(|id| guild.members.contains_key(id))
        && message.get("webhook_id").is_none()
    {
        object["member"] = bare_member(guild, author);
    }
    if let Some(mentions) = object["mentions"].as_array_mut() {
        for mention in mentions {
            let whom = mention["id"].as_str().and_then(|id| id.parse::<u64>().ok());
            if let Some(whom) = whom.filter(|id| guild.members.contains_key(id)) {
                mention["member"] = bare_member(guild, whom);
            }
        }
    }
    object
}

/// Takes away what a bot does not see of other people's messages when it may not read content.
pub fn blank(message: &mut Value, bot: u64) {
    let bot = bot.to_string();
    let own = message["author"]["id"] == bot.as_str();
    let mentioned = message["mentions"].as_array().into_iter().flatten();
    if own || mentioned.into_iter().any(|user| user["id"] == bot.as_str()) {
        return;
    }
    message["content"] = json!("");
    for list in ["embeds", "attachments", "components"] {
        message[list] = json!([]);
    }
}
