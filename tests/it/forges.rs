//! Forges before servers and judges.

mod azure_judges;
mod github_judges;
mod graphql_judge;
mod pushing;
mod setting;
