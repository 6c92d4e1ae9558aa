//! The process table of systems without `/proc` (macOS): what `ps` prints.

use std::io;
use std::process::Command;

use chrono::NaiveDateTime;

use crate::process::marker;
use crate::process::process_table::Entry;

/// Every process; environments only of those started at `since` or later.
pub(super) fn read(since: u64) -> io::Result<Vec<Entry>> {
    let mut entries = parse(&list(&["-axEww"])?);
    for entry in entries.iter_mut().filter(|entry| entry.started < since) {
        entry.mark = None;
    }
    Ok(entries)
}

/// The process with this number.
pub(super) fn entry(pid: u32) -> Option<Entry> {
    let listing = list(&["-ww", "-p", &pid.to_string()]).ok()?;
    parse(&listing).into_iter().next()
}

/// Seconds since the epoch, as the listing rounds them.
pub(super) fn start_time(started: u64) -> String {
    started.to_string()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that starts programs")]
fn list(options: &[&str]) -> io::Result<String> {
    let output = Command::new("/bin/ps")
        .args(options)
        .args(["-o", "pid=,ppid=,pgid=,stat=,lstart=,command="])
        .env_clear()
        .env("LC_ALL", "C")
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One process per line; lines of any other form are left out.
fn parse(listing: &str) -> Vec<Entry> {
    listing.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let parent = words.next()?.parse().ok()?;
    let group = words.next()?.parse().ok()?;
    let zombie = words.next()?.starts_with('Z');
    let date: Vec<&str> = words.by_ref().take(5).collect();
    let started = NaiveDateTime::parse_from_str(&date.join(" "), "%a %b %e %H:%M:%S %Y").ok()?;
    let started = u64::try_from(started.and_utc().timestamp()).ok()?;
    // The environment follows the arguments, so the last such word is the variable even if an argument looks like it.
    let mark = words
        .rev()
        .find_map(|word| word.strip_prefix(marker::VARIABLE)?.strip_prefix('='))
        .map(str::to_owned);
    Some(Entry { pid, parent, group, session: 0, started, zombie, mark })
}

#[cfg(test)]
mod tests {
    use super::{Entry, parse};

    #[test]
    fn a_listing_is_read_with_marks_and_zombies() {
        let listing = "  501     1   501 Ss   Thu Nov 20 13:11:02 2025 /bin/sh -c x HOME=/h ENACT_FACTORY_RUN=ab:r-1 A=b\n\
                       garbage\n\
                       777   501   501 Z    Thu Nov  6 01:02:03 2025 (sh)\n";
        let expected = [
            Entry {
                pid: 501,
                parent: 1,
                group: 501,
                session: 0,
                started: 1_763_644_262,
                zombie: false,
                mark: Some("ab:r-1".to_owned()),
            },
            Entry {
                pid: 777,
                parent: 501,
                group: 501,
                session: 0,
                started: 1_762_390_923,
                zombie: true,
                mark: None,
            },
        ];
        assert_eq!(parse(listing), expected);
    }
}
