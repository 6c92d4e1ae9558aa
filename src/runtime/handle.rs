//! What a surface may hold: submit a command, ask for the picture, follow the log.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::Command;
use crate::domain::inbox::Inbox;

use super::dispatcher::draining::Wish;
use super::dispatcher::{LoopMessage, Query};
use super::engine::drain::Drained;
use super::engine::{Chat, Explanation, Input, Reply, Status};
use super::hints::Hints;

/// The daemon is stopping and takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is stopping")]
pub struct Stopping;

/// The door to the loop. Cheap to clone.
#[derive(Clone)]
pub struct DaemonHandle {
    sender: mpsc::Sender<LoopMessage>,
    head: watch::Receiver<u64>,
    hints: Arc<Hints>,
}

impl DaemonHandle {
    pub(super) fn new(
        sender: mpsc::Sender<LoopMessage>,
        head: watch::Receiver<u64>,
        hints: Arc<Hints>,
    ) -> Self {
        Self { sender, head, hints }
    }

    /// Where it can be said that a tracker may have news. However many come, the loop is never kept waiting by them.
    #[must_use]
    pub fn hints(&self) -> Arc<Hints> {
        Arc::clone(&self.hints)
    }

    /// Asks for something, as `actor`.
    ///
    /// # Errors
    /// When the daemon is stopping; the command may or may not have been carried out.
    pub async fn submit(&self, command: Command, actor: &str) -> Result<Reply, Stopping> {
        let (reply, answer) = oneshot::channel();
        let message = LoopMessage::Command { command, actor: actor.to_owned(), reply };
        self.sender.send(message).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// The whole picture.
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn status(&self) -> Result<Status, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(LoopMessage::Query(Query::Status(reply))).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// Puts something of a chat surface on record. The answer to what was asked; `None` when that was taken before, and
    /// for what asks for nothing.
    ///
    /// # Errors
    /// When the daemon is stopping; it may or may not be on record.
    pub async fn chat(&self, chat: Chat) -> Result<Option<Reply>, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(LoopMessage::Chat { chat, reply }).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// What was taken from chats so far.
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn inbox(&self) -> Result<Inbox, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(LoopMessage::Query(Query::Inbox(reply))).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// Why an item runs or does not run; `None` when there is no such item.
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn why(&self, target: &str) -> Result<Option<Explanation>, Stopping> {
        let (reply, answer) = oneshot::channel();
        let query = Query::Why { target: target.to_owned(), reply };
        self.sender.send(LoopMessage::Query(query)).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// Writes everything that trackers are still to be told, and with `parked` what was given up before, for `actor`.
    /// Answers when all of it was tried.
    ///
    /// # Errors
    /// When the daemon is stopping; what was not written is written by the next one.
    pub async fn drain(&self, parked: bool, actor: &str) -> Result<Drained, Stopping> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish { parked, actor: actor.to_owned(), reply };
        self.sender.send(LoopMessage::Drain(wish)).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// Stops the daemon and leaves its agents to the next one; how many there are.
    ///
    /// # Errors
    /// When the daemon is stopping already.
    pub async fn hand_over(&self) -> Result<usize, Stopping> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(LoopMessage::HandOver(reply)).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// Hands the loop something that a periodic task found out. Lost only when the daemon is stopping.
    pub async fn input(&self, input: Input) {
        let _stopping = self.sender.send(LoopMessage::Input(input)).await;
    }

    /// Hands the loop new rules. Lost only when the daemon is stopping.
    pub async fn reconfigure(&self, message: LoopMessage) {
        let _stopping = self.sender.send(message).await;
    }

    /// The global number of the last stored event, and a way to wait until it changes. A hint to look again, never the
    /// news itself.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }
}
