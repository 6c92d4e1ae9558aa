//! What can be asked of the outbox.

use std::collections::BTreeMap;

use crate::domain::effect::Effect;
use crate::domain::ids::EffectKey;
use crate::store::rows::{OutboxRow, OutboxState};

/// What is still to be done, oldest first.
pub(super) fn open(outbox: &BTreeMap<EffectKey, OutboxRow>) -> Vec<OutboxRow> {
    sorted(outbox.values().filter(|row| row.state == OutboxState::Pending))
}

/// Updates for trackers that were given up, the newest `limit` of them, oldest first.
pub(super) fn parked(outbox: &BTreeMap<EffectKey, OutboxRow>, limit: usize) -> Vec<OutboxRow> {
    let dead = outbox.values().filter(|row| row.state == OutboxState::Dead);
    let mut rows = sorted(dead.filter(|row| matches!(row.effect, Effect::UpdateTracker { .. })));
    let surplus = rows.len().saturating_sub(limit);
    rows.split_off(surplus)
}

fn sorted<'a>(rows: impl Iterator<Item = &'a OutboxRow>) -> Vec<OutboxRow> {
    let mut rows: Vec<OutboxRow> = rows.cloned().collect();
    rows.sort_by_key(|row| row.gseq);
    rows
}
