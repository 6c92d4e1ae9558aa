//! The integration-test binary: everything that needs the built program, a real process or a socket.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod contract;
mod crash;
mod scenario;
mod support;
mod surface;
mod tidy;
