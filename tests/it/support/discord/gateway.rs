//! The gateway: what is said over a websocket, frame by frame.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Shared;
use super::sessions::intents;
use super::world::{Heard, Out, World};

/// Longest frame of a client.
const LONGEST: usize = 4_096;
/// Most frames of a client in a minute.
const MOST: usize = 120;

type Socket = WebSocketStream<TcpStream>;

/// What becomes of a connection after a frame.
enum Next {
    Go,
    /// The client is alive.
    Beat,
    Close(u16),
}

/// One connection from its handshake to its end.
pub async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (out, mut orders) = unbounded_channel();
    let (connection, beat) = {
        let mut world = shared.world();
        let connection = world.next_connection;
        world.next_connection += 1;
        world.connections.insert(connection, out);
        (connection, world.heartbeat)
    };
    let hello = json!({ "op": 10, "s": null, "t": null, "d": {
        "heartbeat_interval": u64::try_from(beat.as_millis()).unwrap_or(u64::MAX),
        "_trace": ["[\"scripted\"]"],
    }});
    let mut ended = false;
    if socket.send(Message::Text(hello.to_string())).await.is_ok() {
        ended = talk(&mut socket, &mut orders, &shared, connection, beat).await;
    }
    shared.world().disconnected(connection, ended);
}

/// Whether the client ended its session with its good-bye.
async fn talk(
    socket: &mut Socket,
    orders: &mut UnboundedReceiver<Out>,
    shared: &Shared,
    connection: u64,
    beat: Duration,
) -> bool {
    let patience = beat * 2 + Duration::from_secs(10);
    let mut silent_since = Instant::now();
    let mut sent = Vec::new();
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Out::Frame(frame)) => {
                    if socket.send(Message::Text(frame)).await.is_err() {
                        return false;
                    }
                }
                Some(Out::Close(code)) => return close(socket, code).await,
                Some(Out::Abort) | None => {
                    let _reset = socket.get_ref().set_zero_linger();
                    return false;
                }
            },
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    sent.retain(|at: &Instant| at.elapsed() < Duration::from_secs(60));
                    sent.push(Instant::now());
                    let next = if sent.len() > MOST { Next::Close(4008) } else { hear(shared, connection, &text) };
                    match next {
                        Next::Go => {}
                        Next::Beat => silent_since = Instant::now(),
                        Next::Close(code) => return close(socket, Some(code)).await,
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map(|it| u16::from(it.code));
                    let _answered = socket.close(None).await;
                    return matches!(code, Some(1000 | 1001));
                }
                Some(Ok(Message::Binary(_))) => return close(socket, Some(4002)).await,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return false,
            },
            () = tokio::time::sleep_until(silent_since + patience) => return close(socket, Some(4009)).await,
        }
    }
}

/// Says good-bye; a session outlives that. Without a code there is no waiting for an answer either.
async fn close(socket: &mut Socket, code: Option<u16>) -> bool {
    let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: "".into() });
    if socket.close(frame).await.is_ok() && code.is_some() {
        let answered = async { while let Some(Ok(_)) = socket.next().await {} };
        let _bounded = tokio::time::timeout(Duration::from_secs(5), answered).await;
    }
    false
}

fn hear(shared: &Shared, connection: u64, text: &str) -> Next {
    if text.len() > LONGEST {
        return Next::Close(4002);
    }
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return Next::Close(4002) };
    let Some(op) = frame["op"].as_u64() else { return Next::Close(4002) };
    let mut world = shared.world();
    let d = frame["d"].clone();
    world.heard.push(Heard { at: std::time::Instant::now(), connection, op, d: d.clone() });
    let known = world.sessions.values().any(|it| it.connection == Some(connection));
    match op {
        1 => {
            if !world.faults.withhold_acks {
                tell(&world, connection, &json!({ "op": 11, "s": null, "t": null, "d": null }));
            }
            Next::Beat
        }
        2 if known => Next::Close(4005),
        2 => identify(&mut world, connection, &d),
        6 => resume(&mut world, connection, &d),
        3 | 4 | 8 if !known => Next::Close(4003),
        3 | 4 => Next::Go,
        8 => {
            members(&mut world, connection, &d);
            Next::Go
        }
        _ => Next::Close(4001),
    }
}

fn tell(world: &World, connection: u64, frame: &Value) {
    if let Some(out) = world.connections.get(&connection) {
        let _gone = out.send(Out::Frame(frame.to_string()));
    }
}

fn invalid(world: &World, connection: u64) {
    tell(world, connection, &json!({ "op": 9, "s": null, "t": null, "d": false }));
}

/// Whether the token of a frame is the bot's, with its prefix or without.
fn knows(world: &World, d: &Value) -> bool {
    let token = d["token"].as_str().unwrap_or_default();
    token.strip_prefix("Bot ").unwrap_or(token) == world.application.token
}

fn identify(world: &mut World, connection: u64, d: &Value) -> Next {
    if !knows(world, d) {
        return Next::Close(4004);
    }
    let (Some(asked), true) = (d["intents"].as_u64(), d["properties"].is_object()) else {
        return Next::Close(if d["intents"].is_null() { 4002 } else { 4013 });
    };
    if asked & !intents::KNOWN != 0 {
        return Next::Close(4013);
    }
    if asked & intents::PRIVILEGED & !world.application.privileged != 0 {
        return Next::Close(4014);
    }
    let shard = if d["shard"].is_null() { json!([0, 1]) } else { d["shard"].clone() };
    match (shard[0].as_u64(), shard[1].as_u64()) {
        (Some(own), Some(all)) if own < all => {}
        _ => return Next::Close(4010),
    }
    let spacing = world.identify_spacing;
    if world.last_identify.is_some_and(|at| at.elapsed() < spacing) {
        invalid(world, connection);
        return Next::Go;
    }
    world.last_identify = Some(std::time::Instant::now());
    world.begin(connection, asked, &shard);
    Next::Go
}

fn resume(world: &mut World, connection: u64, d: &Value) -> Next {
    if !knows(world, d) {
        return Next::Close(4004);
    }
    let (Some(id), Some(sequence)) = (d["session_id"].as_str(), d["seq"].as_u64()) else {
        return Next::Close(4002);
    };
    match world.resume(connection, id, sequence) {
        Ok(()) => Next::Go,
        Err(Some(code)) => Next::Close(code),
        Err(None) => {
            invalid(world, connection);
            Next::Go
        }
    }
}

fn members(world: &mut World, connection: u64, d: &Value) {
    let session = world.sessions.values().find(|it| it.connection == Some(connection));
    let Some(session) = session.map(|it| it.id.clone()) else { return };
    let guild = d["guild_id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
    let Some(guild) = world.guilds.get(&guild) else { return };
    let members: Vec<Value> =
        guild.members.keys().map(|user| super::objects::member(world, guild, *user)).collect();
    let mut chunk = json!({
        "guild_id": guild.id.to_string(),
        "members": members,
        "chunk_index": 0,
        "chunk_count": 1,
        "not_found": [],
    });
    if let Some(nonce) = d.get("nonce") {
        chunk["nonce"] = nonce.clone();
    }
    world.send(&session, "GUILD_MEMBERS_CHUNK", &chunk);
}
