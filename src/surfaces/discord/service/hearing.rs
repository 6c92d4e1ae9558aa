//! What was heard is brought in order, taken to the desk once, and answered.

use std::collections::BTreeMap;
use std::time::Duration;

use serenity::all::{
    CommandDataOption, CommandDataOptionValue, CommandInteraction, ComponentInteraction,
    Interaction, Message,
};
use tokio::sync::mpsc;

use crate::domain::access::Person;
use crate::runtime::handle::Stopping;
use crate::runtime::tasks::Tasks;

use super::super::desk::{Said, Taken};
use super::super::slash;
use super::super::suggestions::suggestions;
use super::Shared;
use super::gateway::Heard;
use super::rest::{RestError, Whereabouts};
use super::sending::Outbound;

/// What is heard within this time of each other is brought in order: handlers run in any.
const SETTLING: Duration = Duration::from_millis(15);

/// Longest time that is waited for that.
const LONGEST_SETTLING: Duration = Duration::from_millis(60);

/// Most of it at once.
const TOGETHER: usize = 256;

/// What stands before a line that was no message.
pub(super) const SLASH: &str = "/";

/// Takes what is heard.
pub(super) struct Hearing {
    pub(super) shared: Shared,
    pub(super) messages: mpsc::Sender<Outbound>,
    responses: mpsc::Sender<Outbound>,
    pub(super) places: BTreeMap<u64, Whereabouts>,
    pub(super) greeted: bool,
    unknown: BTreeMap<String, u64>,
    bot: u64,
    tasks: Tasks,
}

/// How an answer goes back.
#[derive(Clone)]
enum Way {
    Message { refers: bool },
    Interaction { token: String },
}

impl Hearing {
    pub(super) fn new(
        shared: Shared,
        messages: mpsc::Sender<Outbound>,
        responses: mpsc::Sender<Outbound>,
    ) -> Self {
        Self {
            shared,
            messages,
            responses,
            places: BTreeMap::new(),
            greeted: false,
            unknown: BTreeMap::new(),
            bot: 0,
            tasks: Tasks::default(),
        }
    }

    /// Takes what is heard until the daemon stops.
    pub(super) async fn run(&mut self, mut heard: mpsc::Receiver<Heard>) {
        let stop = self.shared.stop.clone();
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => break,
                ended = self.tasks.next_ended(), if !self.tasks.is_empty() => {
                    tracing::debug!(task = ended.name, "ended");
                    continue;
                }
                first = heard.recv() => first,
            };
            let Some(first) = first else { break };
            let mut together = vec![first];
            let settling = async {
                while together.len() < TOGETHER
                    && let Ok(Some(next)) = tokio::time::timeout(SETTLING, heard.recv()).await
                {
                    together.push(next);
                }
            };
            // Where it never becomes quiet, what is there is taken all the same.
            let _never_quiet = tokio::time::timeout(LONGEST_SETTLING, settling).await;
            together.sort_by_key(order);
            let taken = tokio::select! {
                () = stop.cancelled() => break,
                taken = self.take_all(together) => taken,
            };
            if taken.is_err() {
                break;
            }
        }
        self.tasks.join_all().await;
    }

    async fn take_all(&mut self, together: Vec<Heard>) -> Result<(), Stopping> {
        for heard in together {
            match heard {
                Heard::Ready { application, user } => {
                    self.shared.rest.is(application);
                    self.bot = user;
                    self.begin().await?;
                }
                Heard::Thread { thread, parent, guild } => {
                    let whereabouts = Whereabouts { guild: Some(guild), parent: Some(parent) };
                    self.remember(thread, whereabouts);
                }
                Heard::Message(message) => self.message(&message, true).await?,
                Heard::Interaction(interaction) => self.interaction(*interaction).await?,
                Heard::Unknown(kind) => self.unknown(kind).await,
            }
        }
        Ok(())
    }

    /// An event that could not be read is lost; that it was there must not be.
    async fn unknown(&mut self, kind: String) {
        let count = self.unknown.entry(kind.clone()).or_default();
        *count += 1;
        tracing::warn!(kind, count, "Discord: an event could not be read");
        let matters = ["GUILD_CREATE", "MESSAGE_CREATE", "INTERACTION_CREATE"];
        if matters.contains(&kind.as_str()) {
            let sentence = format!(
                "Discord: {count} events {kind} could not be read; a newer version may be needed"
            );
            self.shared.trouble(vec![sentence]).await;
        }
    }

    /// Takes a message. One that was read later, and not heard, lacks its guild and its author's roles.
    pub(super) async fn message(&mut self, message: &Message, heard: bool) -> Result<(), Stopping> {
        let rules = self.shared.desk.rules.clone();
        let Some(line) = message.content.trim_start().strip_prefix(&rules.prefix) else {
            return Ok(());
        };
        let bot = message.author.bot || message.webhook_id.is_some();
        if bot || message.author.id.get() == self.bot || line.trim().is_empty() {
            return Ok(());
        }
        let channel = message.channel_id.get();
        let guild = message.guild_id.map(|guild| guild.get());
        let Some(place) = self.place(channel, guild, heard).await else { return Ok(()) };
        let user = message.author.id.get();
        let roles = match (&message.member, place.guild) {
            (Some(member), _) => member.roles.iter().map(|role| role.get()).collect(),
            (None, Some(guild)) if !heard => {
                let shared = &self.shared;
                match shared.insist(async || shared.rest.roles(guild, user).await).await {
                    Ok(roles) => roles,
                    Err(RestError::Missing(_)) => Vec::new(),
                    Err(error) => {
                        tracing::warn!(%error, user, "Discord: it is not known who this is");
                        return Ok(());
                    }
                }
            }
            (None, _) => Vec::new(),
        };
        let person = Person { user, roles, bot };
        let (id, before) = (message.id.get(), rules.prefix.clone());
        let said = Said { place, person, id, before, line: line.to_owned() };
        self.take(said, Way::Message { refers: true }).await
    }

    async fn interaction(&mut self, interaction: Interaction) -> Result<(), Stopping> {
        match interaction {
            Interaction::Command(command) => self.command(&command).await,
            Interaction::Component(pressed) => self.pressed(&pressed).await,
            Interaction::Autocomplete(wanted) => self.suggest(&wanted).await,
            _ => Ok(()),
        }
    }

    async fn command(&mut self, command: &CommandInteraction) -> Result<(), Stopping> {
        let Some((definition, options)) = chosen(command) else { return Ok(()) };
        let line = slash::typed(definition, &options);
        let Some(said) = self.said_by(command, line).await else { return Ok(()) };
        self.take(said, Way::Interaction { token: command.token.clone() }).await
    }

    async fn said_by(&mut self, command: &CommandInteraction, line: String) -> Option<Said> {
        let guild = command.guild_id.map(|guild| guild.get());
        let place = self.place(command.channel_id.get(), guild, true).await?;
        let roles = command.member.iter().flat_map(|member| &member.roles);
        let roles = roles.map(|role| role.get()).collect();
        let person = Person { user: command.user.id.get(), roles, bot: command.user.bot };
        Some(Said { place, person, id: command.id.get(), before: SLASH.to_owned(), line })
    }

    /// What a button carries is a line like any other.
    async fn pressed(&mut self, pressed: &ComponentInteraction) -> Result<(), Stopping> {
        let guild = pressed.guild_id.map(|guild| guild.get());
        let channel = pressed.channel_id.get();
        let Some(place) = self.place(channel, guild, true).await else { return Ok(()) };
        let roles = pressed.member.iter().flat_map(|member| &member.roles);
        let roles = roles.map(|role| role.get()).collect();
        let person = Person { user: pressed.user.id.get(), roles, bot: pressed.user.bot };
        let (before, line) = (SLASH.to_owned(), pressed.data.custom_id.clone());
        let said = Said { place, person, id: pressed.id.get(), before, line };
        self.take(said, Way::Interaction { token: pressed.token.clone() }).await
    }

    async fn suggest(&mut self, wanted: &CommandInteraction) -> Result<(), Stopping> {
        let Some((definition, _)) = chosen(wanted) else { return Ok(()) };
        let Some(said) = self.said_by(wanted, String::new()).await else { return Ok(()) };
        let Some(focused) = wanted.data.autocomplete() else { return Ok(()) };
        let desk = &self.shared.desk;
        let may = desk.rules.access.judge(said.place, &said.person, definition.level).is_ok();
        let found = if may {
            let status = desk.handle.status().await?;
            suggestions(definition, focused.name, focused.value, &status, &desk.rules)
        } else {
            Vec::new()
        };
        let choices: Vec<serde_json::Value> = found
            .into_iter()
            .map(|(name, value)| serde_json::json!({ "name": name, "value": value }))
            .collect();
        let json = serde_json::json!({ "choices": choices });
        let outgoing = super::super::message::Outgoing { json, file: None };
        let (asked, token) = (said.id, wanted.token.clone());
        let _stopping = self.responses.send(Outbound::Suggestions { asked, token, outgoing }).await;
        Ok(())
    }

    async fn take(&mut self, said: Said, way: Way) -> Result<(), Stopping> {
        let (channel, asked) = (said.place.channel, said.id);
        let desk = self.shared.desk.clone();
        match desk.take(&said).await? {
            Taken::Nothing => {}
            Taken::Answer(answer) => {
                let outgoing = answer.outgoing(desk.rules.language);
                self.answer(channel, asked, way, outgoing).await;
            }
            Taken::Steer(command, by) => {
                let queue = match &way {
                    Way::Message { .. } => self.messages.clone(),
                    Way::Interaction { token } => {
                        let token = token.clone();
                        let _stopping =
                            self.responses.send(Outbound::Deferred { asked, token }).await;
                        self.responses.clone()
                    }
                };
                self.tasks.spawn("discord steer", async move {
                    let Ok(answer) = desk.steer(command, &by).await else { return };
                    let outgoing = answer.outgoing(desk.rules.language);
                    let outbound = match way {
                        Way::Message { refers } => {
                            Outbound::Message { channel, asked, refers, outgoing }
                        }
                        Way::Interaction { token } => {
                            Outbound::Followed { channel, asked, token, outgoing }
                        }
                    };
                    let _stopping = queue.send(outbound).await;
                });
            }
        }
        Ok(())
    }

    async fn answer(
        &self,
        channel: u64,
        asked: u64,
        way: Way,
        outgoing: super::super::message::Outgoing,
    ) {
        let _stopping = match way {
            Way::Message { refers } => {
                self.messages.send(Outbound::Message { channel, asked, refers, outgoing }).await
            }
            Way::Interaction { token } => {
                self.responses.send(Outbound::Response { channel, asked, token, outgoing }).await
            }
        };
    }
}

/// Sessions and threads first, then by number: that is the order in which people wrote.
fn order(heard: &Heard) -> u64 {
    match heard {
        Heard::Ready { .. } | Heard::Thread { .. } | Heard::Unknown(_) => 0,
        Heard::Message(message) => message.id.get(),
        Heard::Interaction(interaction) => interaction.id().get(),
    }
}

/// The command that was chosen, and what was given for its arguments.
fn chosen(
    command: &CommandInteraction,
) -> Option<(&'static super::super::catalogue::Definition, BTreeMap<String, String>)> {
    let mut options: &[CommandDataOption] = &command.data.options;
    let mut sub = None;
    if let [CommandDataOption { name, value: CommandDataOptionValue::SubCommand(inner), .. }] =
        options
    {
        sub = Some(name.as_str());
        options = inner;
    }
    let definition = slash::definition(&command.data.name, sub)?;
    let given = options.iter().filter_map(|option| {
        let text = match &option.value {
            CommandDataOptionValue::String(text) => text.clone(),
            CommandDataOptionValue::Integer(number) => number.to_string(),
            CommandDataOptionValue::Boolean(flag) => flag.to_string(),
            _ => return None,
        };
        Some((option.name.clone(), text))
    });
    Some((definition, given.collect()))
}
