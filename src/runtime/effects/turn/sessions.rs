//! Conversations that outlive a turn: when one was cut short, what its agent keeps of it is put by, and given to the next
//! turn of the same round, stage and agent. Everything else in an agent's home ends with its turn.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::agents::{self, AgentEvent, AgentSettings, Opening, ProcessEnd, TurnSummary};
use crate::domain::agent::{ExitEvidence, Stage, TurnEnding};
use crate::domain::bounds;
use crate::domain::budget::Usage;
use crate::domain::change::{Change, Workspace};
use crate::pipeline::input::Input;
use crate::pipeline::prompt::enrichment::Handover;
use crate::pipeline::resumption;
use crate::pipeline::state::{RunState, TurnRecord};
use crate::process::journal;
use crate::runtime::agents::{discard_home, discard_session};
use crate::runtime::keeper::place::JOURNAL;

use super::super::{Done, Ports};

/// Most bytes of a conversation that are kept; a larger one is not continued.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Most files and directories of a conversation that are kept.
const MOST_ENTRIES: usize = 10_000;

/// About how many bytes of a journal are read at once.
const PORTION: usize = 1024 * 1024;

/// Most portions of a journal that are looked at, besides the first one, which names the session: the last ones, where the
/// last words are.
const MOST_PORTIONS: usize = 4;

/// Most bytes of an agent's last words that the next one is told.
const MOST_SAID: usize = 4_000;

/// What an earlier turn means for the one to be prepared.
#[derive(Default)]
pub(super) struct Earlier {
    /// What is said of it.
    pub(super) handover: Option<Handover>,
    /// The conversation that goes on, if one does; its files are in the new home.
    pub(super) resumed: Option<Resumed>,
}

/// A conversation that goes on.
pub(super) struct Resumed {
    /// The turn that it was in last.
    pub(super) turn: u32,
    /// The agent's id of it.
    pub(super) session: String,
    /// What its turns have used.
    pub(super) used: Usage,
}

/// Finds out what the next turn of `state` goes on with, and puts the files of a conversation into its `home`.
pub(super) async fn take_up(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
    settings: &AgentSettings,
    home: &Path,
) -> Earlier {
    let Some(record) = resumption::cut_short(state) else { return Earlier::default() };
    let seen = replay(ports, state, record);
    let resumed = resumption::continued(state).and_then(|last| {
        let session = restored(ports, state, last, settings, home)?;
        Some(Resumed { turn: last.turn, session, used: resumption::used(state, last) })
    });
    let said = seen.as_ref().map(|seen| ports.redactor.redact(&seen.text).into_owned());
    let calls = record.report.as_ref().map(|report| report.tool_calls);
    let handover = Handover {
        resumed: resumed.is_some(),
        turn: record.turn,
        agent: record.agent.clone(),
        reason: record.report.as_ref().and_then(|it| Some(it.failure()?.message.clone())),
        tool_calls: calls.or(seen.map(|seen| seen.tool_calls)).unwrap_or_default(),
        said: bounds::last_bytes(&said.unwrap_or_default(), MOST_SAID),
        committed: committed(ports, workspace, record).await,
    };
    Earlier { handover: Some(handover), resumed }
}

/// Deals with the home of a turn that is over: keeps its conversation when the next turn may go on with that.
pub(super) fn retire(ports: &Ports, state: &RunState, turn: u32, done: &Done) {
    let ended = match done {
        Done::Run(Input::TurnFinished(finished)) => Some(&finished.report.ending),
        Done::Run(_)
        | Done::Stopped
        | Done::Tracker(_)
        | Done::Created(_)
        | Done::Claimed(_)
        | Done::Released(_) => None,
    };
    if let Some(ending) = ended {
        if resumption::keeps_conversation(ending) {
            keep(ports, state, turn);
        }
        (1..turn).for_each(|earlier| discard_session(&ports.dirs, state.id, earlier));
    }
    discard_home(&ports.dirs, state.id, turn);
}

/// Puts the conversation of `turn` by.
fn keep(ports: &Ports, state: &RunState, turn: u32) {
    let Some(settings) = agent_of(ports, state, turn) else { return };
    let files = agents::adapter(settings.kind).session_files(settings);
    let (home, kept) = (ports.dirs.home(state.id, turn), ports.dirs.session(state.id, turn));
    if let Err(error) = put_by(&home, files, &kept) {
        discard_session(&ports.dirs, state.id, turn);
        if error.kind() == io::ErrorKind::NotFound {
            return;
        }
        tracing::info!(run.id = %state.id, turn, %error, "the conversation is not kept; the next turn begins a new one");
    }
}

fn agent_of<'a>(ports: &'a Ports, state: &RunState, turn: u32) -> Option<&'a AgentSettings> {
    let recorded = state.turn(turn).map(|record| record.agent.as_str());
    ports.agents.get(recorded.or_else(|| state.agent())?).ok()
}

/// Gives the conversation of `last` to the next turn; the agent's id of it.
fn restored(
    ports: &Ports,
    state: &RunState,
    last: &TurnRecord,
    settings: &AgentSettings,
    home: &Path,
) -> Option<String> {
    if ports.dirs.home(state.id, last.turn).exists() {
        // It went down with its daemon.
        keep(ports, state, last.turn);
        discard_home(&ports.dirs, state.id, last.turn);
    }
    let kept = ports.dirs.session(state.id, last.turn);
    let files = agents::adapter(settings.kind).session_files(settings);
    if files.is_empty() || !kept.is_dir() {
        return None;
    }
    let reported = last.report.as_ref().and_then(|report| report.session.clone());
    let chosen = agents::capabilities(settings.kind).session_chosen_by_us;
    let known = (chosen || last.resumes.is_some()).then(|| last.session.clone());
    let session =
        reported.or_else(|| replay(ports, state, last).and_then(|seen| seen.session)).or(known)?;
    match copy(&kept, home) {
        Ok(()) => Some(session),
        Err(error) => {
            tracing::warn!(run.id = %state.id, %error, "a kept conversation could not be continued; a new one begins");
            None
        }
    }
}

/// What is committed of a turn's work.
async fn committed(
    ports: &Ports,
    workspace: &Workspace,
    record: &TurnRecord,
) -> Option<(String, Vec<String>)> {
    if record.stage != Stage::Coder {
        return None;
    }
    let since = Workspace { base_commit: record.head.clone(), ..workspace.clone() };
    let change: Change = ports.workspaces.measure(&since).await.ok()?;
    (!change.is_empty()).then(|| (change.stat(), change.files))
}

/// What a turn's journal tells, as far as it is there and its agent is still configured.
fn replay(ports: &Ports, state: &RunState, record: &TurnRecord) -> Option<TurnSummary> {
    let settings = ports.agents.get(&record.agent).ok()?;
    let scratch = ports.dirs.turn(state.id, record.turn).ok()?;
    let lines = journal(&scratch.join(JOURNAL)).ok()?;
    let adapter = agents::adapter(settings.kind);
    let mut transcript = if settings.conversation {
        let (session, prompt) = (serde_json::Value::Null, String::new());
        let used = Usage::default();
        adapter.conversation(Opening { session, resume: None, used, prompt, read_only: true })
    } else {
        adapter.transcript()
    };
    let mut said = None;
    for event in lines.iter().flat_map(|line| transcript.line(line)) {
        if let AgentEvent::Text(text) = event {
            said = Some(text);
        }
    }
    let (exit, now) = (ExitEvidence::default(), ports.clock.now());
    let stopped = Some(TurnEnding::Cancelled);
    let seen = transcript.finish(ProcessEnd { exit, stderr_tail: "", answer: None, now, stopped });
    Some(TurnSummary { text: said.unwrap_or(seen.text), ..seen })
}

/// The lines of a journal; of a long one the beginning and the end.
fn journal(path: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut tail = VecDeque::new();
    let mut from = 0;
    while let Some(portion) = journal::read(path, from, PORTION)? {
        from = portion.from + portion.bytes.len() as u64;
        let text = String::from_utf8_lossy(&portion.bytes);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if found.is_empty() {
            found = lines;
            continue;
        }
        tail.push_back(lines);
        if tail.len() > MOST_PORTIONS {
            tail.pop_front();
        }
    }
    found.extend(tail.into_iter().flatten());
    Ok(found)
}

/// Moves the files at `paths` below `home` to the same places below `kept`. Nothing that a link leads to is touched.
fn put_by(home: &Path, paths: &[&str], kept: &Path) -> io::Result<()> {
    let mut room = Room { bytes: MOST_BYTES, entries: MOST_ENTRIES };
    let mut found = false;
    for path in paths.iter().filter(|path| leads_nowhere_else(home, Path::new(path))) {
        room.measure(&home.join(path))?;
        let target = kept.join(path);
        private_parent(&target)?;
        fs::rename(home.join(path), target)?;
        found = true;
    }
    // An agent that was refused at once has none.
    if found { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Whether every step of `path` below `home` is there and no link.
fn leads_nowhere_else(home: &Path, path: &Path) -> bool {
    let mut place = PathBuf::from(home);
    path.components().all(|step| {
        place.push(step);
        let plain = matches!(step, Component::Normal(_));
        plain && place.symlink_metadata().is_ok_and(|found| !found.is_symlink())
    })
}

/// What may still be kept.
struct Room {
    bytes: u64,
    entries: usize,
}

impl Room {
    /// Takes what is at `path` off; an error when it is too much.
    fn measure(&mut self, path: &Path) -> io::Result<()> {
        let found = path.symlink_metadata()?;
        let too_much = || io::Error::other("it is too large");
        self.entries = self.entries.checked_sub(1).ok_or_else(too_much)?;
        if found.is_dir() {
            return fs::read_dir(path)?.try_for_each(|entry| self.measure(&entry?.path()));
        }
        self.bytes = self.bytes.checked_sub(found.len()).ok_or_else(too_much)?;
        Ok(())
    }
}

/// Copies files and directories; links and whatever else there is stays behind.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = from.symlink_metadata()?;
    if found.is_dir() {
        private_parent(&to.join("entry"))?;
        return fs::read_dir(from)?.try_for_each(|entry| {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))
        });
    }
    if found.is_file() {
        fs::copy(from, to)?;
    }
    Ok(())
}

fn private_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(path);
    crate::runtime::state_dir::private_dir(parent).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        _directory: tempfile::TempDir,
        home: PathBuf,
        kept: PathBuf,
        next: PathBuf,
    }

    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let [home, kept, next] = ["home", "kept", "next"].map(|it| directory.path().join(it));
        fs::create_dir_all(home.join(".agent/sessions/today")).unwrap();
        fs::create_dir(&next).unwrap();
        fs::write(home.join(".agent/sessions/today/one.jsonl"), "hello").unwrap();
        fs::write(home.join(".agent/hooks"), "evil").unwrap();
        Place { _directory: directory, home, kept, next }
    }

    #[test]
    fn only_the_conversation_reaches_the_next_home() {
        let Place { home, kept, next, .. } = &place();
        symlink("/etc/passwd", home.join(".agent/sessions/link")).unwrap();
        put_by(home, &[".agent/sessions", ".agent/absent"], kept).unwrap();
        fs::remove_dir_all(home).unwrap();
        copy(kept, next).unwrap();
        let file = next.join(".agent/sessions/today/one.jsonl");
        assert_eq!(fs::read_to_string(file).unwrap(), "hello");
        assert!(!next.join(".agent/hooks").exists());
        assert!(next.join(".agent/sessions/link").symlink_metadata().is_err());
        copy(kept, next).unwrap();
    }

    #[test]
    fn a_link_on_the_way_leads_nowhere() {
        let Place { home, kept, .. } = &place();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(elsewhere.path().join("sessions")).unwrap();
        fs::remove_dir_all(home.join(".agent")).unwrap();
        symlink(elsewhere.path(), home.join(".agent")).unwrap();
        assert!(put_by(home, &[".agent/sessions"], kept).is_err());
        assert!(elsewhere.path().join("sessions").is_dir());
    }

    #[test]
    fn nothing_and_too_much_are_not_kept() {
        let Place { home, kept, .. } = &place();
        assert!(put_by(home, &[".other"], kept).is_err());
        let large = fs::File::create(home.join(".agent/sessions/large")).unwrap();
        large.set_len(MOST_BYTES).unwrap();
        assert!(put_by(home, &[".agent/sessions"], kept).is_err());
        assert!(home.join(".agent/sessions/large").exists(), "it stays where it ends");
    }

    #[test]
    fn of_a_long_journal_the_beginning_and_the_end_are_read() {
        let Place { home, .. } = &place();
        let path = home.join("journal");
        let filler = "x".repeat(1023) + "\n";
        fs::write(&path, format!("first\n{}last\n", filler.repeat(6 * 1024))).unwrap();
        let found = journal(&path).unwrap();
        assert_eq!((found[0].as_str(), found.last().unwrap().as_str()), ("first", "last"));
        assert!(found.len() < 6 * 1024);
    }
}
