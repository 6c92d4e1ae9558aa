//! Log lines: on standard error, for people or as JSON.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Begins to write log lines of at least `level` (`error` … `trace`); other crates' lines only from `warn` on. Only the
/// first call counts.
pub fn begin(level: &str, form: Form) {
    let filter = EnvFilter::new(format!("warn,enact_factory={level}"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call has nothing to add: lines are written already.
    let _begun_before = match form {
        Form::Text => lines.with_ansi(false).try_init(),
        Form::Json => lines.json().try_init(),
    };
}
