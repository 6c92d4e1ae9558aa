//! What the agent is given besides its task.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::time::Timestamp;

/// Everything outside of the agent.
pub struct World<'a> {
    /// The worktree.
    pub workspace: PathBuf,
    /// The environment of the programs that tools start; must not hold the key.
    pub environment: BTreeMap<String, String>,
    /// The bearer key.
    pub key: Option<SecretString>,
    /// What people say while it works; `None` when nothing can be said.
    pub instructions: Option<mpsc::Receiver<String>>,
    /// Tells the time.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
    /// Asks the agent to end.
    pub cancel: CancellationToken,
    /// How long to wait before trying again.
    pub pace: Pace,
}

/// First waits before a request is repeated; each further one is twice as long.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// After a failure of the server or the connection.
    pub broken: Duration,
    /// After a refusal that does not say when to come back.
    pub throttled: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { broken: Duration::from_secs(1), throttled: Duration::from_secs(5) }
    }
}
