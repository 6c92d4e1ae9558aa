//! The built program with trackers on servers.

mod azure;
mod github;
mod github_judges;
