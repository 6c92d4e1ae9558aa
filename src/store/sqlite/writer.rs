//! The one thread that writes: takes what waits in its queue, carries it out, commits once, then answers.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::store::SaltSource;
use crate::store::batch::{Appended, Batch};
use crate::store::error::StoreError;
use crate::store::plan::{Plan, plan};

use super::view::{Folds, View};
use super::{fault, record};

/// Requests that may wait before callers are held up.
const QUEUE: usize = 256;

/// Most requests one commit makes durable.
const MOST_PER_COMMIT: usize = 64;

/// A small write outside the log: leases, processes, epochs.
pub(super) type Operation = Box<dyn FnOnce(&Connection) -> Result<u64, StoreError> + Send>;

enum Request {
    Append(Vec<Batch>, oneshot::Sender<Result<Vec<Appended>, StoreError>>),
    Operate(Operation, oneshot::Sender<Result<u64, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The way to the writing thread. Dropping it waits until everything accepted is committed.
pub struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread on `connection`.
    pub(super) fn start(connection: Connection, salts: SaltSource) -> Result<Self, StoreError> {
        let (requests, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || Desk { connection, salts, folds: RefCell::default() }.work(waiting))
            .map_err(|source| StoreError::Io {
                doing: "start the writer",
                source: source.into(),
            })?;
        Ok(Self { requests: Some(requests), thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn append(&self, batches: Vec<Batch>) -> Result<Vec<Appended>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Append(batches, reply)).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn operate(&self, operation: Operation) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Operate(operation, reply)).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Waits until everything accepted is committed; what comes later is refused.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        match self.send(Request::Close(reply)).await {
            // Closed already, or closed by somebody else meanwhile.
            Err(_) => Ok(()),
            Ok(()) => answer.await.or(Ok(())),
        }
    }

    async fn send(&self, request: Request) -> Result<(), StoreError> {
        let Some(requests) = &self.requests else { return Err(StoreError::Closed) };
        requests.send(request).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panicked writer has already reported itself: all its callers got `Closed`.
            let _ended = thread.join();
        }
    }
}

/// An answer that is given once the commit stands.
enum Pending {
    Append(oneshot::Sender<Result<Vec<Appended>, StoreError>>, Result<Vec<Appended>, StoreError>),
    Operate(oneshot::Sender<Result<u64, StoreError>>, Result<u64, StoreError>),
}

impl Pending {
    /// Callers that went away do not want their answers.
    fn send(self) {
        match self {
            Self::Append(reply, result) => drop(reply.send(result)),
            Self::Operate(reply, result) => drop(reply.send(result)),
        }
    }

    /// What is answered when the transaction came to nothing: refusals stand, successes do not.
    fn undone(self, error: &StoreError) -> Self {
        match self {
            Self::Append(reply, result) => Self::Append(reply, result.and(Err(again(error)))),
            Self::Operate(reply, result) => Self::Operate(reply, result.and(Err(again(error)))),
        }
    }
}

struct Desk {
    connection: Connection,
    salts: SaltSource,
    folds: RefCell<Folds>,
}

impl Desk {
    fn work(mut self, mut waiting: mpsc::Receiver<Request>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while group.len() < MOST_PER_COMMIT
                && let Ok(next) = waiting.try_recv()
            {
                group.push(next);
            }
            let closing = self.serve(group);
            if !closing.is_empty() {
                waiting.close();
                let mut rest = Vec::new();
                while let Ok(late) = waiting.try_recv() {
                    rest.push(late);
                }
                let closing_too = self.serve(rest);
                // So that the file alone is the whole log; a reader in the way only makes the next start do it.
                let _unmoved = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                drop(self.connection);
                closing
                    .into_iter()
                    .chain(closing_too)
                    .for_each(|reply| reply.send(()).unwrap_or(()));
                return;
            }
        }
    }

    /// Carries out a group in one transaction and answers; returns who asked for the end.
    fn serve(&mut self, group: Vec<Request>) -> Vec<oneshot::Sender<()>> {
        let mut closing = Vec::new();
        let mut answers = Vec::with_capacity(group.len());
        let begun = self.begin();
        let mut broken = begun.err();
        for request in group {
            match request {
                Request::Append(batches, reply) => {
                    // The first refusal ends it: a later batch may rest on the refused one.
                    let result = batches
                        .into_iter()
                        .map(|batch| self.step(&mut broken, |desk| desk.append(batch)))
                        .collect();
                    answers.push(Pending::Append(reply, result));
                }
                Request::Operate(operation, reply) => {
                    let result = self
                        .step(&mut broken, |desk| desk.guarded(|desk| operation(&desk.connection)));
                    answers.push(Pending::Operate(reply, result));
                }
                Request::Close(reply) => closing.push(reply),
            }
        }
        if broken.is_none() {
            broken = self.connection.execute_batch("COMMIT").map_err(fault::io("commit")).err();
        }
        match broken {
            None => answers.into_iter().for_each(Pending::send),
            Some(error) => {
                self.abandon();
                answers.into_iter().for_each(|answer| answer.undone(&error).send());
            }
        }
        closing
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(fault::io("begin a transaction"))
    }

    /// Does one request unless the transaction is already lost; finds out whether it was lost on the way.
    fn step<T>(
        &mut self,
        broken: &mut Option<StoreError>,
        request: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(error) = broken {
            return Err(again(error));
        }
        let result = request(self);
        // Some errors (a full disk) end the whole transaction, not only the statement.
        if self.connection.is_autocommit() {
            let error = StoreError::Io {
                doing: "keep the transaction",
                source: result.as_ref().err().map_or_else(String::new, full_text).into(),
            };
            *broken = Some(error);
        }
        result
    }

    fn append(&mut self, batch: Batch) -> Result<Appended, StoreError> {
        let view = View { connection: &self.connection, folds: &self.folds };
        match plan(&view, batch, &mut self.salts)? {
            Plan::Known(appended) => Ok(appended),
            Plan::New(writes, appended) => {
                self.guarded(|desk| record::writes(&desk.connection, &writes))?;
                self.folds.borrow_mut().remember(*writes);
                Ok(appended)
            }
        }
    }

    /// Runs `write` so that an error takes back what it wrote and nothing else of the group.
    fn guarded<T>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = fault::io("set a savepoint");
        self.connection.execute_batch("SAVEPOINT request").map_err(&failed)?;
        match write(self) {
            Ok(value) => {
                self.connection.execute_batch("RELEASE request").map_err(&failed)?;
                Ok(value)
            }
            Err(error) => {
                // If this fails the transaction is gone, which `step` notices.
                let _gone = self.connection.execute_batch("ROLLBACK TO request; RELEASE request");
                Err(error)
            }
        }
    }

    fn abandon(&self) {
        self.folds.borrow_mut().clear();
        if !self.connection.is_autocommit() {
            // Nothing more can be done: the next `BEGIN` fails and says so to everyone.
            let _failed = self.connection.execute_batch("ROLLBACK");
        }
    }
}

/// The same error for the next one in the group.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::Corrupt { what } => StoreError::Corrupt { what: what.clone() },
        other => {
            StoreError::Io { doing: "commit with the others", source: full_text(other).into() }
        }
    }
}

fn full_text(error: &StoreError) -> String {
    error.failure().message
}
