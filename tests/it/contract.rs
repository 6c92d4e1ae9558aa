//! One suite per port, run on each of its implementations.

mod keeper;
mod workspaces;
