//! Where the core meets the world.
//!
//! One loop decides ([`dispatcher`]): it takes inputs one by one, lets the synchronous [`engine`] decide, stores what was
//! decided in one transaction, and only then starts the effects ([`effects`]) in named, joined, cancellable [`tasks`].
//! Their results come back as inputs. After a crash, the same code picks up what the log says is still to be done
//! ([`recovery`]).

pub mod agents;
pub mod clock;
pub mod confining;
pub mod dispatcher;
pub mod effects;
pub mod engine;
pub mod handle;
pub mod hints;
pub mod keeper;
pub mod reaper;
pub mod recovery;
pub mod simulation;
pub mod state_dir;
pub mod tasks;
