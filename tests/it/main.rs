//! The integration-test binary: everything that needs the built program, a real process or a socket.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "all of this is test code, also outside of test functions, which is as far as clippy.toml reaches; \
              it looks at the program from outside, so it starts processes, reads clocks and the environment itself"
)]

mod contract;
mod crash;
mod discord;
mod forges;
mod real_agents;
mod responses_agent;
mod scenario;
mod support;
mod surface;
mod tidy;
mod trackers;
