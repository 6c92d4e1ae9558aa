//! The process table of Linux: `/proc`.

use std::fs;
use std::io;
use std::sync::OnceLock;

use crate::process::marker;
use crate::process::process_table::Entry;

/// Every process; environments only of those started at `since` or later.
pub(super) fn read(since: u64) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in fs::read_dir("/proc")? {
        let name = file?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ended since the directory was listed is simply not there any more.
        let Some(mut found) = entry(pid) else { continue };
        if found.started >= since && !found.zombie {
            found.mark = mark(pid);
        }
        entries.push(found);
    }
    Ok(entries)
}

/// The process with this number, without its mark.
pub(super) fn entry(pid: u32) -> Option<Entry> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(pid, &String::from_utf8_lossy(&stat))
}

/// Ticks since boot are only unique within a boot, so the boot's id is part of the name.
pub(super) fn start_time(started: u64) -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    let boot = BOOT.get_or_init(|| {
        fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    });
    format!("{boot}:{started}")
}

/// Fields after the name, which is in parentheses and may itself contain spaces and parentheses. Field numbers are those
/// of proc(5), where the state is number 3.
fn parse_stat(pid: u32, stat: &str) -> Option<Entry> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |at: usize| field(at).and_then(|text| text.parse::<u64>().ok());
    // Session and group are -1 or 0 for kernel threads and for processes outside our namespace.
    let small = |at: usize| number(at).and_then(|value| u32::try_from(value).ok());
    let threads = number(20).unwrap_or(0);
    Some(Entry {
        pid,
        parent: small(4)?,
        group: small(5).unwrap_or(0),
        session: small(6).unwrap_or(0),
        started: number(22)?,
        // The first thread of a process may be gone while others run on; that is no zombie yet.
        zombie: matches!(field(3), Some("Z" | "X" | "x")) && threads <= 1,
        mark: None,
    })
}

/// Unreadable (another user's, or gone) counts as unmarked: descent still finds such a process.
fn mark(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment
        .split(|byte| *byte == 0)
        .find_map(|pair| {
            pair.strip_prefix(marker::VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
        })
        .map(|value| String::from_utf8_lossy(value).into_owned())
}
