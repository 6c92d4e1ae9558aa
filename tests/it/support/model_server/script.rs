//! What the model says: rules over requests, and the answers they give.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::request::RecordedRequest;

/// A prompt that contains this word (in any case) is a critic's: only the critic is given a nonce to echo.
const CRITIC_WORD: &str = "nonce";

/// An ordered list of rules; the first that applies answers.
#[derive(Default)]
pub struct Script {
    pub(super) rules: Vec<Rule>,
}

impl Script {
    /// A script without rules, which answers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule behind those already there.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

/// Answers, one per step of a turn, for the requests that satisfy a condition.
pub struct Rule {
    when: When,
    answers: Vec<Answer>,
    times: Option<usize>,
}

impl Rule {
    /// A rule which gives `answer` at every step of every turn that it opens.
    pub fn new(when: When, answer: Answer) -> Self {
        Self { when, answers: vec![answer], times: None }
    }

    /// The answer for the step after the last one given so far; the last of all repeats.
    pub fn then(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// The rule opens only so many turns (a retried request counts again), then the next rule has its chance.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    pub(super) fn opens(&self, request: &RecordedRequest) -> bool {
        self.times != Some(0) && (self.when.0)(request)
    }

    pub(super) fn use_up(&mut self) {
        self.times = self.times.map(|times| times.saturating_sub(1));
    }

    pub(super) fn answer(&self, step: usize) -> Answer {
        self.answers[step.min(self.answers.len() - 1)].clone()
    }
}

type Condition = Arc<dyn Fn(&RecordedRequest) -> bool + Send + Sync>;

/// A condition on a request.
#[derive(Clone)]
pub struct When(Condition);

impl When {
    /// Every model call.
    pub fn any() -> Self {
        Self::holds(|_| true)
    }

    /// The prompt (see [`RecordedRequest::prompt`]) contains this text.
    pub fn prompt(text: &str) -> Self {
        let text = text.to_owned();
        Self::holds(move |request| request.prompt().contains(&text))
    }

    /// The prompt is a critic's.
    pub fn critic() -> Self {
        Self::holds(|request| request.prompt().to_lowercase().contains(CRITIC_WORD))
    }

    /// The prompt is not a critic's.
    pub fn coder() -> Self {
        Self::critic().negated()
    }

    /// The request names this model.
    pub fn model(name: &str) -> Self {
        let name = name.to_owned();
        Self::holds(move |request| request.model() == name)
    }

    /// Any other condition.
    pub fn holds(condition: impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(condition))
    }

    /// Both conditions.
    pub fn and(self, other: Self) -> Self {
        Self::holds(move |request| (self.0)(request) && (other.0)(request))
    }

    /// The opposite condition.
    pub fn negated(self) -> Self {
        Self::holds(move |request| !(self.0)(request))
    }
}

type AnswerFunction = Arc<dyn Fn(&RecordedRequest) -> Answer + Send + Sync>;

/// One answer of the model.
#[derive(Clone)]
pub enum Answer {
    /// A final message.
    Text(String),
    /// Tool calls in one answer, mapped to the tools that the CLI offers; the results open the next step.
    Tools(Vec<ToolCall>),
    /// A successful answer with nothing in it.
    Empty,
    /// Accepts the request and never answers. [`RecordedRequest::abandoned`] tells when the client left.
    Hang,
    /// Accepts the request and gives this answer once the gate is open.
    Held(Gate, Box<Self>),
    /// A failure in the shape of the protocol that the request speaks.
    Failure {
        /// HTTP status.
        code: u16,
        /// The provider's message.
        message: String,
        /// Further response headers, such as `retry-after`.
        headers: Vec<(String, String)>,
    },
    /// The subscription's limit is reached: 429 with the provider's machine-readable reset time.
    UsageLimit {
        /// Unix seconds at which the limit resets.
        resets_at: i64,
    },
    /// A response verbatim, in any shape (`application/json` unless the headers say otherwise).
    Status {
        /// HTTP status.
        code: u16,
        /// The body.
        body: String,
        /// Response headers.
        headers: Vec<(String, String)>,
    },
    /// Computed from the request; see [`Answer::from_request`].
    FromRequest(AnswerFunction),
}

impl Answer {
    /// A final message.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A failure in the protocol's shape, without further headers.
    pub fn failure(code: u16, message: &str) -> Self {
        Self::Failure { code, message: message.to_owned(), headers: Vec::new() }
    }

    /// An answer computed from the request, for example one that echoes a nonce out of the prompt.
    pub fn from_request(
        function: impl Fn(&RecordedRequest) -> Self + Send + Sync + 'static,
    ) -> Self {
        Self::FromRequest(Arc::new(function))
    }

    /// The kind of answer in a word or two, as kept in [`RecordedRequest::answer`].
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(_) => "text".to_owned(),
            Self::Tools(_) => "tools".to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::Hang => "hang".to_owned(),
            Self::Held(..) => "held".to_owned(),
            Self::Failure { code, .. } | Self::Status { code, .. } => format!("status {code}"),
            Self::UsageLimit { .. } => "usage limit".to_owned(),
            Self::FromRequest(_) => "computed".to_owned(),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.describe())
    }
}

/// Holds answers back until it is opened; see [`Answer::Held`].
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn passed(&self) {
        // The sender is in this value, so that the channel cannot be closed.
        let mut opened = self.0.subscribe();
        let _passed = opened.wait_for(|open| *open).await;
    }
}

/// Something that the model asks the CLI to do.
#[derive(Clone, Debug)]
pub enum ToolCall {
    /// Write a whole file; a relative path is under the CLI's working directory.
    Write {
        /// The file.
        path: String,
        /// All of its content.
        content: String,
    },
    /// Run a shell command in the CLI's working directory.
    Bash {
        /// The command.
        cmd: String,
    },
    /// Call a tool of the CLI as it is, for example `Read` or `StructuredOutput` of Claude Code.
    Named {
        /// The tool.
        name: String,
        /// Its arguments.
        input: Value,
    },
}

impl ToolCall {
    /// Write `content` to `path`.
    pub fn write(path: &str, content: &str) -> Self {
        Self::Write { path: path.to_owned(), content: content.to_owned() }
    }

    /// Run `cmd`.
    pub fn bash(cmd: &str) -> Self {
        Self::Bash { cmd: cmd.to_owned() }
    }

    /// Call the tool `name` with these arguments.
    pub fn named(name: &str, input: Value) -> Self {
        Self::Named { name: name.to_owned(), input }
    }
}

/// A shell command that writes a file, for situations in which a CLI has no tool for it.
pub(super) fn write_command(path: &str, content: &str) -> String {
    format!("printf %s {} > {}", quoted(content), quoted(path))
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
