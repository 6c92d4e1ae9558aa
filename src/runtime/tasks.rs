//! The only `tokio::spawn`: every task is named, owned, cancellable and joined.

use std::collections::BTreeMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// A set of tasks that end before their owner does.
#[derive(Debug, Default)]
pub struct Tasks {
    set: JoinSet<()>,
    names: BTreeMap<Id, String>,
}

impl Tasks {
    /// Starts `future` under `name`.
    pub fn spawn(&mut self, name: &str, future: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::info_span!("task", task.name = name);
        let handle = self.set.spawn(future.instrument(span));
        self.names.insert(handle.id(), name.to_owned());
    }

    /// Number of tasks not yet joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether no task is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Waits for the next task to end; its name, and whether it panicked. Never completes while there is none.
    pub async fn next_ended(&mut self) -> Ended {
        loop {
            match self.set.join_next_with_id().await {
                Some(Ok((id, ()))) => {
                    return Ended {
                        name: self.names.remove(&id).unwrap_or_default(),
                        panicked: false,
                    };
                }
                Some(Err(error)) => {
                    let name = self.names.remove(&error.id()).unwrap_or_default();
                    return Ended { name, panicked: error.is_panic() };
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for all tasks to end.
    pub async fn join_all(&mut self) {
        while self.set.join_next().await.is_some() {}
        self.names.clear();
    }
}

/// A task that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub name: String,
    /// Whether it panicked.
    pub panicked: bool,
}

/// Runs `work` on a thread for blocking work.
///
/// # Errors
/// `None` when the work panicked.
#[expect(clippy::disallowed_methods, reason = "the one place that uses blocking threads")]
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// A token that is cancelled with its parent or by itself.
#[must_use]
pub fn child_of(parent: &CancellationToken) -> CancellationToken {
    parent.child_token()
}
