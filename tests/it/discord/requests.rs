//! What serenity sends, what it is refused, and how it waits.

use std::time::{Duration, Instant};

use serenity::all::{
    ButtonStyle, ChannelId, CreateActionRow, CreateAttachment, CreateButton, CreateEmbed,
    CreateMessage, EditMessage, GetMessages, Http, MessageId, Nonce, ReactionType, UserId,
};

use super::client::{http, place};
use crate::support::discord::faults::Fault;
use crate::support::discord::limits::Scope;
use crate::support::discord::world::permissions;
use crate::support::discord::{Discord, TOKEN};

/// Discord's code and the status of a refusal.
fn refused<T: std::fmt::Debug>(result: serenity::Result<T>) -> (u16, isize) {
    match result {
        Err(serenity::Error::Http(serenity::http::HttpError::UnsuccessfulRequest(refusal))) => {
            (refusal.status_code.as_u16(), refusal.error.code)
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn text(text: &str) -> CreateMessage {
    CreateMessage::new().content(text)
}

#[tokio::test]
async fn messages_are_made_changed_read_and_taken_away() {
    let discord = Discord::start();
    let place = place(&discord);
    let http = http(&discord, TOKEN);
    let channel = ChannelId::new(place.channel);
    let before = discord.says(place.person, place.channel, "!status");
    let button = CreateButton::new("stop").label("Stop").style(ButtonStyle::Danger);
    let card = text("a card")
        .embed(CreateEmbed::new().title("Run 7").field("stage", "coder", true))
        .components(vec![CreateActionRow::Buttons(vec![button])])
        .add_file(CreateAttachment::bytes(b"line\n".to_vec(), "log.txt"));
    let mut card = channel.send_message(&http, card).await.expect("a message");
    assert_eq!((card.embeds.len(), card.components.len(), card.attachments.len()), (1, 1, 1));
    card.edit(&http, EditMessage::new().content("changed").components(Vec::new()))
        .await
        .expect("an edit");
    let now = discord.message(card.id.get()).expect("a message");
    assert_eq!((&now["content"], &now["components"]), (&"changed".into(), &serde_json::json!([])));
    assert_eq!(now["attachments"][0]["size"], 5);
    card.react(&http, ReactionType::Unicode("✅".to_owned())).await.expect("a reaction");
    let read = channel.messages(&http, GetMessages::new().after(MessageId::new(before)).limit(100));
    let read = read.await.expect("messages");
    assert_eq!(read.iter().map(|it| it.id).collect::<Vec<_>>(), [card.id]);
    assert_eq!(read[0].reactions[0].count, 1);
    card.delete(&http).await.expect("a deletion");
    assert_eq!(discord.message(card.id.get()), None);
    assert_eq!(refused(card.delete(&http).await), (404, 10_008));
    assert!(discord.journal().iter().all(|asked| asked.secure), "everything went over TLS");
}

#[tokio::test]
async fn a_send_whose_answer_is_lost_is_not_doubled_by_its_nonce() {
    let discord = Discord::start();
    let place = place(&discord);
    let http = http(&discord, TOKEN);
    let channel = ChannelId::new(place.channel);
    discord.fails("POST", "/messages", 1, Fault::LostReply);
    let once = || text("once").nonce(Nonce::String("effect-7".to_owned())).enforce_nonce(true);
    assert!(channel.send_message(&http, once()).await.is_err(), "the answer is lost");
    let sent = channel.send_message(&http, once()).await.expect("the same message");
    assert_eq!(discord.said(place.channel).len(), 1);
    assert_eq!(discord.said(place.channel)[0]["id"], sent.id.to_string());
}

async fn send(http: &Http, channel: u64, message: CreateMessage) -> serenity::Result<()> {
    ChannelId::new(channel).send_message(http, message).await.map(drop)
}

#[tokio::test]
async fn what_discord_refuses_is_refused_with_its_codes() {
    let discord = Discord::start();
    let place = place(&discord);
    let http = http(&discord, TOKEN);
    let to = place.channel;
    let long = "가".repeat(2_000);
    send(&http, to, text(&long)).await.expect("2000 code points");
    assert_eq!(refused(send(&http, to, text(" ")).await), (400, 50_006));
    let nothing = CreateEmbed::new().title("t").field("name", "", false);
    assert_eq!(refused(send(&http, to, CreateMessage::new().embed(nothing)).await), (400, 50_035));
    let large = CreateEmbed::new().description("x".repeat(4_000));
    let two = CreateMessage::new().embeds(vec![large.clone(), large]);
    assert!(send(&http, to, two).await.is_err(), "6000 over all embeds");
    let same = || CreateButton::new("same").label("x");
    let twice = vec![CreateActionRow::Buttons(vec![same(), same()])];
    assert_eq!(refused(send(&http, to, text("x").components(twice)).await), (400, 50_035));
    assert_eq!(refused(send(&http, 5, text("x")).await), (404, 10_003));
    discord.forbids(to, discord.bot(), permissions::SEND_MESSAGES);
    assert_eq!(refused(send(&http, to, text("x")).await), (403, 50_013));
    discord.forbids(to, discord.bot(), permissions::VIEW_CHANNEL);
    assert_eq!(refused(send(&http, to, text("x")).await), (403, 50_001));
    let stranger = super::client::http(&discord, "MTIz.wrong.token");
    assert_eq!(refused(stranger.get_current_user().await), (401, 0));
    assert_eq!(discord.world().limits.refused(), 3);
}

#[tokio::test]
async fn nobody_is_called_who_may_not_be() {
    let discord = Discord::start();
    let place = place(&discord);
    let http = http(&discord, TOKEN);
    let loud = format!("@everyone <@{}>", place.person);
    send(&http, place.channel, text(&loud)).await.expect("a message");
    discord.role(place.guild, "loud", permissions::MENTION_EVERYONE);
    let loud_role = discord.world().guilds[&place.guild].roles[1].id;
    discord.member(place.guild, discord.bot(), &[loud_role]);
    send(&http, place.channel, text(&loud)).await.expect("a message");
    let quiet = serenity::all::CreateAllowedMentions::new();
    send(&http, place.channel, text(&loud).allowed_mentions(quiet)).await.expect("a message");
    let called: Vec<(bool, usize)> = discord
        .said(place.channel)
        .iter()
        .map(|it| (it["mention_everyone"] == true, it["mentions"].as_array().map_or(0, Vec::len)))
        .collect();
    assert_eq!(called, [(false, 1), (true, 1), (false, 0)]);
}

#[tokio::test]
async fn limits_on_the_rate_are_said_and_waited_for() {
    let discord = Discord::start();
    let place = place(&discord);
    let http = http(&discord, TOKEN);
    discord.limits("POST /channels/{}/messages", 2, Duration::from_secs(1));
    let started = Instant::now();
    for number in 0..5 {
        send(&http, place.channel, text(&format!("{number}"))).await.expect("a message");
    }
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    let contents: Vec<String> =
        discord.said(place.channel).iter().map(|it| it["content"].to_string()).collect();
    assert_eq!(contents, ["\"0\"", "\"1\"", "\"2\"", "\"3\"", "\"4\""]);
    for scope in [Scope::User, Scope::Global, Scope::Shared] {
        discord.storms(2, "/messages", scope, Duration::from_millis(200));
        let text = text(scope.name());
        send(&http, place.channel, text).await.expect("a message after the storm");
    }
    let refused = discord.journal().iter().filter(|asked| asked.status == 429).count();
    assert!(refused >= 6, "{refused}");
    assert_eq!(discord.said(place.channel).len(), 8);
}

#[tokio::test]
async fn threads_conversations_and_typing() {
    let discord = Discord::start();
    let place = place(&discord);
    let http = http(&discord, TOKEN);
    let channel = ChannelId::new(place.channel);
    let card = channel.send_message(&http, text("run 7")).await.expect("a message");
    let thread = serenity::all::CreateThread::new("run 7");
    let made =
        channel.create_thread_from_message(&http, card.id, thread.clone()).await.expect("a thread");
    assert_eq!(made.id.get(), card.id.get());
    let again = channel.create_thread_from_message(&http, card.id, thread).await;
    assert_eq!(refused(again), (400, 160_004));
    send(&http, made.id.get(), text("stage: coder")).await.expect("a message");
    let change = serenity::all::EditThread::new().archived(true);
    made.id.edit_thread(&http, change).await.expect("a change");
    assert!(discord.threads(place.channel)[0].thread.as_ref().expect("a thread").archived);
    send(&http, made.id.get(), text("open again")).await.expect("a message");
    assert!(!discord.threads(place.channel)[0].thread.as_ref().expect("a thread").archived);
    channel.broadcast_typing(&http).await.expect("typing");
    assert_eq!(discord.world().typing, [place.channel]);
    let direct = UserId::new(place.person).create_dm_channel(&http).await.expect("a conversation");
    send(&http, direct.id.get(), text("hello")).await.expect("a message");
    assert_eq!(discord.said(discord.conversation(place.person)).len(), 1);
}
