//! What people do, and what a test looks at.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Discord;
use super::interactions::{Interaction, kind as interaction_kind};
use super::messages::{EPHEMERAL, number};
use super::objects;
use super::world::{Asked, Channel, Guild, Role, World, kind, permissions};

/// How long a condition may take to come true on a busy machine.
const BOUND: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Setting up.
impl Discord {
    /// A person with this name.
    pub fn person(&self, name: &str) -> u64 {
        self.world().user(name, false)
    }

    /// Another bot.
    pub fn other_bot(&self, name: &str) -> u64 {
        self.world().user(name, true)
    }

    /// The bot whose token is taken.
    pub fn bot(&self) -> u64 {
        self.world().application.bot
    }

    /// The application it belongs to.
    pub fn application(&self) -> u64 {
        self.world().application.id
    }

    /// A guild of this person's, with the bot in it.
    pub fn guild(&self, name: &str, owner: u64) -> u64 {
        let mut world = self.world();
        let id = world.id();
        let everyone = Role { id, name: "@everyone".to_owned(), permissions: permissions::USUAL };
        let bot = world.application.bot;
        let guild = Guild {
            id,
            name: name.to_owned(),
            owner,
            locale: "en-US".to_owned(),
            roles: vec![everyone],
            members: [(owner, [].into()), (bot, [].into())].into(),
        };
        let object = objects::whole_guild(&world, &guild);
        world.guilds.insert(id, guild);
        world.dispatch("GUILD_CREATE", object, None);
        id
    }

    /// A text channel.
    pub fn channel(&self, guild: u64, name: &str) -> u64 {
        let mut world = self.world();
        let id = world.id();
        let channel = Channel {
            id,
            kind: kind::TEXT,
            guild: Some(guild),
            name: name.to_owned(),
            parent: None,
            with: None,
            thread: None,
            messages: std::collections::BTreeMap::new(),
            denied: Vec::new(),
        };
        let object = objects::channel(&world, &channel);
        world.channels.insert(id, channel);
        world.dispatch("CHANNEL_CREATE", object, Some(id));
        id
    }

    /// The conversation of a person with the bot.
    pub fn conversation(&self, with: u64) -> u64 {
        self.world().conversation(with)
    }

    /// A role with these permissions beside those of everybody.
    pub fn role(&self, guild: u64, name: &str, permissions: u64) -> u64 {
        let mut world = self.world();
        let id = world.id();
        let role = Role { id, name: name.to_owned(), permissions };
        let guild = world.guilds.get_mut(&guild).expect("a guild");
        guild.roles.push(role);
        id
    }

    /// Somebody comes to a guild, or gets other roles there.
    pub fn member(&self, guild: u64, user: u64, roles: &[u64]) {
        let mut world = self.world();
        let found = world.guilds.get_mut(&guild).expect("a guild");
        let known = found.members.insert(user, roles.iter().copied().collect()).is_some();
        let found = world.guilds[&guild].clone();
        let mut event = objects::member(&world, &found, user);
        event["guild_id"] = json!(guild.to_string());
        let name = if known { "GUILD_MEMBER_UPDATE" } else { "GUILD_MEMBER_ADD" };
        world.dispatch(name, event, None);
    }

    /// A role, or a member, may not do this in a channel any more.
    pub fn forbids(&self, channel: u64, whom: u64, what: u64) {
        let mut world = self.world();
        world.channels.get_mut(&channel).expect("a channel").denied.push((whom, what));
        let object = objects::channel(&world, &world.channels[&channel]);
        world.dispatch("CHANNEL_UPDATE", object, Some(channel));
    }

    /// The language of a person's client.
    pub fn speaks(&self, user: u64, locale: &str) {
        locale.clone_into(&mut self.world().users.get_mut(&user).expect("a person").locale);
    }

    /// Which of the privileged intents are switched on, of all of them.
    pub fn privileged(&self, intents: u64) {
        self.world().application.privileged = intents;
    }

    /// The heartbeat that the gateway asks for with the next connection.
    pub fn heartbeat(&self, every: Duration) {
        self.world().heartbeat = every;
    }

    /// How long the gateway wants to be left alone between two IDENTIFY; five seconds when nothing is said.
    pub fn identify_spacing(&self, spacing: Duration) {
        self.world().identify_spacing = spacing;
    }

    /// Moves the clock of the interactions on: their first answer is due in 3 s of it, and their tokens are good for
    /// 15 min. It stands still otherwise.
    pub fn moves_on(&self, by: Duration) {
        self.world().moved += by;
    }

    /// From here on the clock of the interactions also runs by itself.
    pub fn clock_runs(&self) {
        self.world().running = Some(Instant::now());
    }
}

/// What people do.
impl Discord {
    /// Somebody writes a message; its id.
    pub fn says(&self, user: u64, channel: u64, text: &str) -> u64 {
        self.writes(user, channel, &json!({ "content": text }))
    }

    /// Somebody writes a message with more than text in it.
    pub fn writes(&self, user: u64, channel: u64, body: &Value) -> u64 {
        let mut world = self.world();
        let message = world.compose(user, channel, body, &[]);
        world.publish(&message, &Value::Null);
        number(&message["id"]).expect("an id")
    }

    /// Somebody writes in answer to a message.
    pub fn replies(&self, user: u64, channel: u64, to: u64, text: &str) -> u64 {
        let reference = json!({ "message_id": to.to_string() });
        self.writes(user, channel, &json!({ "content": text, "message_reference": reference }))
    }

    /// Somebody changes a message of their own.
    pub fn edits(&self, message: u64, text: &str) {
        let mut world = self.world();
        let mut after = world.message(message).expect("a message").clone();
        after["content"] = json!(text);
        after["edited_timestamp"] = json!(objects::now());
        world.replace(message, &after);
    }

    /// Somebody takes a message away.
    pub fn deletes(&self, message: u64) {
        let gone = self.world().take_away(message);
        gone.expect("a message");
    }

    /// Somebody puts a reaction on a message.
    pub fn reacts(&self, user: u64, message: u64, emoji: &str) {
        let put = self.world().react(message, user, emoji, true);
        put.expect("a message");
    }

    /// Somebody uses a command with its arguments, as in `/auto start`; the interaction. Commands that were not
    /// registered so cannot be used so.
    pub fn uses(&self, user: u64, channel: u64, line: &str, arguments: &[(&str, Value)]) -> u64 {
        self.tries(user, channel, line, arguments).unwrap_or_else(|why| panic!("/{line}: {why}"))
    }

    /// The same, or why their client does not let them.
    pub fn tries(
        &self,
        user: u64,
        channel: u64,
        line: &str,
        arguments: &[(&str, Value)],
    ) -> Result<u64, String> {
        let mut world = self.world();
        let guild = world.channels.get(&channel).and_then(|it| it.guild);
        let needed = permissions::USE_APPLICATION_COMMANDS | permissions::VIEW_CHANNEL;
        if world.permissions(user, channel) & needed != needed {
            return Err("the person may not use commands here".to_owned());
        }
        let data = world.use_of(guild, line, arguments, None)?;
        Ok(world.interact(interaction_kind::COMMAND, user, channel, &data, None))
    }

    /// Somebody writes the argument `focused` of a command, which is among `arguments`; the interaction.
    pub fn types(
        &self,
        user: u64,
        channel: u64,
        line: &str,
        arguments: &[(&str, Value)],
        focused: &str,
    ) -> u64 {
        let mut world = self.world();
        let guild = world.channels.get(&channel).and_then(|it| it.guild);
        let data = world.use_of(guild, line, arguments, Some(focused));
        let data = data.unwrap_or_else(|why| panic!("/{line}: {why}"));
        world.interact(interaction_kind::AUTOCOMPLETE, user, channel, &data, None)
    }

    /// Somebody presses a button; the interaction. It must be there and not be disabled.
    pub fn presses(&self, user: u64, message: u64, custom_id: &str) -> u64 {
        self.clicks(user, message, custom_id, 2, &[])
            .unwrap_or_else(|why| panic!("{custom_id} of {message}: {why}"))
    }

    /// The same, or why their client does not let them.
    pub fn tries_to_press(&self, user: u64, message: u64, custom_id: &str) -> Result<u64, String> {
        self.clicks(user, message, custom_id, 2, &[])
    }

    /// Somebody presses a button that their client still shows though the message has changed, or is gone.
    pub fn presses_late(&self, user: u64, channel: u64, message: u64, custom_id: &str) -> u64 {
        let data = json!({ "id": 2, "custom_id": custom_id, "component_type": 2 });
        self.world().interact(interaction_kind::COMPONENT, user, channel, &data, Some(message))
    }

    /// Somebody chooses from a list; the interaction.
    pub fn selects(&self, user: u64, message: u64, custom_id: &str, values: &[&str]) -> u64 {
        self.clicks(user, message, custom_id, 3, values)
            .unwrap_or_else(|why| panic!("{custom_id} of {message}: {why}"))
    }

    fn clicks(
        &self,
        user: u64,
        message: u64,
        custom_id: &str,
        kind: u8,
        values: &[&str],
    ) -> Result<u64, String> {
        let mut world = self.world();
        let found = world.message(message).cloned().ok_or("there is no such message")?;
        let channel = number(&found["channel_id"]).ok_or("it is nowhere")?;
        if !world.sees(user, channel) {
            return Err("the person does not see the message".to_owned());
        }
        let rows = found["components"].as_array().into_iter().flatten();
        let mut all = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
        let component = all.find(|it| it["custom_id"] == custom_id && it["type"] == kind);
        let component = component.ok_or("it has no such component")?;
        if component["disabled"] == true {
            return Err("it is disabled".to_owned());
        }
        let mut data =
            json!({ "id": component["id"], "custom_id": custom_id, "component_type": kind });
        if kind == 3 {
            let known = component["options"].as_array().into_iter().flatten();
            let known: Vec<&str> = known.filter_map(|it| it["value"].as_str()).collect();
            if values.iter().any(|value| !known.contains(value)) {
                return Err(format!("it has only {known:?}"));
            }
            data["values"] = json!(values);
        }
        Ok(world.interact(interaction_kind::COMPONENT, user, channel, &data, Some(message)))
    }

    /// Somebody sends the form that an interaction was answered with; the interaction of that.
    pub fn submits(&self, user: u64, form: u64, fields: &[(&str, &str)]) -> u64 {
        let mut world = self.world();
        let shown = world.interactions.get(&form).cloned().expect("an interaction");
        assert_eq!(shown.answered, Some(9), "there is no form");
        let row = |(name, value): &(&str, &str)| json!({ "type": 1, "id": 1, "components": [{ "type": 4, "id": 2, "custom_id": name, "value": value }] });
        let rows: Vec<Value> = fields.iter().map(row).collect();
        let data = json!({ "custom_id": shown.data["custom_id"], "components": rows });
        world.interact(interaction_kind::MODAL, user, shown.channel, &data, shown.source)
    }
}

/// What a test looks at.
impl Discord {
    /// Looks until something is found; for tests that do not share their thread with the client.
    pub fn wait_for<T>(&self, what: &str, found: impl Fn(&World) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = found(&self.world()) {
                return found;
            }
            assert!(
                since.elapsed() < BOUND,
                "no {what}: {:#?}",
                self.world().journal.iter().rev().take(5).collect::<Vec<_>>()
            );
            crate::support::factory::looking::pause(LOOK);
        }
    }

    /// The same without keeping the thread.
    pub async fn until<T>(&self, what: &str, found: impl Fn(&World) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = found(&self.world()) {
                return found;
            }
            assert!(
                since.elapsed() < BOUND,
                "no {what}: {:#?}",
                self.world().journal.iter().rev().take(5).collect::<Vec<_>>()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A message as it is now.
    pub fn message(&self, id: u64) -> Option<Value> {
        self.world().message(id).cloned()
    }

    /// The messages of a channel, oldest first.
    pub fn messages(&self, channel: u64) -> Vec<Value> {
        self.world().messages(channel)
    }

    /// The messages of the bot in a channel, oldest first.
    pub fn said(&self, channel: u64) -> Vec<Value> {
        let bot = self.bot().to_string();
        self.messages(channel).into_iter().filter(|it| it["author"]["id"] == bot.as_str()).collect()
    }

    /// The threads below a channel, oldest first.
    pub fn threads(&self, channel: u64) -> Vec<Channel> {
        let world = self.world();
        world.channels.values().filter(|it| it.parent == Some(channel)).cloned().collect()
    }

    /// An interaction as it is now.
    pub fn interaction(&self, id: u64) -> Interaction {
        self.world().interactions.get(&id).cloned().expect("an interaction")
    }

    /// The message that answers an interaction, if there is one and it is not still to be filled.
    pub fn answer(&self, interaction: u64) -> Option<Value> {
        self.world().answer_to(interaction)
    }

    /// The registered commands of a guild, or (`None`) everywhere.
    pub fn commands(&self, guild: Option<u64>) -> Vec<Value> {
        self.world().commands.get(&guild).cloned().unwrap_or_default()
    }

    /// Everything that was asked, in order.
    pub fn journal(&self) -> Vec<Asked> {
        self.world().journal.clone()
    }

    /// Forgets what was asked and heard so far.
    pub fn forget(&self) {
        let mut world = self.world();
        world.journal.clear();
        world.heard.clear();
    }
}

impl World {
    /// The message that answers an interaction, if there is one and it is not still to be filled.
    pub fn answer_to(&self, interaction: u64) -> Option<Value> {
        let found = self.interactions.get(&interaction)?;
        let message = self.message(found.original?)?;
        let flags = message["flags"].as_u64().unwrap_or(0);
        (flags & super::messages::LOADING == 0).then(|| message.clone())
    }

    /// Whether a message is seen by one person only.
    pub fn is_private(message: &Value) -> bool {
        message["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0
    }

    /// How often a client sent a frame with this number.
    pub fn heard(&self, op: u64) -> usize {
        self.heard.iter().filter(|it| it.op == op).count()
    }

    /// Sessions that have a connection now.
    pub fn connected(&self) -> usize {
        self.sessions.values().filter(|it| it.connection.is_some()).count()
    }
}
