//! The built program with trackers on servers.

mod azure;
mod azure_judges;
mod board;
mod github;
mod github_judges;
mod reconcile;
mod two_daemons;
mod webhooks;
