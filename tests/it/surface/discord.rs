//! The built daemon on a scripted Discord: what people say there, what they are told, and what the daemon did.

use enact_factory::domain::event::Event;
use serde_json::{Value, json};

use crate::support::discord::{Discord, TOKEN};
use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

/// A factory, the server it listens on, and people there.
struct Chat {
    factory: Factory,
    discord: Discord,
    guild: u64,
    channel: u64,
    reports: u64,
    admin: u64,
    watcher: u64,
    stranger: u64,
}

impl Chat {
    /// Everything is there, and the daemon does not run yet.
    fn new(autonomous: &str) -> Self {
        let discord = Discord::start();
        let admin = discord.person("ann");
        let guild = discord.guild("factory", admin);
        let (channel, reports) = (discord.channel(guild, "ask"), discord.channel(guild, "reports"));
        let [watcher, stranger] = ["wim", "sam"].map(|name| discord.person(name));
        let [operates, watches] =
            ["operators", "watchers"].map(|name| discord.role(guild, name, 0));
        discord.member(guild, admin, &[operates]);
        discord.member(guild, watcher, &[watches]);
        discord.member(guild, stranger, &[]);
        let mut factory = Factory::new();
        factory.autonomous_config = autonomous.to_owned();
        factory.more_config = format!(
            "[discord]\ntoken = {TOKEN:?}\nguilds = [\"{guild}\"]\nchannels = [\"{channel}\"]\n\
             report_channel = \"{reports}\"\nconnect_to = \"{}\"\ncertificate_authority = {:?}\n\
             [discord.roles]\noperate = [\"{operates}\"]\nwatch = [\"{watches}\"]\n\
             [discord.users]\nadmin = [\"{admin}\"]\n",
            discord.rest(),
            discord.authority().display().to_string(),
        );
        Self { factory, discord, guild, channel, reports, admin, watcher, stranger }
    }

    /// Starts the daemon and waits until it has come in and defined its commands.
    fn start(&mut self) {
        self.factory.start();
        self.connected();
    }

    fn connected(&mut self) {
        let (discord, guild) = (&self.discord, self.guild);
        self.factory.until("the bot is connected", BOUND, |_| {
            let there = discord.world().connected() > 0;
            (there && !discord.commands(Some(guild)).is_empty()).then_some(())
        });
    }

    /// The answers to a message.
    fn answers(&self, message: u64) -> Vec<Value> {
        let wanted = message.to_string();
        let said = self.discord.said(self.channel).into_iter();
        said.filter(|it| it["message_reference"]["message_id"] == wanted.as_str()).collect()
    }

    /// Writes a message; what it is answered with, as text.
    fn asks(&mut self, who: u64, line: &str) -> (u64, String) {
        let message = self.discord.says(who, self.channel, line);
        let (discord, channel) = (&self.discord, self.channel);
        let wanted = message.to_string();
        let answer = self.factory.until(line, BOUND, |_| {
            let mut said = discord.said(channel).into_iter();
            said.find(|it| it["message_reference"]["message_id"] == wanted.as_str())
        });
        (message, text(&answer))
    }

    /// What is on record of a message or an interaction: whether it was carried out, and what came of it.
    fn records(&self, id: u64) -> Vec<(bool, String)> {
        let wanted = id.to_string();
        let events = self.factory.events().into_iter();
        events
            .filter_map(|recorded| match recorded.event.known()? {
                Event::CommandReceived { message, accepted, outcome, .. } if *message == wanted => {
                    Some((*accepted, outcome.clone()))
                }
                _ => None,
            })
            .collect()
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let events = self.factory.events();
        events.iter().filter_map(|it| it.event.known()).filter(|event| wanted(event)).count()
    }
}

/// Title, text and fields of the first embed.
fn text(message: &Value) -> String {
    let embed = &message["embeds"][0];
    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
    let mut parts = vec![embed["title"].clone(), embed["description"].clone()];
    parts.extend(fields.iter().flat_map(|field| [field["name"].clone(), field["value"].clone()]));
    parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Held until a person approves, so that nothing moves by itself.
const APPROVAL: &str = "approval = true\n";

/// Every command: as it is typed, as a slash command, its arguments there, whether it is carried out, and a part of the
/// answer.
const EVERY_COMMAND: &[[&str; 5]] = &[
    ["!help", "help", "", "yes", "!dev <repo>"],
    ["!help auto start", "help", "command=auto start", "yes", "auto start [cron] [--pair]"],
    ["!status", "status", "", "yes", "under way"],
    ["!dev list", "dev list", "", "yes", "demo"],
    ["!tasks", "tasks", "", "yes", "Under way"],
    ["!workItems", "workitems", "", "yes", "DEMO-1"],
    ["!workItem DEMO-1", "workitem", "id=DEMO-1", "yes", "greet"],
    ["!limits", "limits", "", "yes", "Spent today"],
    ["!auto", "auto status", "", "yes", "under way"],
    ["!why DEMO-1", "why", "item=DEMO-1", "yes", "approv"],
    ["!log DEMO-1 5", "log", "session=DEMO-1|lines=5", "yes", "Log of"],
    ["!pair", "pair status", "", "yes", "Pairs at work"],
    ["!pair history 3", "pair history", "n=3", "yes", "Runs"],
    ["!pair stats", "pair stats", "", "yes", "What came of"],
    ["!codex 3", "codex", "n=3", "yes", "Sessions"],
    ["!provider", "provider", "", "yes", "stand-in"],
    ["!provider stand-in", "provider", "name=stand-in", "yes", "stand-in"],
    ["!turbo", "turbo", "", "yes", "urbo"],
    ["!turbo 2", "turbo", "hours=2", "yes", "turbo until"],
    ["!pause", "pause", "", "yes", "paused"],
    ["!resume", "resume", "", "yes", "resumed"],
    ["!pause DEMO-1", "pause", "session=DEMO-1", "no", "one run cannot be paused"],
    ["!auto stop", "auto stop", "", "yes", "paused"],
    ["!auto start --pair", "auto start", "pair=true", "yes", "resumed"],
    ["!auto start */30 * * * *", "auto start", "cron=*/30 * * * *", "no", "autonomous.schedule"],
    ["!auto run", "auto run", "", "yes", "planned"],
    ["!pair start", "pair start", "", "yes", "planned"],
    ["!steer DEMO-1 do it", "steer", "run=DEMO-1|text=do it", "yes", "not delivered"],
    ["!follow-up DEMO-1 \"so\"", "follow-up", "run=DEMO-1|text=so", "no", "not delivered"],
    ["!agent ok nobody", "agent ok", "name=nobody", "no", "nobody"],
    ["!pair run DEMO-1 other", "pair run", "task=DEMO-1|project=other", "no", "DEMO-1"],
    ["!pair stop", "pair stop", "", "no", "No pair"],
    ["!cancel NONE-1", "cancel", "task=NONE-1", "no", "NONE-1"],
    ["!retry NONE-1", "retry", "item=NONE-1", "no", "NONE-1"],
    ["!approve NONE-1", "approve", "id=NONE-1", "no", "NONE-1"],
    ["!reject NONE-1", "reject", "id=NONE-1", "no", "NONE-1"],
    ["!dev nowhere \"x\"", "dev run", "repo=nowhere|task=x", "no", "nowhere"],
    ["!schedule", "schedule list", "", "no", "scheduled jobs"],
    ["!schedule run a", "schedule run", "name=a", "no", "scheduled jobs"],
    ["!schedule toggle a", "schedule toggle", "name=a", "no", "scheduled jobs"],
    [
        "!schedule add a demo 24h \"update\"",
        "schedule add",
        "name=a|path=demo|interval=24h|prompt=update",
        "no",
        "scheduled jobs",
    ],
    ["!schedule remove a", "schedule remove", "name=a", "no", "scheduled jobs"],
    ["!ci", "ci", "", "no", "continuous integration"],
    ["!memory search \"x\"", "memory search", "query=x", "no", "memory"],
];

/// `name=value|name=value` as the arguments of a slash command.
fn arguments(text: &str) -> Vec<(&str, Value)> {
    let parts = text.split('|').filter_map(|part| part.split_once('='));
    let value = |value: &str| serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    parts.map(|(name, given)| (name, value(given))).collect()
}

#[test]
fn every_command_is_answered_by_prefix_and_by_slash_and_is_on_record() {
    let mut chat = Chat::new(APPROVAL);
    chat.factory.item("DEMO-1", "", "greet by name");
    chat.start();
    chat.factory.wait_until("the item is asked about", |picture| picture.find("DEMO-1").is_some());
    for [line, slash, given, accepted, part] in EVERY_COMMAND {
        let accepted = *accepted == "yes";
        let (message, said) = chat.asks(chat.admin, line);
        assert!(said.contains(*part), "{line}: {said}");
        let records = chat.records(message);
        assert_eq!(records.len(), 1, "{line}");
        assert_eq!(records[0].0, accepted, "{line}: {said}");
        let interaction = chat.discord.uses(chat.admin, chat.channel, slash, &arguments(given));
        let discord = &chat.discord;
        let answer = chat.factory.until(slash, BOUND, |_| discord.answer(interaction));
        assert!(text(&answer).contains(*part), "/{slash}: {}", text(&answer));
        let records = chat.records(interaction);
        assert_eq!(records.len(), 1, "/{slash}");
        assert_eq!(records[0].0, accepted, "/{slash}: {}", text(&answer));
    }
    let turbo = chat.count(|event| matches!(event, Event::TurboSet { .. }));
    let paused = chat.count(|event| matches!(event, Event::Paused { .. }));
    assert_eq!((turbo, paused), (2, 4), "each was done once");
}

#[test]
fn a_task_from_a_chat_is_done_reported_in_its_thread_and_approved_by_a_button() {
    let mut chat = Chat::new("");
    let coder = Step::any("coder").write("hello.txt", "hello\n").answer(DONE);
    chat.factory.script(&Script::new().step(coder).step(Step::any("critic").answer(APPROVE)));
    chat.start();
    let (message, said) = chat.asks(chat.admin, "!dev demo \"say hello @everyone\"");
    assert!(said.contains("submitted"), "{said}");
    let name = format!("discord-{message}");
    let (discord, reports) = (&chat.discord, chat.reports);
    let card = chat.factory.until("the card of a run that is over", BOUND, |_| {
        discord.said(reports).into_iter().find(|card| text(card).contains("succeeded"))
    });
    assert!(text(&card).contains(&name) || text(&card).contains("discord-"), "{}", text(&card));
    assert!(!text(&card).contains("@everyone"), "{}", text(&card));
    let threads = discord.threads(reports);
    assert_eq!(threads.len(), 1);
    let thread = threads[0].id;
    chat.factory.until("the end in its thread", BOUND, |_| {
        discord.said(thread).into_iter().find(|it| text(it).contains("succeeded"))
    });
    let log = card["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
    let card_id: u64 = card["id"].as_str().unwrap().parse().unwrap();
    let pressed = discord.presses(chat.admin, card_id, &log);
    let answer = chat.factory.until("an answer to a button", BOUND, |_| discord.answer(pressed));
    assert!(text(&answer).contains("run.finished"), "{}", text(&answer));
}

#[test]
fn an_approval_is_given_by_a_button_that_was_there_before_the_daemon_died() {
    let mut chat = Chat::new(APPROVAL);
    chat.factory.script(&Script::new().approved_at_once("DEMO-1"));
    chat.factory.item("DEMO-1", "", "greet by name");
    chat.start();
    let reports = chat.reports;
    let discord = &chat.discord;
    let card = chat.factory.until("a card that asks", BOUND, |_| {
        let asks = |card: &Value| {
            card["components"][0]["components"][0]["custom_id"] == "approve local/DEMO-1"
        };
        discord.said(reports).into_iter().find(asks)
    });
    let card: u64 = card["id"].as_str().unwrap().parse().unwrap();
    chat.factory.kill9();
    chat.start();
    let discord = &chat.discord;
    let refused = discord.presses(chat.watcher, card, "approve local/DEMO-1");
    let answer = chat.factory.until("a refusal", BOUND, |_| discord.answer(refused));
    assert!(text(&answer).contains("operate"), "{}", text(&answer));
    discord.presses(chat.admin, card, "approve local/DEMO-1");
    chat.factory.wait_until_done(&["DEMO-1"]);
    let discord = &chat.discord;
    chat.factory.until("the button cannot be pressed any more", BOUND, |_| {
        discord.tries_to_press(chat.admin, card, "approve local/DEMO-1").err()
    });
    assert_eq!(
        discord.said(reports).iter().filter(|it| it["id"] == card.to_string().as_str()).count(),
        1
    );
    assert_eq!(chat.count(|event| matches!(event, Event::ApprovalGiven { .. })), 1);
}

#[test]
fn what_was_said_while_the_daemon_was_away_is_done_once_in_order() {
    let mut chat = Chat::new(APPROVAL);
    chat.start();
    let (first, _) = chat.asks(chat.admin, "!pause");
    chat.factory.kill9();
    let missed: Vec<u64> = (0..50)
        .map(|n| {
            let line = if n % 2 == 0 { "!resume" } else { "!pause" };
            chat.discord.says(chat.admin, chat.channel, line)
        })
        .collect();
    chat.start();
    for message in &missed {
        let message = *message;
        let (discord, channel) = (&chat.discord, chat.channel);
        chat.factory.until("an answer to what was missed", BOUND, |_| {
            let wanted = message.to_string();
            let mut said = discord.said(channel).into_iter();
            said.find(|it| it["message_reference"]["message_id"] == wanted.as_str())
        });
    }
    for message in missed.iter().chain([&first]) {
        assert_eq!(chat.records(*message).len(), 1);
        assert_eq!(chat.answers(*message).len(), 1);
    }
    let order: Vec<u64> = chat
        .factory
        .events()
        .iter()
        .filter_map(|recorded| match recorded.event.known()? {
            Event::CommandReceived { message, .. } => message.parse().ok(),
            _ => None,
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn nobody_else_is_listened_to_and_a_watcher_changes_nothing() {
    let mut chat = Chat::new("");
    chat.start();
    let elsewhere = chat.discord.channel(chat.guild, "elsewhere");
    let silent = chat.discord.says(chat.admin, elsewhere, "!pause");
    let bot = chat.discord.other_bot("robot");
    chat.discord.member(chat.guild, bot, &[]);
    let by_bot = chat.discord.says(bot, chat.channel, "!pause");
    let (refused, said) = chat.asks(chat.stranger, "!status");
    assert!(said.contains("may not do anything"), "{said}");
    let (watched, said) = chat.asks(chat.watcher, "!pause");
    assert!(said.contains("operate"), "{said}");
    let (_, said) = chat.asks(chat.watcher, "!status");
    assert!(said.contains("under way"), "{said}");
    assert_eq!(chat.count(|event| matches!(event, Event::Paused { .. })), 0);
    assert!(chat.records(silent).is_empty() && chat.records(by_bot).is_empty());
    for message in [refused, watched] {
        assert!(!chat.records(message)[0].0);
    }
    assert!(chat.discord.said(elsewhere).is_empty());
}

#[test]
fn a_lost_session_and_events_that_come_twice_lose_and_double_nothing() {
    let mut chat = Chat::new("");
    chat.start();
    chat.discord.identify_spacing(std::time::Duration::from_millis(100));
    chat.discord.closes(Some(4009));
    let lost = chat.discord.says(chat.admin, chat.channel, "!turbo 1");
    let (discord, channel) = (&chat.discord, chat.channel);
    chat.factory.until("an answer to what was lost", BOUND, |_| {
        let wanted = lost.to_string();
        let mut said = discord.said(channel).into_iter();
        said.find(|it| it["message_reference"]["message_id"] == wanted.as_str())
    });
    chat.discord.world().faults.twice = 10;
    let (doubled, _) = chat.asks(chat.admin, "!turbo 2");
    chat.asks(chat.admin, "!turbo");
    assert_eq!(chat.records(lost).len(), 1);
    assert_eq!(chat.records(doubled).len(), 1);
    assert_eq!(chat.answers(doubled).len(), 1);
    assert_eq!(chat.count(|event| matches!(event, Event::TurboSet { .. })), 2);
}

#[test]
fn a_refused_token_stops_discord_and_nothing_else() {
    let mut chat = Chat::new("");
    chat.factory.more_config = chat.factory.more_config.replace(TOKEN, "a-token-that-is-not-good");
    chat.factory.script(&Script::new().approved_at_once("DEMO-1"));
    chat.factory.item("DEMO-1", "", "greet by name");
    chat.factory.start();
    chat.factory.wait_until_done(&["DEMO-1"]);
    let said = chat.factory.cli_ok(&["status"]);
    assert!(said.out.contains("the token is refused (401)"), "{}", said.out);
    assert_eq!(chat.discord.world().connected(), 0);
}
