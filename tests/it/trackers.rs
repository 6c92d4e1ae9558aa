//! The built program with trackers on servers.

mod azure;
mod azure_judges;
mod azure_pulls;
mod epics;
mod epics_judges;
mod github;
mod github_judges;
mod github_pulls;
mod webhooks;
