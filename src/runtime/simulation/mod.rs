//! The whole factory without the world: a scenario in, everything that would have happened out.
//!
//! The engine, the planner, the pipeline, the event log, recovery and most effects are the real ones; what is simulated
//! is the clock, what agents and checks do, and people. The daemon may die at any moment: its engine is thrown away and
//! a new one is built from the log, exactly as after a real crash. The same scenario always gives the same output.
//!
//! [`scenario`] is the file format, `factory` plays it, `inspector` watches that nothing happens that never may.

mod agenda;
mod boot;
mod chronicle;
mod effects;
mod factory;
mod fragile_store;
mod inspector;
pub mod outcome;
mod people;
pub mod scenario;
mod turns;

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub use outcome::Simulated;

use scenario::{ScenarioError, Script};

/// Plays a scenario to its end.
///
/// # Errors
/// When the text is not a scenario. Whatever goes wrong while it is played is part of the result.
pub fn simulate(text: &str) -> Result<Simulated, ScenarioError> {
    Ok(play(&Script::parse(text)?))
}

/// Plays a scenario that was read before.
#[must_use]
pub fn play(script: &Script) -> Simulated {
    factory::Factory::new(script).run()
}

/// The result of a future that never waits, as those of all in-memory ports.
#[expect(
    clippy::panic,
    reason = "in-memory ports answer at once; one that waits is a mistake in them"
)]
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("an in-memory port waited for something"),
    }
}
