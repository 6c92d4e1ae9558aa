//! What a batch changes besides the log: effects asked for and settled, leases taken and given back.

use crate::store::batch::{LeaseChange, NewEffect, SettleEffect, Settlement};
use crate::store::error::StoreError;
use crate::store::plan::Planner;
use crate::store::rows::{Lease, OutboxRow, OutboxState};

impl Planner<'_> {
    pub(super) fn check_fences(&self, fences: &[(String, u64)]) -> Result<(), StoreError> {
        for (resource, given) in fences {
            let lease = self.view.lease(resource)?;
            let stored = lease.as_ref().map_or(0, |lease| lease.fence);
            let held = lease.is_some_and(|lease| lease.holder.is_some());
            if !held || stored != *given {
                return Err(fenced(resource, *given, stored));
            }
        }
        Ok(())
    }

    pub(super) fn request(&mut self, effects: Vec<NewEffect>) -> Result<(), StoreError> {
        for NewEffect { effect, not_before } in effects {
            let key = effect.key();
            if self.writes.outbox.contains_key(&key) || self.view.effect(&key)?.is_some() {
                continue;
            }
            let row = OutboxRow {
                key: key.clone(),
                effect,
                gseq: self.writes.head.gseq,
                state: OutboxState::Pending,
                attempts: 0,
                not_before,
                last_error: None,
                settled_gseq: None,
            };
            self.writes.outbox.insert(key, row);
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, settlements: Vec<SettleEffect>) -> Result<(), StoreError> {
        for SettleEffect { key, settlement } in settlements {
            let row = match self.writes.outbox.remove(&key) {
                Some(row) => Some(row),
                None => self.view.effect(&key)?,
            };
            let Some(mut row) = row else { return Err(StoreError::UnknownEffect { key }) };
            let applies = match settlement {
                Settlement::Revived { .. } => row.state == OutboxState::Dead,
                Settlement::Done | Settlement::Dead { .. } | Settlement::Retry { .. } => {
                    row.state == OutboxState::Pending
                }
            };
            if applies {
                settle_row(&mut row, settlement, self.writes.head.gseq);
            }
            self.writes.outbox.insert(key, row);
        }
        Ok(())
    }

    pub(super) fn change_leases(&mut self, changes: Vec<LeaseChange>) -> Result<(), StoreError> {
        for change in changes {
            let lease = self.changed_lease(change)?;
            self.writes.leases.insert(lease.resource.clone(), lease);
        }
        Ok(())
    }

    fn changed_lease(&self, change: LeaseChange) -> Result<Lease, StoreError> {
        match change {
            LeaseChange::Acquire { resource, holder, fence, expires } => {
                let stored = self.lease(&resource)?.map_or(0, |lease| lease.fence);
                if fence <= stored {
                    return Err(fenced(&resource, fence, stored));
                }
                let holder = Some(holder);
                Ok(Lease { resource, holder, fence, acquired: self.shared.now, expires })
            }
            LeaseChange::Release { resource, fence } => match self.lease(&resource)? {
                Some(lease) if lease.fence == fence => Ok(Lease { holder: None, ..lease }),
                other => Err(fenced(&resource, fence, other.map_or(0, |lease| lease.fence))),
            },
        }
    }

    fn lease(&self, resource: &str) -> Result<Option<Lease>, StoreError> {
        match self.writes.leases.get(resource) {
            Some(lease) => Ok(Some(lease.clone())),
            None => self.view.lease(resource),
        }
    }
}

fn settle_row(row: &mut OutboxRow, settlement: Settlement, gseq: u64) {
    if !matches!(settlement, Settlement::Revived { .. }) {
        row.attempts = row.attempts.saturating_add(1);
    }
    match settlement {
        Settlement::Revived { not_before } => {
            row.state = OutboxState::Pending;
            row.not_before = not_before;
            row.settled_gseq = None;
        }
        Settlement::Done => {
            row.state = OutboxState::Done;
            row.last_error = None;
            row.settled_gseq = Some(gseq);
        }
        Settlement::Dead { error } => {
            row.state = OutboxState::Dead;
            row.last_error = Some(error);
            row.settled_gseq = Some(gseq);
        }
        Settlement::Retry { not_before, error } => {
            row.not_before = not_before;
            row.last_error = Some(error);
        }
    }
}

fn fenced(resource: &str, given: u64, stored: u64) -> StoreError {
    StoreError::Fenced { resource: resource.to_owned(), given, stored }
}
