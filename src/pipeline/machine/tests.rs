//! A run as its outside sees it: what it is told, what it wants, how it ends.

pub(in crate::pipeline) mod driver;
mod interruptions;
mod outcomes;
mod planning;
pub(in crate::pipeline) mod properties;
mod rounds;
pub(in crate::pipeline) mod stages;
mod switching;
mod verdicts;
mod waits;
