//! The agent of the benchmarks: reads its prompt, notes when it had it, waits, answers, notes when it ended.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// First argument that turns this program into the agent.
pub const SUBCOMMAND: &str = "agent";

/// Second argument for an agent that is talked to while it works.
pub const STEERED: &str = "steered";

/// What the agent noted about one turn; instants in nanoseconds since the epoch.
#[derive(Debug, Clone)]
pub struct Turn {
    pub item: String,
    pub stage: String,
    pub process: u32,
    pub prompted: u128,
    /// Absent while it runs, and when it was killed.
    pub ended: Option<u128>,
}

/// Plays one turn. Arguments: the file for notes, and milliseconds to wait.
pub fn play(arguments: &[String]) {
    if let [first, notes] = arguments
        && first == STEERED
    {
        return listen(Path::new(notes));
    }
    let [notes, wait, ..] = arguments else { panic!("agent NOTES MILLISECONDS") };
    let mut prompt = String::new();
    std::io::stdin().read_to_string(&mut prompt).expect("a prompt");
    let item = std::env::var("ENACT_ITEM").unwrap_or_default();
    let stage = std::env::var("ENACT_STAGE").unwrap_or_default();
    let note = |word: &str| {
        let line = format!("{word} {item} {stage} {} {}\n", std::process::id(), now());
        let mut file = OpenOptions::new().append(true).create(true).open(notes).expect("notes");
        file.write_all(line.as_bytes()).expect("notes");
    };
    note("prompted");
    std::thread::sleep(Duration::from_millis(wait.parse().expect("milliseconds")));
    println!("{}", answer(&stage, &item, &prompt));
    note("ended");
}

/// Reads line after line, as Claude Code does with stream-JSON, and notes when it had each, until nobody talks any more.
fn listen(notes: &Path) {
    println!(r#"{{"type":"system","subtype":"init","session_id":"bench","model":"bench"}}"#);
    let mut file = OpenOptions::new().append(true).create(true).open(notes).expect("notes");
    for line in std::io::stdin().lock().lines() {
        let at = now();
        if line.is_ok_and(|line| line.contains(r#""type":"user""#)) {
            file.write_all(format!("{STEERED} {at}\n").as_bytes()).expect("notes");
        }
    }
}

/// When the agent had each line that was said to it, its prompt first.
pub fn steered(notes: &Path) -> Vec<u128> {
    let text = fs::read_to_string(notes).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix(STEERED)?.trim().parse().ok()).collect()
}

fn answer(stage: &str, item: &str, prompt: &str) -> String {
    if stage == "coder" {
        fs::write(format!("work-{item}.txt"), "done\n").expect("a writable worktree");
        return r#"{"summary": "wrote a line"}"#.to_owned();
    }
    let word = |name: &str| {
        let line = prompt.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    serde_json::json!({
        "nonce": word("Nonce: "), "verdict": "APPROVE", "commit": word("Commit: "), "findings": [], "criteria": [],
    })
    .to_string()
}

/// Nanoseconds since the epoch.
pub fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// The turns noted so far, in the order of their prompts.
pub fn turns(notes: &Path) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in fs::read_to_string(notes).unwrap_or_default().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [word, item, stage, process, at] = words.as_slice() else { continue };
        let (process, at) = (process.parse().unwrap_or(0), at.parse().unwrap_or(0));
        if *word == "prompted" {
            let (item, stage) = ((*item).to_owned(), (*stage).to_owned());
            turns.push(Turn { item, stage, process, prompted: at, ended: None });
        } else if let Some(turn) = turns.iter_mut().find(|turn| turn.process == process) {
            turn.ended = Some(at);
        }
    }
    turns
}
