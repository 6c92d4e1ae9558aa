//! `[daemon]`: the process itself.

use std::path::{Path, PathBuf};

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "state_dir",
        Kind::Path,
        "\"${XDG_STATE_HOME:-~/.local/state}/enact-factory\"",
        "Everything the daemon keeps: event log, worktrees, transcripts, socket. One daemon per directory.",
    ),
    Key::with_default(
        "poll_interval_ms",
        Kind::Count(50, 3_600_000),
        "2000",
        "Milliseconds between two looks at the local work items.",
    ),
    Key::with_default(
        "shutdown_grace_ms",
        Kind::Count(0, 3_600_000),
        "30000",
        "Milliseconds that agents get to end by themselves when the daemon is asked to stop.",
    ),
    Key::with_default(
        "item_lease",
        Kind::Span(1_000, 24 * 3_600_000),
        "\"30m\"",
        "How long an item stays taken in its tracker after the daemon that works on it was last heard of. It counts at \
         the next start.",
    ),
    Key::with_default(
        "log_level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"], &[]),
        "\"info\"",
        "The least important log lines that are still written.",
    ),
    Key::with_default(
        "log_format",
        Kind::Choice(&["text", "json"], &[]),
        "\"text\"",
        "Log lines for people or for programs.",
    ),
];

/// The least important log lines that are still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is off.
    Warn,
    /// What is going on.
    Info,
    /// How it is going on.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The word in the configuration, which is also the directive of the log filter.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Settings of the process itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonSettings {
    /// Absolute path of the directory for everything that is kept.
    pub state_dir: PathBuf,
    /// Milliseconds between two looks at the local work items.
    pub poll_interval_ms: u64,
    /// Milliseconds that agents get to end by themselves at shutdown.
    pub shutdown_grace_ms: u64,
    /// Milliseconds that an item is taken for in its tracker.
    pub item_lease_ms: u64,
    /// The least important log lines that are still written.
    pub log_level: LogLevel,
    /// How they look.
    pub log_format: LogFormat,
}

pub(super) fn read(section: &Section) -> DaemonSettings {
    let level = section.text("log_level");
    DaemonSettings {
        state_dir: section.file("state_dir").unwrap_or(Path::new("")).to_owned(),
        poll_interval_ms: section.count("poll_interval_ms"),
        shutdown_grace_ms: section.count("shutdown_grace_ms"),
        item_lease_ms: section.count("item_lease"),
        log_level: LogLevel::ALL
            .into_iter()
            .find(|it| Some(it.word()) == level)
            .unwrap_or(LogLevel::Info),
        log_format: match section.text("log_format") {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Text,
        },
    }
}
