//! A gateway that is silent without anybody noticing: its stage is looked at, and `status` says when it is away for long.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serenity::all::ConnectionStage;
use serenity::gateway::ShardManager;

use super::Shared;
use super::gateway::AWAY;

/// How often the gateway is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Looks for ever.
pub(super) async fn watch(shared: &Shared, shards: &Arc<ShardManager>) -> Infallible {
    let mut since = shared.clock.now();
    let mut told = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = shared.clock.now();
        let stages = shards.runners.lock().await;
        let stage = stages.values().map(|runner| runner.stage).next();
        drop(stages);
        if stage == Some(ConnectionStage::Connected) {
            since = now;
            if told {
                told = false;
                shared.trouble(Vec::new()).await;
            }
        } else if !told && now.since(since) >= AWAY {
            told = true;
            let stage = stage.map_or_else(|| "away".to_owned(), |stage| stage.to_string());
            let seconds = now.since(since).as_secs();
            let sentence = format!(
                "Discord: the gateway has been {stage} for {seconds} s; it is tried again by itself"
            );
            shared.trouble(vec![sentence]).await;
        }
    }
}
