//! What of the people's words reaches a client, how often, and in which order.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use serenity::all::GatewayIntents;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::client::{Bot, place};
use crate::support::discord::{Discord, TOKEN};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_twice_and_in_another_order_when_that_is_wished() {
    let discord = Discord::start();
    let place = place(&discord);
    let bot = Bot::ready(&discord).await;
    discord.delivers_twice(1);
    let twice = discord.says(place.person, place.channel, "twice");
    discord.holds();
    let first = discord.says(place.person, place.channel, "first");
    let second = discord.says(place.person, place.channel, "second");
    assert_eq!(bot.heard(first), 0);
    discord.releases(true);
    bot.until("message", |seen| seen.messages.iter().find(|(id, _)| *id == first).map(drop)).await;
    let ids: Vec<u64> = bot.seen().messages.iter().map(|(id, _)| *id).collect();
    // serenity starts a task per event: the order of arrival is looked at where it is made.
    assert_eq!(ids.iter().filter(|id| **id == twice).count(), 2);
    bot.until("both", |seen| seen.messages.iter().find(|(id, _)| *id == second).map(drop)).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_intent_other_peoples_words_are_blank() {
    let discord = Discord::start();
    let place = place(&discord);
    let intents = GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES;
    let bot = Bot::start(&discord, intents).await;
    bot.until("guild", |seen| seen.counts.get("guild").map(drop)).await;
    let mention = format!("<@{}> hello", discord.bot());
    let hidden = discord.says(place.person, place.channel, "hidden");
    let direct = discord.says(place.person, discord.conversation(place.person), "not asked for");
    let shown = discord.says(place.person, place.channel, &mention);
    bot.until("mention", |seen| seen.messages.iter().find(|(id, _)| *id == shown).map(drop)).await;
    bot.until("other", |seen| seen.messages.iter().find(|(id, _)| *id == hidden).map(drop)).await;
    assert_eq!(bot.heard(direct), 0);
    let mut heard = bot.seen().messages.clone();
    heard.sort_unstable();
    assert_eq!(heard, [(hidden, String::new()), (shown, mention)]);
    bot.stop().await;
}

/// A client that says what it likes.
struct Rough(WebSocketStream<TcpStream>);

impl Rough {
    async fn connect(discord: &Discord) -> Self {
        let address = discord.gateway();
        let stream =
            TcpStream::connect(address.trim_start_matches("ws://")).await.expect("a gateway");
        let (socket, _) = client_async(format!("{address}/?v=10"), stream).await.expect("a socket");
        let mut rough = Self(socket);
        assert_eq!(rough.next().await["op"], 10, "the first word is Hello");
        rough
    }

    async fn say(&mut self, op: u64, d: Value) {
        let frame = json!({ "op": op, "d": d }).to_string();
        self.0.send(Message::Text(frame)).await.expect("a gateway");
    }

    /// The next frame, or `{"code": …}` when the socket is closed.
    async fn next(&mut self) -> Value {
        let bound = Duration::from_secs(60);
        match tokio::time::timeout(bound, self.0.next()).await.expect("a frame") {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
            Some(Ok(Message::Close(frame))) => {
                json!({ "code": frame.map(|it| u16::from(it.code)) })
            }
            other => panic!("{other:?}"),
        }
    }
}

fn identify(token: &str, intents: u64) -> Value {
    json!({ "token": token, "intents": intents, "properties": { "os": "linux" } })
}

#[tokio::test]
async fn what_the_gateway_does_not_take_it_closes_with_the_right_code() {
    let discord = Discord::start();
    let _place = place(&discord);
    let shard = |shard: Value| {
        let mut d = identify(TOKEN, 1);
        d["shard"] = shard;
        d
    };
    let long = json!({ "token": "x".repeat(5_000) });
    let cases = [
        (2, identify("wrong", 1), 4004),
        (2, identify(TOKEN, 1 << 40), 4013),
        (2, json!({ "token": TOKEN }), 4002),
        (2, shard(json!([1, 1])), 4010),
        (2, long, 4002),
        (99, json!(null), 4001),
        (3, json!({}), 4003),
        (6, json!({ "token": "wrong", "session_id": "x", "seq": 1 }), 4004),
    ];
    for (op, d, code) in cases {
        let mut rough = Rough::connect(&discord).await;
        rough.say(op, d.clone()).await;
        assert_eq!(rough.next().await["code"], code, "{op} {d}");
    }
}

#[tokio::test]
async fn a_session_is_numbered_replayed_and_bounded() {
    let discord = Discord::start();
    let place = place(&discord);
    let mut rough = Rough::connect(&discord).await;
    rough.say(2, identify(TOKEN, 0b10_0000_0001 | 1 << 15)).await;
    let ready = rough.next().await;
    assert_eq!((&ready["t"], &ready["s"]), (&json!("READY"), &json!(1)));
    let guild = rough.next().await;
    assert_eq!((&guild["t"], &guild["s"]), (&json!("GUILD_CREATE"), &json!(2)));
    let said = discord.says(place.person, place.channel, "hello");
    assert_eq!(rough.next().await["d"]["id"], said.to_string());
    discord.identify_spacing(Duration::from_secs(600));
    let mut hasty = Rough::connect(&discord).await;
    hasty.say(2, identify(TOKEN, 1)).await;
    let refused = hasty.next().await;
    assert_eq!(
        (&refused["op"], &refused["d"]),
        (&json!(9), &json!(false)),
        "two IDENTIFY too close"
    );
    let session = ready["d"]["session_id"].clone();
    let resume = |sequence: u64| json!({ "token": TOKEN, "session_id": session, "seq": sequence });
    let mut back = Rough::connect(&discord).await;
    back.say(6, resume(2)).await;
    assert_eq!(back.next().await["d"]["content"], "hello");
    assert_eq!(back.next().await["t"], "RESUMED");
    back.say(1, json!(4)).await;
    assert_eq!(back.next().await["op"], 11);
    back.say(2, identify(TOKEN, 1)).await;
    assert_eq!(back.next().await["code"], 4005);
    let mut ahead = Rough::connect(&discord).await;
    ahead.say(6, resume(1_000)).await;
    assert_eq!(ahead.next().await["code"], 4007);
    let mut fast = Rough::connect(&discord).await;
    for _ in 0..121 {
        fast.say(1, json!(null)).await;
    }
    for _ in 0..120 {
        assert_eq!(fast.next().await["op"], 11);
    }
    assert_eq!(fast.next().await["code"], 4008);
}
