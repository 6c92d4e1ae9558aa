//! Reports: one card and one thread per run, edited in place; one card per item that waits for a person. A card shows what
//! is, not what happened: after an outage it is brought up to date once, whatever was missed.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::domain::event::Event;
use crate::domain::ids::RunId;
use crate::domain::inbox::{Inbox, Post};
use crate::runtime::engine::{Chat, ItemView, RunView, Status};
use crate::runtime::handle::Stopping;

use super::super::cards;
use super::super::message::{Answer, Outgoing};
use super::Shared;
use super::rest::RestError;
use super::sending::explained;

/// Pause between two looks: cards are edited no more often.
const PAUSE: Duration = Duration::from_millis(1500);

/// How often cards are looked at when nothing is stored: the time that has passed goes on.
const LOOK: Duration = Duration::from_secs(30);

/// Events read at once.
const PAGE: usize = 256;

/// The channel under which is kept how far the log itself was reported.
const FEED: u64 = 0;

/// Brings cards up to date.
pub(super) struct Reports {
    shared: Shared,
    shown: BTreeMap<String, String>,
    refused: bool,
}

/// Why a look at the cards ended early.
enum Broken {
    Stopping,
    Rest(RestError),
}

impl From<Stopping> for Broken {
    fn from(_: Stopping) -> Self {
        Self::Stopping
    }
}

impl From<RestError> for Broken {
    fn from(error: RestError) -> Self {
        Self::Rest(error)
    }
}

impl Reports {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, shown: BTreeMap::new(), refused: false }
    }

    /// Reports until the daemon stops.
    pub(super) async fn run(&mut self) {
        let Some(channel) = self.shared.report_channel else { return };
        let mut head = self.shared.desk.handle.head();
        loop {
            head.borrow_and_update();
            let stop = self.shared.stop.clone();
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look(channel) => looked,
            };
            match looked {
                Ok(()) => self.refused = false,
                Err(Broken::Stopping) => return,
                Err(Broken::Rest(error)) if !self.refused => {
                    self.refused = true;
                    self.shared.trouble(vec![explained(channel, &error)]).await;
                }
                Err(Broken::Rest(error)) => tracing::debug!(%error, "Discord: not reported yet"),
            }
            if !self.shared.pause(PAUSE).await {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = head.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&mut self, channel: u64) -> Result<(), Broken> {
        let handle = self.shared.desk.handle.clone();
        let (status, inbox) = (handle.status().await?, handle.inbox().await?);
        self.begun(channel, &status, &inbox).await?;
        for (subject, post) in &inbox.posts {
            match subject.parse().ok().map(RunId) {
                Some(run) => self.renew_run(subject, run, *post, &status).await?,
                None => self.renew_item(subject, post, &status).await?,
            }
        }
        for item in status.items.iter().filter(|item| cards::asks(item)) {
            if !inbox.posts.contains_key(item.id.as_str()) {
                self.post_item(channel, item).await?;
            }
        }
        Ok(())
    }

    /// Posts a card for every run that began since the log was last looked at.
    async fn begun(&mut self, channel: u64, status: &Status, inbox: &Inbox) -> Result<(), Broken> {
        let store = self.shared.desk.store.clone();
        let handle = self.shared.desk.handle.clone();
        let Some(mut cursor) = inbox.read_to(FEED) else {
            // What was before the bot first came is not reported; what goes on is.
            for run in &status.runs {
                self.post_run(channel, run.id, status).await?;
            }
            let head = store.head().await.map(|head| head.gseq).unwrap_or(1);
            handle.chat(Chat::Read { channel: FEED, message: head.max(1) }).await?;
            return Ok(());
        };
        loop {
            let page = store.read_all(cursor, PAGE).await.unwrap_or_default();
            let whole = page.len() == PAGE;
            for recorded in page {
                cursor = recorded.gseq;
                let Some(Event::RunStarted { run, .. }) = recorded.event.known() else { continue };
                if !inbox.posts.contains_key(&run.to_string()) {
                    self.post_run(channel, *run, status).await?;
                }
                handle.chat(Chat::Read { channel: FEED, message: cursor }).await?;
            }
            if !whole {
                return Ok(());
            }
        }
    }

    async fn post_run(&mut self, channel: u64, run: RunId, status: &Status) -> Result<(), Broken> {
        let Some(card) = self.card(run, status).await else { return Ok(()) };
        let (outgoing, title) = (self.outgoing(card.clone()), card.title);
        let rest = self.shared.rest.clone();
        let message = rest.send(channel, &outgoing, &format!("r{}", run.short()), None).await?;
        let thread = match rest.thread(channel, message, &cards::thread_name(&title)).await {
            Ok(thread) => Some(thread),
            Err(error @ RestError::Later(_)) => return Err(error.into()),
            Err(error) => {
                self.shared.trouble(vec![explained(channel, &error)]).await;
                None
            }
        };
        let subject = run.to_string();
        self.shown.insert(subject.clone(), digest(&outgoing));
        self.shared.desk.handle.chat(Chat::Posted { subject, channel, message, thread }).await?;
        Ok(())
    }

    async fn renew_run(
        &mut self,
        subject: &str,
        run: RunId,
        post: Post,
        status: &Status,
    ) -> Result<(), Broken> {
        let over = !status.runs.iter().any(|view| view.id == run);
        if let Some(card) = self.card(run, status).await {
            if over && let Some(thread) = post.thread {
                let last = self.outgoing(Answer { buttons: Vec::new(), ..card.clone() });
                let nonce = format!("f{}", run.short());
                absent(self.shared.rest.send(thread, &last, &nonce, None).await.map(|_sent| ()))?;
            }
            self.show(subject, post, card).await?;
        }
        if over {
            self.close(subject).await?;
        }
        Ok(())
    }

    async fn renew_item(
        &mut self,
        subject: &str,
        post: &Post,
        status: &Status,
    ) -> Result<(), Broken> {
        let item = status.items.iter().find(|item| item.id.as_str() == subject);
        let Some(item) = item else { return self.close(subject).await };
        self.show(subject, *post, cards::item(item, self.shared.desk.wording())).await?;
        if cards::asks(item) { Ok(()) } else { self.close(subject).await }
    }

    async fn post_item(&mut self, channel: u64, item: &ItemView) -> Result<(), Broken> {
        let outgoing = self.outgoing(cards::item(item, self.shared.desk.wording()));
        let subject = item.id.as_str().to_owned();
        let nonce = format!("i{}", &hex::encode(Sha256::digest(&subject))[..20]);
        let message = self.shared.rest.send(channel, &outgoing, &nonce, None).await?;
        self.shown.insert(subject.clone(), digest(&outgoing));
        let handle = &self.shared.desk.handle;
        handle.chat(Chat::Posted { subject, channel, message, thread: None }).await?;
        Ok(())
    }

    /// Edits a card when it shows something else.
    async fn show(&mut self, subject: &str, post: Post, card: Answer) -> Result<(), Broken> {
        let outgoing = self.outgoing(card);
        let digest = digest(&outgoing);
        if self.shown.get(subject) == Some(&digest) {
            return Ok(());
        }
        absent(self.shared.rest.edit(post.channel, post.message, &outgoing).await)?;
        self.shown.insert(subject.to_owned(), digest);
        Ok(())
    }

    async fn close(&mut self, subject: &str) -> Result<(), Broken> {
        self.shown.remove(subject);
        let subject = subject.to_owned();
        self.shared.desk.handle.chat(Chat::Closed { subject }).await?;
        Ok(())
    }

    /// A run as it is: out of the picture while it goes on, out of the log when it is over.
    async fn card(&self, run: RunId, status: &Status) -> Option<Answer> {
        let wording = self.shared.desk.wording();
        let under_way: Option<&RunView> = status.runs.iter().find(|view| view.id == run);
        let title = |item: &crate::domain::ids::ItemId| {
            let found = status.items.iter().find(|view| view.id == *item);
            found.map(|item| item.title.clone()).unwrap_or_default()
        };
        if let Some(view) = under_way {
            return Some(cards::run(view, &title(&view.item), status.at, wording));
        }
        let state = self.shared.desk.store.load_run(run).await.ok().flatten()?;
        Some(cards::ended(&state, &title(&state.item), wording))
    }

    fn outgoing(&self, card: Answer) -> Outgoing {
        let mut outgoing =
            self.shared.desk.without_secrets(card).outgoing(self.shared.desk.rules.language);
        // A card is edited in place; a file could not be.
        outgoing.file = None;
        outgoing
    }
}

/// A message that somebody deleted is not missed.
fn absent(done: Result<(), RestError>) -> Result<(), RestError> {
    match done {
        Err(RestError::Missing(_)) => Ok(()),
        other => other,
    }
}

fn digest(outgoing: &Outgoing) -> String {
    hex::encode(Sha256::digest(outgoing.json.to_string()))
}
