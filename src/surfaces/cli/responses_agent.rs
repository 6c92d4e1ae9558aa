//! `responses-agent` (hidden): our own coding agent, as a process of its own.
//!
//! The key comes in the environment. Any program of the same user can read the environment that a process was started
//! with, and the programs that the model has executed are such; so the process starts itself again without the key, which
//! it hands over in a pipe.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Command;

use clap::Args;
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agents::responses::KEY_VARIABLE;
use crate::agents::responses::engine::world::{Pace, World};
use crate::agents::responses::engine::{self, task};
use crate::domain::failure::Failure;
use crate::process::adoption;
use crate::runtime::clock::{Clock as _, SystemClock};

use super::entry::Context;
use super::errors::CliError;
use super::signals::Interrupts;

/// Longest line with a prompt that is read, in bytes.
const LONGEST_PROMPT: u64 = 64 * 1024 * 1024;

/// Longest line with an instruction that is read, in bytes.
const LONGEST_INSTRUCTION: u64 = 1024 * 1024;

/// Instructions that may wait for the model's next step.
const WAITING: usize = 64;

/// Work on a task with a model server: the prompt comes on standard input, the key in the environment
#[derive(Debug, Args)]
pub(super) struct ResponsesAgent {
    /// What the agent is told
    #[arg(long, value_name = "FILE")]
    brief: PathBuf,
    /// The open pipe with the key
    #[arg(long, value_name = "NUMBER", hide = true)]
    key_from: Option<u32>,
}

/// Longest key that is handed over, in bytes: less than any system's pipe holds.
const LONGEST_KEY: usize = 4096;

pub(super) async fn execute(context: &Context, arguments: &ResponsesAgent) -> Result<u8, CliError> {
    let mut out = io::stdout();
    let brief = match task::read_brief(&arguments.brief) {
        Ok(brief) => brief,
        Err(failure) => return Ok(engine::refuse(failure, &mut out)),
    };
    let mut environment = context.surroundings.variables.clone();
    let key = match (arguments.key_from, environment.remove(KEY_VARIABLE)) {
        (Some(number), _) => {
            File::open(format!("/dev/fd/{number}")).and_then(io::read_to_string).map(Some)
        }
        (None, Some(key)) => Err(start_again_without(context, &key)),
        (None, None) => Ok(None),
    };
    let key = match key {
        Ok(key) => key,
        Err(error) => {
            let message = format!("the key cannot be kept from what the agent executes: {error}");
            return Ok(engine::refuse(Failure::infrastructure(message), &mut out));
        }
    };
    let mut input = match Input::open() {
        Ok(input) => input,
        Err(error) => {
            let message = format!("standard input cannot be read: {error}");
            return Ok(engine::refuse(Failure::infrastructure(message), &mut out));
        }
    };
    let first = input.line(LONGEST_PROMPT).await.unwrap_or_default();
    let prompt = match task::read_prompt(&first) {
        Ok(prompt) => prompt,
        Err(failure) => return Ok(engine::refuse(failure, &mut out)),
    };
    // What a tool leaves behind comes to this process, so that it can be ended with the tool.
    let _not_here = adoption::become_subreaper();
    environment.retain(|_, value| Some(&*value) != key.as_ref());
    let cancel = CancellationToken::new();
    let (say, instructions) = mpsc::channel(WAITING);
    let world = World {
        workspace: context.surroundings.cwd.clone(),
        environment,
        key: key.map(SecretString::from),
        instructions: Some(instructions),
        now: &|| SystemClock.now(),
        cancel: cancel.clone(),
        pace: Pace::default(),
    };
    let mut interrupts = Interrupts::listen()?;
    let mut turn = pin!(engine::run(&brief, prompt, world, &mut out));
    let mut hearing = pin!(input.pass_on(say));
    let mut heard_all = false;
    loop {
        tokio::select! {
            code = &mut turn => return Ok(code),
            () = interrupts.next() => cancel.cancel(),
            () = &mut hearing, if !heard_all => heard_all = true,
        }
    }
}

/// Standard input, line by line.
struct Input {
    lines: BufReader<pipe::Receiver>,
}

impl Input {
    fn open() -> io::Result<Self> {
        let file = File::open("/dev/stdin")?;
        Ok(Self { lines: BufReader::new(pipe::Receiver::from_file(file)?) })
    }

    /// The next line of at most `longest` bytes; `None` at the end.
    async fn line(&mut self, longest: u64) -> Option<String> {
        let mut bytes = Vec::new();
        let read = (&mut self.lines).take(longest).read_until(b'\n', &mut bytes).await;
        let count = read.ok().filter(|count| *count > 0)?;
        bytes.truncate(count);
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Passes further lines on until there are no more.
    async fn pass_on(mut self, say: mpsc::Sender<String>) {
        while let Some(line) = self.line(LONGEST_INSTRUCTION).await {
            if let Some(text) = task::read_instruction(&line)
                && say.send(text).await.is_err()
            {
                return;
            }
        }
    }
}

/// Becomes the same program with the same arguments, without the key in its environment. Returns only when it cannot.
fn start_again_without(context: &Context, key: &str) -> io::Error {
    if key.len() > LONGEST_KEY {
        return io::Error::other("it is too long");
    }
    let handed_over = || -> io::Result<io::PipeReader> {
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(key.as_bytes())?;
        rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty())?;
        Ok(reader)
    };
    let reader = match handed_over() {
        Ok(reader) => reader,
        Err(error) => return error,
    };
    let own = &context.surroundings;
    let holding = own.variables.iter().filter(|(_, value)| *value == key).map(|(name, _)| name);
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing is started: this process goes on as another program"
    )]
    let mut command = Command::new(&own.program);
    for name in holding {
        command.env_remove(name);
    }
    command
        .args(own.arguments.iter().skip(1))
        .arg("--key-from")
        .arg(reader.as_raw_fd().to_string())
        .exec()
}
