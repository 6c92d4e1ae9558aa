//! The agent itself: plays a script in the current directory.
//!
//! Runs in a process of its own, below the daemon, and is the one place in this module that reads, writes, spawns and
//! waits. It keeps no state but the files that the script writes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::domain::agent::Stage;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::protocol::{Line, Told};
use super::script::{Action, Class, Content, Fail, Script, Spent, Step};

mod body;

/// Exit code when there is no readable script or no step for the turn (`EX_CONFIG`).
pub const NO_STEP: i32 = 78;

/// Exit code when an action is impossible (`EX_IOERR`).
pub const CANNOT: i32 = 74;

/// Where sessions are kept, below the home.
pub const SESSIONS: &str = ".scripted/sessions";

/// The turn to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// The work item, as people call it.
    pub item: String,
    /// What the model would be doing.
    pub stage: Stage,
    /// The iteration, from 1.
    pub round: u32,
    /// The session id to report.
    pub session: String,
    /// Whether it goes on with that session, which must be there then.
    pub resumes: bool,
    /// Where it keeps its sessions, if it does: the prompts that each was given.
    pub sessions: Option<PathBuf>,
    /// The model to report when the script names none.
    pub model: Option<String>,
    /// The present.
    pub now: Timestamp,
}

impl Cue {
    /// Reads the `ENACT_*` variables that the adapter sets; what is missing gets a value that fits the first turn.
    #[must_use]
    pub fn from_variables(variables: &BTreeMap<String, String>, now: Timestamp) -> Self {
        let text = |name: &str| variables.get(name).cloned().unwrap_or_default();
        let resumed = variables.get("ENACT_RESUME").cloned();
        Self {
            item: text("ENACT_ITEM"),
            stage: Stage::parse(&text("ENACT_STAGE")).unwrap_or(Stage::Coder),
            round: text("ENACT_ROUND").parse().unwrap_or(1),
            resumes: resumed.is_some(),
            session: resumed.unwrap_or_else(|| text("ENACT_SESSION")),
            sessions: None,
            model: Some(text("ENACT_MODEL")).filter(|model| !model.is_empty()),
            now,
        }
    }
}

/// Longest line that is read, in bytes.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// `prompt` as the agent reads it.
#[must_use]
pub(super) fn as_prompt(prompt: &str) -> String {
    // A text is always to be written as JSON.
    serde_json::to_string(&Told::Prompt(prompt.to_owned())).unwrap_or_default() + "\n"
}

/// Plays the step of `script` that fits the turn, reading the prompt first; returns the exit code for the process.
pub fn play(script: &Path, stdin: &mut dyn BufRead, cue: &Cue, stdout: &mut dyn Write) -> i32 {
    // A prompt that cannot be read fits no step.
    let prompt = match told(stdin) {
        Ok(Told::Prompt(text) | Told::Instruction(text)) => text,
        Err(_) => String::new(),
    };
    let prompt = prompt.as_str();
    let directory = script.parent().unwrap_or_else(|| Path::new("."));
    let parsed = fs::read_to_string(script)
        .map_err(|error| error.to_string())
        .and_then(|text| toml::from_str::<Script>(&text).map_err(|error| error.to_string()));
    let blanks = Blanks::new(prompt, cue, directory);
    let session = cue.sessions.as_ref().map(|sessions| sessions.join(&cue.session));
    let (now, answer) = (cue.now, None);
    let mut performance = Performance { stdin, stdout, blanks, prompt, now, session, answer };
    let played = match parsed {
        Ok(script) => performance.play(&script, cue),
        Err(reason) => {
            let script = script.display();
            performance.refuse(&format!("cannot read the script {script}: {reason}"))
        }
    };
    played.unwrap_or_else(|error| performance.give_up(&error))
}

/// What it is told next.
fn told(stdin: &mut dyn BufRead) -> io::Result<Told> {
    let mut line = Vec::new();
    let _count = stdin.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Words of a text that the turn fills in.
struct Blanks(Vec<(&'static str, String)>);

impl Blanks {
    fn new(prompt: &str, cue: &Cue, script_directory: &Path) -> Self {
        let line = |name: &str| {
            let found = prompt.lines().find_map(|line| line.strip_prefix(name));
            found.map(|rest| rest.trim().to_owned()).unwrap_or_default()
        };
        Self(vec![
            ("{{item}}", cue.item.clone()),
            ("{{stage}}", cue.stage.word().to_owned()),
            ("{{round}}", cue.round.to_string()),
            ("{{session}}", cue.session.clone()),
            ("{{script_dir}}", script_directory.display().to_string()),
            ("{{nonce}}", line("Nonce:")),
            ("{{commit}}", line("Commit:")),
        ])
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (blank, value)| text.replace(blank, value))
    }
}

struct Performance<'a> {
    stdin: &'a mut dyn BufRead,
    stdout: &'a mut dyn Write,
    blanks: Blanks,
    prompt: &'a str,
    now: Timestamp,
    session: Option<PathBuf>,
    answer: Option<String>,
}

impl Performance<'_> {
    fn play(&mut self, script: &Script, cue: &Cue) -> io::Result<i32> {
        let model = script.model.clone().or_else(|| cue.model.clone());
        self.print(&Line::Session { id: cue.session.clone(), model })?;
        if let Some(refused) = self.open_session(cue)? {
            return Ok(refused);
        }
        let Some(step) = script.steps.iter().find(|step| self.fits(step, cue)) else {
            let (item, stage, round) = (&cue.item, cue.stage.word(), cue.round);
            return self.refuse(&format!("no step for {item}, {stage}, round {round}"));
        };
        for action in &step.actions {
            if let Some(code) = self.perform(action)? {
                return Ok(code);
            }
        }
        let text = self.answer.take().unwrap_or_default();
        self.print(&Line::Result { text, failure: None })?;
        Ok(0)
    }

    /// Adds the prompt to its session; an exit code when it shall go on with one that is not there.
    fn open_session(&mut self, cue: &Cue) -> io::Result<Option<i32>> {
        let Some(file) = self.session.clone() else { return Ok(None) };
        if cue.resumes && !file.is_file() {
            let message = format!("no conversation found with session {}", cue.session);
            let failure = Some(Failure::new(FailureClass::Agent, message));
            self.print(&Line::Result { text: String::new(), failure })?;
            return Ok(Some(1));
        }
        create_parent(&file.to_string_lossy())?;
        let mut kept = fs::OpenOptions::new().create(true).append(true).open(file)?;
        writeln!(kept, "{}", self.prompt)?;
        Ok(None)
    }

    fn fits(&self, step: &Step, cue: &Cue) -> bool {
        let exists = |path: &String| Path::new(&self.blanks.fill(path)).exists();
        step.item.as_ref().is_none_or(|item| *item == cue.item)
            && step.stage.is_none_or(|stage| stage == cue.stage)
            && step.round.is_none_or(|round| round == cue.round)
            && step
                .when_prompt_contains
                .as_ref()
                .is_none_or(|text| self.prompt.contains(text.as_str()))
            && step.resumed.is_none_or(|resumed| resumed == cue.resumes)
            && step.when_file.as_ref().is_none_or(exists)
            && !step.unless_file.as_ref().is_some_and(exists)
    }

    /// Performs one action; an exit code ends the play.
    fn perform(&mut self, action: &Action) -> io::Result<Option<i32>> {
        match action {
            Action::Write(content) => self.write(content)?,
            Action::Append(content) => self.append(content)?,
            Action::Delete(path) => fs::remove_file(self.blanks.fill(path))?,
            Action::SavePrompt(path) => {
                let path = self.blanks.fill(path);
                create_parent(&path)?;
                fs::write(path, self.prompt)?;
            }
            Action::SaveSession(path) => {
                let path = self.blanks.fill(path);
                create_parent(&path)?;
                let session = self.session.as_ref().map(fs::read).transpose()?;
                fs::write(path, session.unwrap_or_default())?;
            }
            Action::Run(command) => self.run(command)?,
            Action::Say(text) => self.print(&Line::Text { text: self.blanks.fill(text) })?,
            Action::Answer(text) => {
                let text = self.blanks.fill(text);
                self.print(&Line::Text { text: text.clone() })?;
                self.answer = Some(text);
            }
            Action::Print(text) => self.raw(self.blanks.fill(text).into_bytes())?,
            Action::Garbage(bytes) => self.raw(vec![0xFE; *bytes])?,
            Action::LongLine(bytes) => self.print(&Line::Text { text: "x".repeat(*bytes) })?,
            Action::Tool(tool) => {
                let (name, arguments) = (tool.name.clone(), self.blanks.fill(&tool.arguments));
                let line = Line::Tool { name, arguments };
                (0..tool.times).try_for_each(|_| self.print(&line))?;
            }
            Action::FailTool(tool) => {
                let (name, message) = (tool.name.clone(), self.blanks.fill(&tool.message));
                let line = Line::ToolFailed { name, message };
                (0..tool.times).try_for_each(|_| self.print(&line))?;
            }
            Action::Usage(spent) => self.print(&Line::Usage { usage: usage(spent) })?,
            Action::Retry(message) => self.print(&Line::Retrying { message: message.clone() })?,
            Action::AwaitInstruction(path) => {
                let (Told::Prompt(text) | Told::Instruction(text)) = told(self.stdin)?;
                let path = self.blanks.fill(path);
                create_parent(&path)?;
                fs::write(path, text)?;
            }
            Action::Wait(milliseconds) => body::wait(*milliseconds),
            Action::Linger(command) => body::linger(&self.blanks.fill(command), false)?,
            Action::LingerHoldingOutput(command) => body::linger(&self.blanks.fill(command), true)?,
            Action::Hang => body::hang(),
            Action::IgnoreTerminate => body::ignore_terminate()?,
            Action::Exit(code) => return Ok(Some(*code)),
            Action::Crash(signal) => body::crash(*signal),
            Action::Fail(fail) => return self.fail(fail).map(Some),
        }
        Ok(None)
    }

    fn write(&self, content: &Content) -> io::Result<()> {
        let path = self.blanks.fill(&content.path);
        create_parent(&path)?;
        fs::write(path, self.blanks.fill(&content.text))
    }

    fn append(&self, content: &Content) -> io::Result<()> {
        let path = self.blanks.fill(&content.path);
        create_parent(&path)?;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(self.blanks.fill(&content.text).as_bytes())
    }

    fn run(&mut self, command: &str) -> io::Result<()> {
        let command = self.blanks.fill(command);
        let name = "shell".to_owned();
        self.print(&Line::Tool { name: name.clone(), arguments: command.clone() })?;
        match body::run(&command)? {
            None => Ok(()),
            Some(message) => self.print(&Line::ToolFailed { name, message }),
        }
    }

    fn fail(&mut self, fail: &Fail) -> io::Result<i32> {
        let after =
            fail.in_seconds.map(|seconds| self.now.after(std::time::Duration::from_secs(seconds)));
        let until = fail.until.map(|seconds| Timestamp(seconds * 1000)).or(after);
        let class = match fail.class {
            Class::Agent => FailureClass::Agent,
            Class::Infrastructure => FailureClass::Infrastructure,
            Class::Throttled => FailureClass::Throttled { until },
            Class::Quota => FailureClass::Quota { until },
            Class::Authentication => FailureClass::Authentication,
            Class::Configuration => FailureClass::Configuration,
            Class::ContextOverflow => FailureClass::ContextOverflow,
        };
        let said = self.blanks.fill(&fail.message);
        let message =
            if said.is_empty() { format!("scripted failure: {}", class.word()) } else { said };
        let text = self.answer.take().unwrap_or_default();
        self.print(&Line::Result { text, failure: Some(Failure::new(class, message)) })?;
        Ok(1)
    }

    /// An action was impossible. That standard output is closed may be the reason.
    fn give_up(&mut self, error: &io::Error) -> i32 {
        let failure = Failure::infrastructure(format!("the script cannot be played: {error}"));
        let line = Line::Result { text: String::new(), failure: Some(failure) };
        let _closed = self.print(&line);
        CANNOT
    }

    fn refuse(&mut self, reason: &str) -> io::Result<i32> {
        let failure = Failure::new(FailureClass::Configuration, reason);
        self.print(&Line::Result { text: String::new(), failure: Some(failure) })?;
        Ok(NO_STEP)
    }

    fn print(&mut self, line: &Line) -> io::Result<()> {
        self.raw(serde_json::to_vec(line)?)
    }

    fn raw(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.stdout.write_all(&line)?;
        self.stdout.flush()
    }
}

fn create_parent(path: &str) -> io::Result<()> {
    match Path::new(path).parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::create_dir_all(parent),
        Some(_) | None => Ok(()),
    }
}

fn usage(spent: &Spent) -> Usage {
    Usage {
        input_tokens: spent.input_tokens,
        output_tokens: spent.output_tokens,
        cache_read_tokens: spent.cache_read_tokens,
        cache_write_tokens: spent.cache_write_tokens,
        cost_micro_usd: spent.cost_micro_usd.unwrap_or(0),
        unpriced_calls: u32::from(spent.cost_micro_usd.is_none()),
    }
}
