//! The benchmarks: what `docs/BENCHMARKS.md` quotes. `cargo bench`, or `cargo bench -- store planner` for some of them.
//!
//! A plain program: most of what is measured are processes, sockets and files, which a statistics harness for functions
//! cannot drive. It is its own agent (`factory agent …`): a process that reads its prompt, waits and answers.

#![expect(unreachable_pub, reason = "a benchmark has no outside")]
#![expect(clippy::print_stdout, reason = "the figures go to standard output")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot measure ends with a message"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark is outside the daemon: it has its own clock, processes and environment"
)]

mod agent;
mod cold_start;
mod concurrency;
mod crash;
mod daemon;
mod dispatch;
mod figures;
mod history;
mod in_process;
mod keeper;
mod memory;
mod no_git;
mod overhead;
mod place;
mod planner;
mod steering;
mod store;

use std::time::Instant;

/// The benchmarks in the order they run; later ones use what earlier ones measured nothing of.
const ALL: [(&str, fn()); 10] = [
    ("store", store::run),
    ("planner", planner::run),
    ("cold-start", cold_start::run),
    ("overhead", overhead::run),
    ("keeper", keeper::run),
    ("steering", steering::run),
    ("dispatch", dispatch::run),
    ("memory", memory::run),
    ("crash", crash::run),
    ("concurrency", concurrency::run),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == agent::SUBCOMMAND) {
        return agent::play(&arguments[1..]);
    }
    let wanted: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    figures::machine();
    let begun = Instant::now();
    for (name, run) in ALL {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            figures::heading(name);
            run();
        }
    }
    println!("\nall of it took {:.0} s", begun.elapsed().as_secs_f64());
}
