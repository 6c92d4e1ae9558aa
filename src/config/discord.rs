//! `[discord]`: who may talk to the factory there, and where it reports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::access::{Access, Channels, Level};
use crate::domain::language::Language;

use super::schema::{Key, Kind, Shape};
use super::section::Section;
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::optional(
        "token",
        Kind::Secret,
        "`DISCORD_TOKEN`; without that either, there is no Discord",
        "The bot's token. Agents do not get it.",
    )
    .alias(&["bot_token"]),
    Key::with_default(
        "guilds",
        Kind::Texts,
        "[]",
        "Ids of the guilds (servers) in which the bot listens. Empty: in none.",
    ),
    Key::with_default(
        "channels",
        Kind::Texts,
        "[]",
        "Ids of the channels in them, with their threads; `\"*\"` for all. The `report_channel` counts as one of them. \
         Empty: no other.",
    ),
    Key::optional(
        "report_channel",
        Kind::Text,
        "`DISCORD_CHANNEL_ID`; without that either, nothing is reported",
        "Id of the channel in which runs are reported, each in a thread of its own.",
    )
    .alias(&["channel_id"]),
    Key::with_default(
        "prefix",
        Kind::Text,
        "\"!\"",
        "What stands before a command in a message. Slash commands need none.",
    ),
    Key::with_default(
        "language",
        Kind::Choice(&["en", "ko"], &[]),
        "\"en\"",
        "The language of answers and reports.",
    )
    .alias(&["locale"]),
    Key::with_default(
        "allow_dms",
        Kind::Boolean,
        "false",
        "Whether people in `[discord.users]` may also write to the bot directly.",
    ),
    Key::group("roles", Shape::Table(LEVELS), "Ids of the roles that may do something."),
    Key::group(
        "users",
        Shape::Table(LEVELS),
        "Ids of the people who may do something. Counts before their roles.",
    ),
    Key::optional(
        "connect_to",
        Kind::Text,
        "as the system resolves `discord.com`",
        "Address and port to which requests to `discord.com` go, as in \"10.0.0.7:443\", where a gateway stands in \
         between.",
    ),
    Key::optional(
        "certificate_authority",
        Kind::Path,
        "the system's",
        "PEM file with the authority of that gateway's certificate.",
    ),
];

static LEVELS: &[Key] = &[
    Key::with_default("watch", Kind::Texts, "[]", "They see what is going on."),
    Key::with_default("operate", Kind::Texts, "[]", "They also start, stop, steer and approve."),
    Key::with_default(
        "admin",
        Kind::Texts,
        "[]",
        "They also change what holds for all work: provider, agents, schedules.",
    ),
];

/// How the factory is on Discord.
#[derive(Debug, Clone)]
pub struct DiscordSettings {
    /// The bot's token; absent: no Discord.
    pub token: Option<SecretString>,
    /// Who may ask, and where.
    pub access: Access,
    /// Where runs are reported.
    pub report_channel: Option<u64>,
    /// What stands before a command.
    pub prefix: String,
    /// The language of answers and reports.
    pub language: Language,
    /// Where requests go instead of where `discord.com` is.
    pub connect_to: Option<SocketAddr>,
    /// Another authority for certificates.
    pub certificate_authority: Option<PathBuf>,
}

/// Without a token and a guild there is nothing to do.
pub(super) fn read(
    section: &Section,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> Option<DiscordSettings> {
    let variable = |name: &str| {
        let value = variables.get(name).map(|value| value.trim().to_owned());
        value.filter(|value| !value.is_empty())
    };
    let token = section.owned("token").or_else(|| variable("DISCORD_TOKEN"));
    secrets.extend(token.clone());
    let report_channel = section.owned("report_channel").or_else(|| variable("DISCORD_CHANNEL_ID"));
    let report_channel =
        report_channel.and_then(|text| id(&text, &section.path_of("report_channel"), sources));
    let access = Access {
        guilds: ids(section, "guilds", sources),
        channels: channels(section, report_channel, sources),
        roles: levels(section.table("roles"), sources),
        users: levels(section.table("users"), sources),
        direct_messages: section.is("allow_dms"),
    };
    let prefix = section.owned("prefix").unwrap_or_else(|| "!".to_owned());
    if prefix.chars().any(char::is_whitespace) || prefix.chars().count() > 8 {
        let hint = Some("as in \"!\" or \"ef!\"".to_owned());
        sources.problem(&section.path_of("prefix"), "at most 8 characters, none blank", hint);
    }
    let connect_to = section.text("connect_to").and_then(|text| match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            let hint = Some("as in \"10.0.0.7:443\"".to_owned());
            sources.problem(&section.path_of("connect_to"), "no address with a port", hint);
            None
        }
    });
    if token.is_none() && access.guilds.is_empty() {
        return None;
    }
    Some(DiscordSettings {
        token: token.map(SecretString::from),
        access,
        report_channel,
        prefix,
        language: section.text("language").and_then(Language::parse).unwrap_or_default(),
        connect_to,
        certificate_authority: section.file("certificate_authority").map(PathBuf::from),
    })
}

fn channels(section: &Section, report: Option<u64>, sources: &mut Sources) -> Channels {
    if section.texts("channels").iter().any(|text| text == "*") {
        return Channels::All;
    }
    let mut these = ids(section, "channels", sources);
    these.extend(report);
    if these.is_empty() { Channels::None } else { Channels::These(these) }
}

/// The highest level counts where an id stands in several lists.
fn levels(section: &Section, sources: &mut Sources) -> BTreeMap<u64, Level> {
    let all = Level::ALL.into_iter();
    all.flat_map(|level| {
        let these = ids(section, level.word(), sources);
        these.into_iter().map(move |id| (id, level))
    })
    .collect()
}

fn ids(section: &Section, name: &str, sources: &mut Sources) -> BTreeSet<u64> {
    let path = section.path_of(name);
    section.texts(name).iter().filter_map(|text| id(text, &path, sources)).collect()
}

fn id(text: &str, path: &str, sources: &mut Sources) -> Option<u64> {
    let id = text.trim().parse().ok().filter(|id| *id > 0);
    if id.is_none() {
        let hint = "in Discord, Settings → Advanced → Developer Mode shows \"Copy ID\"".to_owned();
        sources.problem(path, &format!("{text:?} is not an id"), Some(hint));
    }
    id
}
