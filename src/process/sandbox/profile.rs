//! What macOS's `sandbox-exec` is told, in its own language (SBPL, a dialect of Scheme). Pure: text from values.
//!
//! The language is not documented by its maker; what is used of it here is what the profiles that ship with the system use.
//! Of several rules that fit, the last counts. Everything is allowed but what a confinement takes away: writing outside
//! the places listed, and, when ports are listed, the internet beyond them.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Network, SandboxError};

/// A place to write to, as the system knows it: without links on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Where.
    pub(super) path: PathBuf,
    /// Whether what is below it counts, too.
    pub(super) is_directory: bool,
}

/// Devices that programs write to without leaving anything behind. The system writes to `dtracehelper` for every program,
/// and below `fd` are those files that a process has open already.
const DEVICES: &str = "\
(allow file-write*
    (literal \"/dev/null\")
    (literal \"/dev/zero\")
    (literal \"/dev/random\")
    (literal \"/dev/urandom\")
    (literal \"/dev/tty\")
    (literal \"/dev/ptmx\")
    (literal \"/dev/dtracehelper\")
    (subpath \"/dev/fd\")
    (regex #\"^/dev/ttys[0-9]+$\"))
";

/// Nothing of the internet, in either direction. Names are still resolved: the system does that over a socket of its own.
const NO_INTERNET: &str = "\
(deny network-outbound (remote ip \"*:*\"))
(deny network-inbound (local ip \"*:*\"))
(deny network-bind (local ip \"*:*\"))
";

/// The profile of a confinement to `writable` and `network`.
///
/// # Errors
/// When a place cannot be named: it is no text, is relative, or has control characters in it.
pub(super) fn of(writable: &[Place], network: &Network) -> Result<String, SandboxError> {
    let mut text = "(version 1)\n(allow default)\n(deny file-write*)\n".to_owned();
    text.push_str(DEVICES);
    for place in writable {
        let filter = if place.is_directory { "subpath" } else { "literal" };
        let path = quoted(place)?;
        // Writing to a string cannot fail.
        let _written = writeln!(text, "(allow file-write* ({filter} {path}))");
    }
    if let Network::Ports(ports) = network {
        text.push_str(NO_INTERNET);
        for port in ports {
            let _written = writeln!(text, "(allow network-outbound (remote tcp \"*:{port}\"))");
        }
    }
    Ok(text)
}

/// The path as a string of the language.
fn quoted(place: &Place) -> Result<String, SandboxError> {
    let refused =
        |reason: &str| SandboxError::Place { path: place.path.clone(), reason: reason.to_owned() };
    let path = place.path.to_str().ok_or_else(|| refused("its name is no text"))?;
    if !place.path.is_absolute() {
        return Err(refused("it is relative"));
    }
    if path.chars().any(char::is_control) {
        return Err(refused("there are control characters in its name"));
    }
    // Parentheses, semicolons and everything else mean nothing inside of quotes.
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    fn directory(path: &str) -> Place {
        Place { path: path.into(), is_directory: true }
    }

    #[test]
    fn a_confinement_is_said_in_the_systems_language() {
        let answer = Place { path: "/private/answer.md".into(), is_directory: false };
        let places = [directory("/private/tmp"), answer];
        let said = of(&places, &Network::Ports(vec![443, 8080])).unwrap();
        let expected = r##"(version 1)
(allow default)
(deny file-write*)
(allow file-write*
    (literal "/dev/null")
    (literal "/dev/zero")
    (literal "/dev/random")
    (literal "/dev/urandom")
    (literal "/dev/tty")
    (literal "/dev/ptmx")
    (literal "/dev/dtracehelper")
    (subpath "/dev/fd")
    (regex #"^/dev/ttys[0-9]+$"))
(allow file-write* (subpath "/private/tmp"))
(allow file-write* (literal "/private/answer.md"))
(deny network-outbound (remote ip "*:*"))
(deny network-inbound (local ip "*:*"))
(deny network-bind (local ip "*:*"))
(allow network-outbound (remote tcp "*:443"))
(allow network-outbound (remote tcp "*:8080"))
"##;
        assert_eq!(said, expected);
    }

    #[test]
    fn an_open_network_is_not_mentioned_and_a_closed_one_has_no_exception() {
        assert!(!of(&[], &Network::Open).unwrap().contains("network"));
        let closed = of(&[], &Network::Ports(Vec::new())).unwrap();
        assert!(closed.contains("(deny network-outbound") && !closed.contains("(allow network"));
    }

    /// What a reader of the language makes of a text: its lists, and its strings as they are meant.
    fn read(text: &str) -> (usize, Vec<String>) {
        let (mut lists, mut depth, mut strings) = (0, 0, Vec::new());
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '(' if depth == 0 => (lists, depth) = (lists + 1, 1),
                '(' => depth += 1,
                ')' => depth -= 1,
                ';' => panic!("a comment"),
                '"' => {
                    let mut string = String::new();
                    loop {
                        match rest.next().expect("the end of a string") {
                            '"' => break,
                            '\\' => string.extend(rest.next()),
                            other => string.push(other),
                        }
                    }
                    strings.push(string);
                }
                _ => {}
            }
        }
        assert_eq!(depth, 0, "{text}");
        (lists, strings)
    }

    #[test]
    fn a_path_is_never_more_than_a_path() {
        let plain = read(&of(&[directory("/plain")], &Network::Open).unwrap()).0;
        for path in [
            r#"/a")) (allow file-write* (subpath "/"#,
            r#"/a\")) (allow file-write* (subpath \"/"#,
            r#"/ends with a backslash\"#,
            r#"/"; the rest is silence"#,
            "/a (b) [c] #\"d\" 'e' `f` $HOME ~ *",
            "/größe/ключ/鍵",
        ] {
            let (lists, strings) = read(&of(&[directory(path)], &Network::Open).unwrap());
            assert_eq!(lists, plain, "{path}");
            assert_eq!(strings.last().map(String::as_str), Some(path));
        }
        for bytes in [&b"/a\n(allow default)"[..], b"/a\x00", b"/a\x7f", b"/\xff", b"relative", b""]
        {
            let place = Place { path: OsStr::from_bytes(bytes).into(), is_directory: true };
            let refused = of(&[place], &Network::Open);
            assert!(matches!(refused, Err(SandboxError::Place { .. })), "{bytes:?}: {refused:?}");
        }
    }
}
