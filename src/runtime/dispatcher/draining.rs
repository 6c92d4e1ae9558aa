//! Writing everything that trackers are still to be told because somebody asks for it, and answering when all was tried.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::store::error::StoreError;

use super::super::engine::drain::{DrainId, Drained};
use super::Dispatcher;
use super::deciding::Decided;

/// Somebody wants trackers to be told now.
pub struct Wish {
    /// Also what was given up.
    pub(in crate::runtime) parked: bool,
    /// Who.
    pub(in crate::runtime) actor: String,
    /// The answer, when all was tried.
    pub(in crate::runtime) reply: oneshot::Sender<Drained>,
}

/// Who waits for which drain.
pub(super) type Waiting = BTreeMap<DrainId, oneshot::Sender<Drained>>;

impl Dispatcher {
    pub(super) async fn drain(&mut self, wish: Wish) -> Result<(), StoreError> {
        let Wish { parked, actor, reply } = wish;
        let now = self.ports.clock.now();
        let (handled, id) = self.engine.begin_drain(parked, &actor, now);
        let mut decided = Decided::default();
        let _no_command = decided.add(handled);
        self.commit(decided).await?;
        self.drains.insert(id, reply);
        Ok(())
    }

    /// Answers whoever waits for a drain that is over.
    pub(super) fn answer_drains(&mut self) {
        for (id, drained) in self.engine.finished_drains() {
            if let Some(reply) = self.drains.remove(&id) {
                // A surface that hung up does not want the answer any more; what was written stands.
                let _hung_up = reply.send(drained);
            }
        }
    }
}
