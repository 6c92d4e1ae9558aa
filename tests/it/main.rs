//! The integration-test binary: everything that needs the built program, a real process or a socket.

mod contract;
mod daemon_smoke;
mod support;
