//! serenity and this service before Discord's own description of the interface.

use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{
    ButtonStyle, ChannelId, Command, CreateActionRow, CreateAttachment, CreateButton,
    CreateCommand, CreateEmbed, CreateEmbedFooter, CreateInteractionResponse,
    CreateInteractionResponseFollowup, CreateInteractionResponseMessage, CreateMessage,
    CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption, CreateThread,
    EditInteractionResponse, EditMessage, GetMessages, GuildId, Http, Interaction, ReactionType,
    UserId,
};

use super::client::Bot;
use super::interactions::registered;
use crate::support::discord::Discord;
use crate::support::discord::contract::Contract;
use crate::support::discord::limits::Scope;
use crate::support::discord::world::Asked;

fn text(text: &str) -> CreateMessage {
    CreateMessage::new().content(text)
}

async fn write_messages(http: &Http, channel: ChannelId) {
    let button = CreateButton::new("stop").label("Stop").style(ButtonStyle::Danger);
    let option = CreateSelectMenuOption::new("one", "1");
    let menu = CreateSelectMenuKind::String { options: vec![option] };
    let rows = vec![
        CreateActionRow::Buttons(vec![
            button,
            CreateButton::new_link("https://example.org").label("Page"),
        ]),
        CreateActionRow::SelectMenu(CreateSelectMenu::new("which", menu)),
    ];
    let embed = CreateEmbed::new()
        .title("Run 7")
        .description("a card")
        .colour(0x00_aa_00)
        .field("stage", "coder", true)
        .footer(CreateEmbedFooter::new("since a minute"));
    let card = text("a card").embed(embed).components(rows);
    let mut card = channel.send_message(http, card).await.expect("a message");
    let file = CreateAttachment::bytes(b"line\n".to_vec(), "log.txt").description("a log");
    channel.send_message(http, text("a log").add_file(file)).await.expect("a file");
    card.edit(http, EditMessage::new().content("changed")).await.expect("an edit");
    card.react(http, ReactionType::Unicode("✅".to_owned())).await.expect("a reaction");
    card.reply(http, "an answer").await.expect("a reply");
    let thread = CreateThread::new("run 7")
        .auto_archive_duration(serenity::all::AutoArchiveDuration::OneDay);
    let thread = channel.create_thread_from_message(http, card.id, thread).await.expect("a thread");
    thread.id.say(http, "in it").await.expect("a message");
    thread
        .id
        .edit_thread(http, serenity::all::EditThread::new().archived(true))
        .await
        .expect("a change");
    let old = channel.get_archived_public_threads(http, None, Some(10)).await.expect("threads");
    assert_eq!(old.threads.len(), 1);
    let alone = CreateThread::new("alone").kind(serenity::all::ChannelType::PublicThread);
    channel.create_thread(http, alone).await.expect("a thread");
    channel.broadcast_typing(http).await.expect("typing");
    channel.messages(http, GetMessages::new().limit(50)).await.expect("messages");
    card.delete(http).await.expect("a deletion");
}

async fn look_around(http: &Http, channel: ChannelId, guild: GuildId, person: UserId) {
    http.get_current_user().await.expect("the bot");
    http.get_current_application_info().await.expect("the application");
    http.get_gateway().await.expect("the gateway");
    http.get_bot_gateway().await.expect("the gateway");
    guild.to_partial_guild(http).await.expect("the guild");
    guild.channels(http).await.expect("channels");
    guild.roles(http).await.expect("roles");
    guild.member(http, person).await.expect("a member");
    guild.get_active_threads(http).await.expect("threads");
    channel.to_channel(http).await.expect("the channel");
    let direct = person.create_dm_channel(http).await.expect("a conversation");
    direct.id.say(http, "hello").await.expect("a message");
    let help = CreateCommand::new("help").description("What there is");
    Command::set_global_commands(http, vec![help]).await.expect("commands");
    http.get_global_commands().await.expect("commands");
}

async fn answer_people(discord: &Discord, bot: &Bot, person: u64, channel: u64) {
    let http = &bot.http;
    let used = discord.uses(person, channel, "/log", &[("session", json!("7"))]);
    let Interaction::Command(command) = bot.interaction(used).await else { panic!("no command") };
    let later = CreateInteractionResponse::Defer(CreateInteractionResponseMessage::new());
    command.create_response(http, later).await.expect("an answer");
    let button = CreateButton::new("stop").label("Stop");
    let row = vec![CreateActionRow::Buttons(vec![button])];
    let filled = EditInteractionResponse::new().content("done").components(row);
    let answer = command.edit_response(http, filled).await.expect("an edit");
    let more = CreateInteractionResponseFollowup::new().content("and more");
    command.create_followup(http, more).await.expect("a follow-up");
    command.get_response(http).await.expect("the answer");
    let pressed = discord.presses(person, answer.id.get(), "stop");
    let Interaction::Component(component) = bot.interaction(pressed).await else {
        panic!("no press")
    };
    let said = CreateInteractionResponseMessage::new().content("stopped");
    component
        .create_response(http, CreateInteractionResponse::UpdateMessage(said))
        .await
        .expect("an answer");
    command.delete_response(http).await.expect("a deletion");
}

async fn be_refused(discord: &Discord, http: &Http, channel: ChannelId) {
    channel.send_message(http, text(" ")).await.expect_err("nothing in it");
    let nothing = CreateEmbed::new().field("name", "", false);
    channel
        .send_message(http, CreateMessage::new().embed(nothing))
        .await
        .expect_err("an empty field");
    channel.message(http, 5).await.expect_err("no such message");
    ChannelId::new(5).say(http, "x").await.expect_err("no such channel");
    discord.storms(1, "/messages", Scope::User, Duration::from_millis(10));
    channel.say(http, "after a storm").await.expect("a message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_and_answered_is_as_discord_describes_it() {
    let Some(mut contract) = Contract::find() else { return };
    let discord = Discord::start();
    discord.lifts_limits();
    let (place, bot) = registered(&discord).await;
    let channel = ChannelId::new(place.channel);
    discord.says(place.person, place.channel, "!status");
    write_messages(&bot.http, channel).await;
    look_around(&bot.http, channel, GuildId::new(place.guild), UserId::new(place.person)).await;
    answer_people(&discord, &bot, place.person, place.channel).await;
    be_refused(&discord, &bot.http, channel).await;
    bot.stop().await;
    let (wrong, looked_at) = contract.judge(&discord.journal());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(looked_at > 50, "{looked_at}");
    spoil_each(&mut contract, &discord.journal());
}

/// If a body that is spoiled were let through, the test above would prove nothing.
fn spoil_each(contract: &mut Contract, journal: &[Asked]) {
    let sent = journal.iter().find(|it| it.method == "POST" && it.path.ends_with("/messages"));
    let sent = sent.expect("a message").clone();
    let mut spoiled: Vec<(&str, Asked)> = Vec::new();
    let mut spoil = |what: &'static str, change: &dyn Fn(&mut Asked)| {
        let mut other = sent.clone();
        change(&mut other);
        spoiled.push((what, other));
    };
    spoil("a text that is none", &|it| it.body["content"] = json!(7));
    spoil("a row that is none", &|it| it.body["components"] = json!([{ "type": "row" }]));
    spoil("an answer without an author", &|it| {
        it.reply.as_object_mut().expect("an object").remove("author");
    });
    spoil("an id that is a number in an answer", &|it| it.reply["id"] = json!(7));
    spoil("an answer where none should be", &|it| it.status = 204);
    spoil("a path that is nowhere", &|it| it.path = "/channels/1/letters".to_owned());
    spoil("a parameter that is nowhere", &|it| it.query = "limits=5".to_owned());
    spoil("a refusal without a code", &|it| {
        it.status = 400;
        it.reply = Value::from_iter([("message", "no")]);
    });
    for (what, spoiled) in spoiled {
        let (wrong, _) = contract.judge(&[spoiled]);
        assert!(!wrong.is_empty(), "{what} is not noticed");
    }
}
