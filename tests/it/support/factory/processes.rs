//! The processes that are there because of a factory, found without the program's own help: by its directory in their
//! environment or as their working directory, and below those.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its id.
    pub(crate) pid: u32,
    /// What it runs.
    pub(crate) command: String,
}

impl Found {
    /// Ends it the hard way.
    pub(crate) fn kill(&self) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }
}

struct Entry {
    parent: u32,
    marked: bool,
    command: String,
}

/// Every process with `root` in its environment or as part of its working directory, everything with the mark of the
/// state directory, and all their descendants; without `except`, whose children count all the same.
pub(crate) fn because_of(root: &Path, state: &Path, except: Option<u32>) -> Vec<Found> {
    let instance = fs::read_to_string(state.join("instance-id")).unwrap_or_default();
    let mark = format!("ENACT_FACTORY_RUN={}:", instance.trim());
    let mut needles = vec![root.display().to_string()];
    if !instance.trim().is_empty() {
        needles.push(mark);
    }
    let entries = table(&needles, root);
    let mut ours: BTreeSet<u32> =
        entries.iter().filter(|(_, entry)| entry.marked).map(|(pid, _)| *pid).collect();
    ours.extend(except);
    loop {
        let more: Vec<u32> = entries
            .iter()
            .filter(|(pid, entry)| ours.contains(&entry.parent) && !ours.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        ours.extend(more);
    }
    ours.into_iter()
        .filter(|pid| Some(*pid) != except && *pid != std::process::id())
        .filter_map(|pid| entries.get(&pid).map(|it| Found { pid, command: it.command.clone() }))
        .collect()
}

#[cfg(target_os = "linux")]
fn table(needles: &[String], root: &Path) -> BTreeMap<u32, Entry> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return found };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let path = entry.path();
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        // `pid (name) state parent …`; the name may contain anything.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let (state, parent) = (fields.next().unwrap_or("Z"), fields.next());
        if state == "Z" || state == "X" {
            continue;
        }
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let inside = fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(root));
        let marked = needles.iter().any(|needle| contains(&environment, needle.as_bytes()));
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let parent = parent.and_then(|text| text.parse().ok()).unwrap_or(0);
        found.insert(pid, Entry { parent, marked: marked || inside, command });
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn table(needles: &[String], _root: &Path) -> BTreeMap<u32, Entry> {
    let output = std::process::Command::new("ps")
        .args(["-axEww", "-o", "pid=,ppid=,stat=,command="])
        .output()
        .expect("ps");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let state = words.next()?;
        let command = words.collect::<Vec<_>>().join(" ");
        let marked = needles.iter().any(|needle| contains(line.as_bytes(), needle.as_bytes()));
        (!state.starts_with('Z')).then_some((pid, Entry { parent, marked, command }))
    });
    rows.collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
