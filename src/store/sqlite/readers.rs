//! A few threads with a read-only connection each.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::store::error::StoreError;

use super::{connection, fault, migrations};

/// Requests that may wait for one thread before callers are held up.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&Connection) + Send>;

struct Reader {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

/// The readers. Dropping them waits for the reads in progress.
pub(super) struct Readers {
    readers: Vec<Reader>,
    next: AtomicUsize,
}

impl Readers {
    /// Opens `count` read-only connections to an existing log.
    pub(super) fn open(path: &Path, count: usize) -> Result<Self, StoreError> {
        let readers =
            (0..count).map(|number| open_reader(path, number)).collect::<Result<_, _>>()?;
        Ok(Self { readers, next: AtomicUsize::new(0) })
    }

    /// Runs `query` in a read transaction of its own: one consistent snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let reader =
            self.readers.get(turn % self.readers.len().max(1)).ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that went away does not want its answer.
            let _unwanted = reply.send(in_snapshot(connection, query));
        });
        reader.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        for Reader { jobs, thread } in self.readers.drain(..) {
            drop(jobs);
            // A panicked reader has already reported itself through its callers.
            let _ended = thread.join();
        }
    }
}

fn open_reader(path: &Path, number: usize) -> Result<Reader, StoreError> {
    let connection = connection::open_for_reading(path)?;
    migrations::check(&connection)?;
    let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
    let thread = std::thread::Builder::new()
        .name(format!("store-reader-{number}"))
        .spawn(move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&connection);
            }
        })
        .map_err(|source| StoreError::Io { doing: "start a reader", source: source.into() })?;
    Ok(Reader { jobs, thread })
}

fn in_snapshot<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let snapshot =
        connection.unchecked_transaction().map_err(fault::io("begin a read transaction"))?;
    let result = query(&snapshot);
    snapshot.rollback().map_err(fault::io("end a read transaction"))?;
    result
}
