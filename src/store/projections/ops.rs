//! The daemon's own switches: no row, the stream is short and is folded when asked for.

use crate::domain::ops::OpsState;
use crate::store::envelope::Recorded;

/// What the events of the `ops/daemon` stream come to; what cannot be read is left out.
#[must_use]
pub fn fold_ops(events: &[Recorded]) -> OpsState {
    let mut state = OpsState::default();
    for recorded in events {
        if let Some(event) = recorded.event.known() {
            state.evolve(event, recorded.at);
        }
    }
    state
}
