//! Reading the pull requests of ours that wait for people.

use std::sync::Arc;

use crate::forges::ForgeError;

use super::super::effects::Ports;
use super::super::engine::{Input, Unread, Watched};
use super::{Dispatcher, LoopMessage};

/// Name of the task that reads pull requests.
pub(super) const WATCHING: &str = "watch";

/// How long a forge that does not take the credentials is left alone.
const REFUSED: std::time::Duration = std::time::Duration::from_secs(15 * 60);

impl Dispatcher {
    /// Reads the pull requests that are due, one after the other, in a task; the readings come back as inputs.
    pub(super) fn watch(&mut self) {
        if self.watching || self.stopping {
            return;
        }
        let due = self.engine.pull_requests_due(self.ports.clock.now());
        if due.is_empty() {
            return;
        }
        self.watching = true;
        let (ports, sender) = (Arc::clone(&self.ports), self.sender.clone());
        let stop = self.stop_all.child_token();
        self.tasks.spawn(WATCHING, async move {
            for watched in due {
                let result = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    result = read(&ports, &watched) => result,
                };
                let input = Input::PullRequestRead { watched, result: Box::new(result) };
                // The loop is gone only when the daemon is.
                let _gone = sender.send(LoopMessage::Input(input)).await;
            }
        });
    }
}

async fn read(
    ports: &Ports,
    watched: &Watched,
) -> Result<crate::domain::pull_request::PullRequest, Unread> {
    let forge = match ports.forges.get(&watched.project) {
        Some(Ok(forge)) => forge,
        Some(Err(reason)) => return Err(Unread { message: reason.clone(), wait: Some(REFUSED) }),
        None => {
            let message = format!("no forge is configured for {} any more", watched.project);
            return Err(Unread { message, wait: Some(REFUSED) });
        }
    };
    forge.read(watched.number).await.map_err(|error| Unread {
        message: ports.redactor.redact(&error.failure().message).into_owned(),
        wait: match &error {
            ForgeError::Credentials { .. } | ForgeError::Refused { .. } => Some(REFUSED),
            other => other.wait(),
        },
    })
}
