//! When a daemon is stopped, and how.

use std::time::Duration;

use crate::support::factory::Factory;
use crate::support::factory::events::Head;
use crate::support::factory::looking::pause;

/// Events that a round may go on after its last stop, at least.
const MARGIN: u64 = 5;

/// Looks in a row (every 3 ms) at which nothing may have happened before a stop comes anyway: longer than any back-off
/// of the backlog.
const PATIENCE: u32 = 5_000;

/// How a daemon is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// `SIGKILL` to the daemon: its agents go on, and the next one goes on with them.
    Kill,
    /// The same to what keeps its agents as well: nothing can go on.
    PowerCut,
    /// It hands over to the next one.
    HandOver,
    /// `SIGTERM`.
    Terminate,
}

/// Random moments out of a seed (SplitMix64).
pub(super) struct Moments {
    seed: u64,
    state: u64,
}

impl Moments {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The stops of this round: mostly one kill or power cut; sometimes two, or an orderly stop before a kill.
    pub(super) fn plan(&mut self) -> Vec<How> {
        match self.seed % 10 {
            2 => vec![How::Kill, How::Kill],
            3 | 6 => vec![How::PowerCut],
            5 => vec![How::HandOver, How::PowerCut],
            7 => vec![How::Kill, How::PowerCut],
            8 => vec![How::HandOver],
            4 => vec![How::Terminate],
            9 => vec![How::Terminate, How::Kill],
            _ => vec![How::Kill],
        }
    }

    /// The number of the event after which the next stop comes, beyond `from`, in a round of about `all` events.
    pub(super) fn choose(&mut self, from: u64, all: u64) -> u64 {
        let most = all.saturating_sub(from).saturating_sub(MARGIN).max(2);
        from + 1 + self.next() % most
    }

    /// Up to 40 ms, so that stops also fall between two events: that is where git and the trackers are written.
    pub(super) fn hesitate(&mut self) {
        pause(Duration::from_micros(self.next() % 40_000));
    }
}

/// Waits until event number `wanted` is on record, or what is on record has not grown for a while: a round may be shorter
/// than the undisturbed one. The number it got to.
pub(super) fn await_event(factory: &mut Factory, wanted: u64) -> u64 {
    let mut last = 0;
    let mut same = 0;
    let mut head = None;
    factory.until_close(&format!("event {wanted}"), |factory| {
        head = head.take().or_else(|| factory.head());
        let now = head.as_ref().map_or(0, Head::now);
        same = if now == last { same + 1 } else { 0 };
        last = now;
        (now >= wanted || (now > 0 && same > PATIENCE)).then_some(now)
    })
}
