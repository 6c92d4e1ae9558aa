//! Standard output and standard error.
//!
//! Results go to standard output, remarks and errors to standard error. Colours only on a terminal and without `NO_COLOR`;
//! a live line only on a terminal. A reader that has gone away ends nothing: the work goes on.

use std::cell::Cell;
use std::io::{self, Write as _};

use serde::Serialize;

use super::errors::CliError;
use super::surroundings::Surroundings;

/// How a word looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// To be looked at.
    Warning,
    /// Less important.
    Dim,
    /// More important.
    Strong,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Dim => "2",
            Self::Strong => "1",
        }
    }
}

/// Where output goes, and how.
#[derive(Debug)]
pub(super) struct Screen {
    /// Data as JSON instead of text.
    pub(super) json: bool,
    /// Whether a live line can be shown.
    pub(super) terminal: bool,
    /// More detail.
    pub(super) verbose: bool,
    colour: bool,
    error_colour: bool,
    live: Cell<bool>,
}

impl Screen {
    pub(super) fn new(surroundings: &Surroundings, json: bool, verbose: bool) -> Self {
        let plain = surroundings.variable("NO_COLOR").is_some()
            || surroundings.variable("TERM") == Some("dumb");
        Self {
            json,
            terminal: surroundings.terminal && !json,
            verbose,
            colour: surroundings.terminal && !plain && !json,
            error_colour: surroundings.error_terminal && !plain,
            live: Cell::new(false),
        }
    }

    /// One line of text on standard output.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        self.clear_live();
        // The reader may have gone away; there is nobody left to tell.
        let _gone = writeln!(io::stdout().lock(), "{}", text.as_ref());
    }

    /// One object on standard output: on several lines for `--json`.
    pub(super) fn object(&self, value: &impl Serialize) {
        self.line(serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// One object on one line of standard output, for streams of objects.
    pub(super) fn object_line(&self, value: &impl Serialize) {
        self.line(serde_json::to_string(value).unwrap_or_default());
    }

    /// A remark on standard error.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        self.clear_live();
        let _gone = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }

    /// An error on standard error; as an object on standard output with `--json`.
    pub(super) fn error(&self, error: &CliError) {
        if self.json {
            self.object(&serde_json::json!({
                "error": { "message": error.message, "hint": error.hint, "code": error.code }
            }));
            return;
        }
        let word = paint(self.error_colour, Tone::Bad, "error");
        self.note(format!("{word}: {}", error.message));
        if let Some(hint) = &error.hint {
            let word = paint(self.error_colour, Tone::Strong, "hint");
            self.note(format!("{word}: {hint}"));
        }
    }

    /// `text` in a tone, if there are colours.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        paint(self.colour, tone, text)
    }

    /// Shows or replaces the live line; nothing when there is no terminal.
    pub(super) fn live(&self, text: &str) {
        if !self.terminal {
            return;
        }
        let mut out = io::stdout().lock();
        let _gone = write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush());
        self.live.set(true);
    }

    /// Removes the live line.
    pub(super) fn clear_live(&self) {
        if self.live.replace(false) {
            let mut out = io::stdout().lock();
            let _gone = write!(out, "\r\x1b[2K").and_then(|()| out.flush());
        }
    }
}

fn paint(colour: bool, tone: Tone, text: &str) -> String {
    if colour { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_owned() }
}
