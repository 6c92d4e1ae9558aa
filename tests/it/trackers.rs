//! The built program with trackers on servers.

mod github;
mod github_judges;
