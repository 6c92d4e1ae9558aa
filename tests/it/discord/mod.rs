//! The scripted Discord before clients and judges that we did not write.

mod client;
mod contract;
mod delivery;
mod discord_py;
mod gateway;
mod interactions;
mod requests;
