//! Real repositories in temporary directories.

mod base;
mod merging;
mod preparing;
mod removing;
mod safety;
mod saving;
mod world;
