//! The decision engine: which work items may run now, and why the others may not.
//!
//! [`plan::plan`] is one pure function, `(World, Policy, now) → Plan + Report`. The plan is what the runtime carries out;
//! the report has exactly one line per item of the world: chosen with its rank, running, settled, gone, or held with
//! every gate that holds it, the decisive one first. The same inputs give the same output, whatever the order in which
//! the world was collected.
//!
//! In reading order: [`world`] (what planning sees), [`plan`] (the function and its actions), `gates` (one file per
//! reason to wait), [`allowance`] (whether there is money for a turn), [`staffing`] (which agent does it),
//! [`rank`] (who goes first), `slots` (how many go at once), [`held`] and [`because`] (what a hold says), [`report`] (the answer to "why not?").
//!
//! Never here: async, I/O, clocks, randomness, environment, persistence, colours. Time arrives as an argument.

pub mod allowance;
pub mod because;
pub mod budget_use;
mod components;
mod context;
mod dependencies;
pub mod division;
pub mod epics;
#[cfg(test)]
mod fixtures;
mod gates;
pub mod held;
pub mod plan;
pub mod rank;
pub mod report;
mod slots;
pub mod staffing;
#[cfg(test)]
mod tests;
pub mod world;
