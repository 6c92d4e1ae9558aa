//! The core stays pure: no async, no I/O, no clock, no randomness, no environment, no processes, no log lines.

use regex::Regex;

use super::lexer::line_of;
use super::sources::{SRC, check};

/// Modules that only compute.
const CORE: [&str; 3] = ["src/domain/", "src/planner/", "src/pipeline/"];

/// What a pure module does not say, and what to do instead.
const BANNED: &[(&str, &str)] = &[
    (r"\basync\b|\.await\b", "the core is synchronous: take what was waited for as a value"),
    (
        r"\bstd::(?:fs|io|net|process|env|thread|os)\b",
        "no I/O, environment or threads: take a value",
    ),
    (r"\b(?:Instant|SystemTime)\b", "take `now: Timestamp` as an argument"),
    (r"\bUtc::now\b|\bLocal\b", "take `now: Timestamp` as an argument"),
    (r"\bnow_v7\b|\bnew_v4\b|\brand\b", "take ids as arguments"),
    (
        r"\b(?:tokio|tracing|rusqlite|tempfile|rustix)\b",
        "the core knows no runtime, log, store or system",
    ),
    (r"\b(?:println|eprintln|print|eprint)!", "return text; surfaces print"),
    (
        r"\bstatic mut\b|\b(?:Mutex|RwLock|RefCell|Atomic[A-Z]\w*)\b",
        "state is passed in and returned",
    ),
];

/// Every `std::time` name that the core may use: spans, not clocks.
const SPANS: &str = "Duration";

#[test]
fn the_core_has_no_clock_no_io_and_no_chance_in_it() {
    let banned: Vec<(Regex, &str)> =
        BANNED.iter().map(|(pattern, hint)| (Regex::new(pattern).unwrap(), *hint)).collect();
    let time = Regex::new(r"\bstd::time::(\w+|\{[^}]*\})").unwrap();
    let mut broken = Vec::new();
    let core = SRC.iter().filter(|s| CORE.iter().any(|folder| s.path.starts_with(folder)));
    for source in core {
        let place = |at: usize| format!("{}:{}", source.path, line_of(&source.product, at));
        for (pattern, hint) in &banned {
            for found in pattern.find_iter(&source.product) {
                broken.push(format!("{}: `{}` ({hint})", place(found.start()), found.as_str()));
            }
        }
        for found in time.captures_iter(&source.product) {
            if &found[1] != SPANS {
                broken.push(format!("{}: `{}`", place(found.get(0).unwrap().start()), &found[0]));
            }
        }
    }
    check("The pure core (domain, planner, pipeline) reaches for the world:", &broken);
}
