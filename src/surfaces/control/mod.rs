//! The local control socket: one JSON object per line in both directions.
//!
//! Responsible for the protocol ([`wire`], [`views`]), for where the socket is ([`place`]), and for both ends of it
//! ([`server`], [`client`]). The socket is for its owner alone (0600 in a 0700 directory, and the peer's user id is
//! checked). Every line, queue, wait and number of clients has a bound, so that one bad client cannot hurt the others.
//! Never decides anything: commands go to the daemon's one loop, events come from the log.

pub mod client;
mod connection;
mod follow;
pub mod lane_views;
mod lines;
pub mod place;
pub mod provider_views;
pub mod server;
pub mod views;
pub mod webhook_views;
pub mod wire;
pub mod write_views;

#[cfg(test)]
mod tests;
