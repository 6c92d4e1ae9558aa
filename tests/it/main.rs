//! The integration-test binary: everything that needs the built program, a real process or a socket.

mod support;
mod tidy;
mod daemon_smoke;
