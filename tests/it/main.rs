//! The integration-test binary: everything that needs the built program, a real process or a socket.

mod contract;
mod crash;
mod scenario;
mod support;
