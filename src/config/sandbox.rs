//! `[sandbox]`: what agents may write to and connect to.

use std::path::PathBuf;

use crate::process::sandbox::{Mode, Wish};

use super::schema::{Key, Kind};
use super::section::Section;
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "mode",
        Kind::Choice(&["off", "preferred", "required"], &[]),
        "\"off\"",
        "Whether the operating system confines agents: writing only in their worktree (a critic not even there), \
         their private home and `writable`. `preferred` runs them unconfined where the system cannot, `required` does \
         not run them there. It takes Linux 6.2 or later with Landlock, or macOS with sandbox-exec (reviewed, never run \
         so far); `doctor` tries it out.",
    ),
    Key::with_default(
        "writable",
        Kind::Texts,
        "[\"/tmp\"]",
        "Absolute paths that agents may write to besides.",
    ),
    Key::with_default(
        "network",
        Kind::Choice(&["open", "allow-list", "none"], &[]),
        "\"open\"",
        "Which TCP ports agents may connect to: any, those of `ports`, or none. It takes Linux 6.7 or later, or \
         macOS, where UDP is taken away, too. An agent that talks to its provider over the network needs at least the \
         port of that.",
    ),
    Key::with_default(
        "ports",
        Kind::Texts,
        "[\"443\"]",
        "The TCP ports of `network = \"allow-list\"`, on whatever host.",
    ),
];

pub(super) fn read(section: &Section, sources: &mut Sources) -> Wish {
    let mode = match section.text("mode") {
        Some("preferred") => Mode::Preferred,
        Some("required") => Mode::Required,
        _ => Mode::Off,
    };
    let mut writable = Vec::new();
    for text in section.texts("writable") {
        let path = PathBuf::from(text);
        if !path.is_absolute() {
            let hint = Some("write it from the root: /var/cache/builds".to_owned());
            let message = format!("{text:?} is not an absolute path");
            sources.problem(&section.path_of("writable"), &message, hint);
        }
        writable.push(path);
    }
    let mut ports = Vec::new();
    for text in section.texts("ports") {
        match text.parse::<u16>() {
            Ok(port) if port > 0 => ports.push(port),
            _ => {
                let message = format!("{text:?} is not a port");
                let hint = Some("a port is a number from 1 to 65535, in quotes".to_owned());
                sources.problem(&section.path_of("ports"), &message, hint);
            }
        }
    }
    let ports = match section.text("network") {
        Some("allow-list") => Some(ports),
        Some("none") => Some(Vec::new()),
        _ => None,
    };
    Wish { mode, writable, ports }
}
