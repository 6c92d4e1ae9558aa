//! HTTP to the services that keep work items and pull requests: one thin client with the rules all of them share.
//!
//! Responsible for time-outs, for what may be repeated and what may not, for the service's wish to be left alone for a
//! while, and for bounded answers. What a status means is its caller's business. Never follows a redirect (credentials
//! are for the address they were configured for), never writes a header or a body to the log.

pub mod client;
pub mod error;

mod limits;

#[cfg(test)]
mod tests;
