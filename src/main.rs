//! The `enact-factory` program: arguments → role → exit code.

use std::process::ExitCode;

use enact_factory::surfaces::cli::entry;
use enact_factory::surfaces::cli::surroundings::Surroundings;

fn main() -> ExitCode {
    entry::run(&Surroundings::of_process())
}
