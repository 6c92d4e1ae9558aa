//! What it means when git comes to nothing at a remote.

use super::ForgeError;
use super::command::Said;

/// What git and servers say when nobody may come in.
const LOCKED: [&str; 9] = [
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "terminal prompts disabled",
    "returned error: 401",
    "returned error: 403",
    "Permission denied (publickey",
    "Host key verification failed",
    "invalid credentials",
];

/// What they say when nobody is there.
const ABSENT: [&str; 14] = [
    "Could not resolve host",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Failed to connect",
    "Operation timed out",
    "Network is unreachable",
    "No route to host",
    "Empty reply from server",
    "the remote end hung up",
    "early EOF",
    "RPC failed",
    "returned error: 429",
    "returned error: 5",
];

/// The error that `said` is, for the wish to `action`.
pub(super) fn refusal(forge: &str, action: &str, said: &Said) -> ForgeError {
    let everything = said.everything();
    let has = |marks: &[&str]| marks.iter().any(|mark| everything.contains(mark));
    let (forge, reason) = (forge.to_owned(), said.complaint());
    if has(&LOCKED) {
        let hint = "give the daemon a token or key that may push branches to this repository, and start it again";
        return ForgeError::Credentials { forge, reason, hint: hint.to_owned() };
    }
    // A server that has an answer for the branch was reached.
    if has(&ABSENT) && !everything.contains("[remote rejected]") {
        return ForgeError::Unavailable { forge, reason };
    }
    let declined = everything.lines().find_map(|line| line.split_once("[remote rejected]"));
    let reason = match declined {
        Some((_, why)) => format!("{} ({reason})", why.trim()),
        None => reason,
    };
    ForgeError::Refused { forge, action: action.to_owned(), reason }
}
