//! The built program on real repositories, work items and processes: one test per thing that must not go wrong.

mod checks;
mod configuration;
mod context;
mod epics;
mod gate;
mod keeper;
mod lanes;
mod people;
mod providers;
mod pull_requests;
mod recovery;
mod resuming;
mod retention;
mod safety;
mod seed_table;
mod several_items;
mod signing_in;
mod stages;
mod stopping;
mod store_lost;
mod troubles;
mod verdicts;
mod workflow;
