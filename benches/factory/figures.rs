//! Printing: one line per figure, with its target and the machine's load at that moment.

use std::fs;
use std::time::Duration;

/// Says what machine this is: kind, never name.
pub fn machine() {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = field("/proc/meminfo", "MemTotal:").unwrap_or(0) / 1024;
    let profile = if cfg!(debug_assertions) { "debug: figures mean nothing" } else { "release" };
    let (system, kind) = (std::env::consts::OS, std::env::consts::ARCH);
    println!("{system} {kind}, {cores} cores, {memory} MiB memory, {profile}, load {}", load());
}

/// Begins a benchmark.
pub fn heading(name: &str) {
    println!("\n## {name}");
}

/// Prints a figure without a target.
pub fn note(what: &str, figure: &str) {
    println!("{what:<62} {figure:>26}   load {}", load());
}

/// Prints a figure and whether it meets its target.
pub fn check(what: &str, figure: f64, unit: &str, limit: Limit) {
    let (met, sign, target) = match limit {
        Limit::AtMost(target) => (figure <= target, "≤", target),
        Limit::AtLeast(target) => (figure >= target, "≥", target),
    };
    let verdict = if met { "met" } else { "MISSED" };
    let shown = format!("{} {unit} ({sign} {target}: {verdict})", rounded(figure));
    note(what, &shown);
}

/// What a figure is compared with.
#[derive(Clone, Copy)]
pub enum Limit {
    /// Smaller is better.
    AtMost(f64),
    /// Larger is better.
    AtLeast(f64),
}

/// A number with as many digits as are worth reading.
pub fn rounded(number: f64) -> String {
    let digits = if number.abs() < 10.0 { 2 } else { usize::from(number.abs() < 100.0) };
    format!("{number:.digits$}")
}

/// Milliseconds of a span.
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// The value below which the share `part` of `values` lies; 0 without any.
pub fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = (part * last as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(0.0)
}

/// `p50 … p95 …` in milliseconds.
pub fn spread(values: &[f64]) -> String {
    format!("p50 {} p95 {} ms", rounded(percentile(values, 0.5)), rounded(percentile(values, 0.95)))
}

/// A number from the environment, for longer runs.
pub fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Load average of the last minute.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// The number after `name` in a file of `/proc`, in its own unit (usually KiB).
pub fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
