//! Taking a run's item in its tracker, and giving it back.

use crate::domain::failure::Failure;
use crate::runtime::engine::TrackerFailure;
use crate::trackers::TrackerError;
use crate::trackers::claim::Claim;

use super::tracker::comes_back;
use super::{Done, Job, Ports};

pub(super) async fn claim(ports: &Ports, job: &Job) -> Done {
    let Some(state) = &job.run else { return Done::Claimed(Err(unknown())) };
    let Some(tracker) = ports.trackers.get(state.item.source()) else {
        return Done::Claimed(Err(unknown()));
    };
    let now = ports.clock.now();
    let claim = Claim {
        item: state.item.clone(),
        run: state.id,
        holder: ports.holder.clone(),
        now,
        until: now.after(ports.lease),
    };
    let claimed = tracker.claim(&claim).await;
    Done::Claimed(match claimed {
        Ok(claimed) => Ok((claim.until, claimed)),
        Err(error) => Err(failed(&error, job)),
    })
}

pub(super) async fn release(ports: &Ports, job: &Job) -> Done {
    let Some(state) = &job.run else { return Done::Released(Err(unknown())) };
    let Some(tracker) = ports.trackers.get(state.item.source()) else {
        return Done::Released(Err(unknown()));
    };
    let released = tracker.release(&state.item, state.id, &ports.holder).await;
    Done::Released(released.map_err(|error| failed(&error, job)))
}

/// A failure that may not come again.
pub(super) fn again(failure: Failure) -> TrackerFailure {
    TrackerFailure { message: failure.message, again: true, wait: None }
}

fn failed(error: &TrackerError, job: &Job) -> TrackerFailure {
    let failure = error.failure();
    let again = comes_back(failure.class);
    tracing::warn!(effect = %job.key, error = %failure.message, again, "an item could not be taken or given back in its tracker");
    TrackerFailure { message: failure.message, again, wait: error.wait() }
}

fn unknown() -> TrackerFailure {
    let message = "the run or its tracker is not there".to_owned();
    TrackerFailure { message, again: false, wait: None }
}
