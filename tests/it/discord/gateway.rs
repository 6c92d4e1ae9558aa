//! serenity and the gateway: when it resumes, when it begins anew, and what it hears of what happened meanwhile.

use std::time::Duration;

use serde_json::json;
use serenity::all::{GatewayError, GatewayIntents};

use super::client::{Bot, Place, place};
use crate::support::discord::sessions::intents;
use crate::support::discord::{Discord, Part};

/// Until the client has a session again that it took up (`true`) or began.
async fn back(bot: &Bot, resumed: bool, before: usize) {
    let kind = if resumed { "resumed" } else { "ready" };
    bot.until(kind, |seen| {
        seen.counts.get(kind).is_some_and(|count| *count > before).then_some(())
    })
    .await;
}

async fn is_resumed(
    discord: &Discord,
    bot: &Bot,
    place: &Place,
    what: &str,
    trouble: impl Fn(&Discord),
) {
    let (resumed, ready) = (bot.count("resumed"), bot.count("ready"));
    trouble(discord);
    let meanwhile = discord.says(place.person, place.channel, what);
    back(bot, true, resumed).await;
    let after = discord.says(place.person, place.channel, "after it");
    bot.until("message", |seen| seen.messages.iter().find(|(id, _)| *id == after).map(drop)).await;
    assert_eq!((bot.heard(meanwhile), bot.heard(after)), (1, 1), "{what}");
    assert_eq!(bot.count("ready"), ready, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_taken_up_again_and_nothing_is_lost() {
    let discord = Discord::start();
    let place = place(&discord);
    let bot = Bot::ready(&discord).await;
    is_resumed(&discord, &bot, &place, "op 7", Discord::asks_to_reconnect).await;
    for code in [4000, 1000, 1001] {
        is_resumed(&discord, &bot, &place, &code.to_string(), |it| it.closes(Some(code))).await;
    }
    is_resumed(&discord, &bot, &place, "reset", Discord::aborts).await;
    is_resumed(&discord, &bot, &place, "op 9 true", |it| it.invalidates(true)).await;
    assert_eq!(discord.world().heard(2), 1, "one IDENTIFY");
    assert_eq!(discord.world().heard(6), 6, "RESUMEs");
    bot.stop().await;
}

/// The client begins a new session after this, and what was said meanwhile is lost.
async fn is_lost(trouble: impl Fn(&Discord)) {
    let discord = Discord::start();
    let place = place(&discord);
    let bot = Bot::ready(&discord).await;
    trouble(&discord);
    discord.forgets_sessions();
    let meanwhile = discord.says(place.person, place.channel, "meanwhile");
    back(&bot, false, 1).await;
    let after = discord.says(place.person, place.channel, "after it");
    bot.until("message", |seen| seen.messages.iter().find(|(id, _)| *id == after).map(drop)).await;
    assert_eq!((bot.heard(meanwhile), bot.heard(after)), (0, 1));
    assert!(discord.message(meanwhile).is_some(), "it is there for those who read");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_timed_out_is_begun_anew() {
    is_lost(|discord| discord.closes(Some(4009))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_session_is_begun_anew() {
    is_lost(|discord| discord.invalidates(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_be_taken_up_is_begun_anew() {
    is_lost(|discord| {
        discord.forgets_sessions();
        discord.aborts();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_without_an_answer_end_the_session() {
    let discord = Discord::start();
    let _place = place(&discord);
    discord.heartbeat(Duration::from_secs(1));
    let bot = Bot::ready(&discord).await;
    discord.until("heartbeat", |world| (world.heard(1) > 0).then_some(())).await;
    discord.answers_heartbeats(false);
    discord.until("IDENTIFY", |world| (world.heard(2) > 1).then_some(())).await;
    discord.answers_heartbeats(true);
    back(&bot, false, 1).await;
    assert_eq!(discord.world().heard(6), 0, "no RESUME");
    bot.stop().await;
}

/// serenity 0.12.5 takes no notice of such a frame: it looks again and again at a connection that has ended, until a
/// heartbeat cannot be sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_without_a_code_is_noticed_with_the_next_heartbeat_only() {
    let discord = Discord::start();
    let place = place(&discord);
    discord.heartbeat(Duration::from_secs(1));
    let bot = Bot::ready(&discord).await;
    discord.closes(None);
    let meanwhile = discord.says(place.person, place.channel, "meanwhile");
    back(&bot, false, 1).await;
    let after = discord.says(place.person, place.channel, "after it");
    bot.until("message", |seen| seen.messages.iter().find(|(id, _)| *id == after).map(drop)).await;
    assert_eq!((bot.heard(meanwhile), bot.count("resumed")), (0, 0));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_is_asked_for_is_sent() {
    let discord = Discord::start();
    let _place = place(&discord);
    let bot = Bot::ready(&discord).await;
    let before = discord.world().heard(1);
    discord.asks_for_heartbeat();
    discord.until("heartbeat", |world| (world.heard(1) > before).then_some(())).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_survived_at_the_same_address() {
    let discord = Discord::start();
    let place = place(&discord);
    let bot = Bot::ready(&discord).await;
    for part in [Part::Gateway, Part::Rest] {
        discord.goes_down(part);
        assert!(!discord.listens(part));
    }
    assert!(std::net::TcpStream::connect(discord.rest()).is_err(), "connections are refused");
    assert!(bot.http.get_current_user().await.is_err());
    discord.forgets_sessions();
    discord.says(place.person, place.channel, "during the outage");
    for part in [Part::Rest, Part::Gateway] {
        discord.comes_back(part);
    }
    back(&bot, false, 1).await;
    assert_eq!(bot.http.get_current_user().await.expect("the bot").id.get(), discord.bot());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_and_intents_that_are_switched_off_end_the_client() {
    let discord = Discord::start();
    let _place = place(&discord);
    // serenity asks for the gateway's address without the answer depending on its token.
    let bot = Bot::with_token(&discord, "MTIz.wrong.token", GatewayIntents::all()).await;
    let ended = bot.end().await;
    let wrong = matches!(ended, Err(serenity::Error::Gateway(GatewayError::InvalidAuthentication)));
    assert!(wrong, "{ended:?}");
    discord.privileged(intents::PRIVILEGED & !intents::MESSAGE_CONTENT);
    let bot = Bot::start(&discord, GatewayIntents::all()).await;
    let ended = bot.end().await;
    let refused =
        matches!(ended, Err(serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents)));
    assert!(refused, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_makes_no_sense_is_seen_as_unknown() {
    let discord = Discord::start();
    let _place = place(&discord);
    let bot = Bot::ready(&discord).await;
    discord.sends("MESSAGE_CREATE", &json!({ "id": "1", "channel_id": null }));
    bot.until("unknown", |seen| (seen.unknown == ["MESSAGE_CREATE"]).then_some(())).await;
    bot.seen().unknown.clear();
    bot.stop().await;
}
