//! The built program's daemon with the real agent CLIs, against a scripted model on loopback.
//!
//! Every test runs with each, and says `skipped: …` where one is not installed (`scripts/install-agents`). Nothing but
//! the model is scripted, except that Cursor's CLI, which cannot be installed, and the agent that is known by nothing but
//! its protocol have stand-ins (`support::stand_in`). Which test shows what is the table in [`failure_table`].

mod by_configuration;
mod confined;
mod critic;
mod failure_table;
mod failures;
mod fleet;
mod gate;
mod hangs;
mod outages;
mod outlives;
mod resuming;
mod safety;
pub(crate) mod says;
mod verdicts;

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::support::agent_clis;
use crate::support::factory::Factory;
use crate::support::model_server::{ModelServer, RecordedRequest, usage};
use crate::support::stand_in;

/// Held while one that needs seconds of computing to start is at work: two of them would make each other late.
static HEAVY: Mutex<()> = Mutex::new(());

/// Runs a test with each CLI: with the light ones at once, because most of it is waiting, and with the others one after
/// the other.
fn with_each_cli(test: fn(Cli)) {
    std::thread::scope(|scope| {
        let light = EVERY.into_iter().filter(|cli| cli.is_light());
        let threads: Vec<_> = light.map(|cli| scope.spawn(move || test(cli))).collect();
        let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        if let Some(panic) = ends.filter_map(Result::err).next() {
            std::panic::resume_unwind(panic);
        }
    });
    for cli in EVERY.into_iter().filter(|cli| !cli.is_light()) {
        let _at_work = HEAVY.lock().unwrap_or_else(PoisonError::into_inner);
        test(cli);
    }
}

/// An agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cli {
    Claude,
    Codex,
    Opencode,
    Hermes,
    /// A stand-in.
    Cursor,
    /// A stand-in of which nothing is known but the Agent Client Protocol.
    Acp,
    /// Our own.
    Responses,
    /// OpenCode again, as if nothing were known of it but that it speaks the Agent Client Protocol.
    OpencodeByAcp,
}

/// Those that every test runs with.
const EVERY: [Cli; 7] =
    [Cli::Claude, Cli::Codex, Cli::Cursor, Cli::Acp, Cli::Responses, Cli::Opencode, Cli::Hermes];

/// How Claude Code is signed in. The others always have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Key,
    Subscription,
}

/// The key or token of the agent: nothing else may know it.
const AGENT_SECRET: &str = "sk-ant-oat01-th3-ag3nts-0wn-k3y-5521";

impl Cli {
    fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::Hermes => "hermes",
            Self::Cursor => "cursor",
            Self::Acp | Self::OpencodeByAcp => "acp",
            Self::Responses => "responses",
        }
    }

    /// Its table in the configuration. It tries each call as seldom as it can (see [`Cli::tries`]), so that waiting is
    /// the daemon's business.
    fn table(self, program: &str, url: &str, login: Login) -> String {
        match self {
            Self::Claude => {
                let variable = match login {
                    Login::Key => "ANTHROPIC_API_KEY",
                    Login::Subscription => "CLAUDE_CODE_OAUTH_TOKEN",
                };
                format!(
                    "[agents.claude]\nprogram = {program:?}\nmodel = \"claude-sonnet-4-5\"\nbase_url = {url:?}\n\
                     [agents.claude.set]\n{variable} = {AGENT_SECRET:?}\nCLAUDE_CODE_MAX_RETRIES = \"0\"\n"
                )
            }
            Self::Codex => {
                let url = format!("{url}/v1");
                let once = "model_providers.factory";
                format!(
                    "[agents.codex]\nprogram = {program:?}\nmodel = \"gpt-5.5\"\nbase_url = {url:?}\n\
                     args = [\"-c\", \"{once}.request_max_retries=0\", \"-c\", \"{once}.stream_max_retries=0\"]\n\
                     [agents.codex.set]\nCODEX_API_KEY = {AGENT_SECRET:?}\n"
                )
            }
            Self::Cursor | Self::Acp => {
                let (name, model) = (self.name(), stand_in::MODEL);
                format!(
                    "[agents.{name}]\nprogram = {program:?}\nread_only_enforced = true\n\
                     [agents.{name}.set]\n{model} = {url:?}\nCURSOR_API_KEY = {AGENT_SECRET:?}\n"
                )
            }
            Self::Responses => {
                let url = format!("{url}/v1");
                format!(
                    "[agents.responses]\nbase_url = {url:?}\nkey_variable = \"MODELS_KEY\"\nmodel = \"any\"\n"
                )
            }
            Self::OpencodeByAcp => {
                let provider = json!({
                    "npm": "@ai-sdk/openai-compatible",
                    "options": { "baseURL": format!("{url}/v1"), "apiKey": AGENT_SECRET },
                    "models": { "scripted-model": {} },
                });
                let own = json!({
                    "model": "any/scripted-model", "small_model": "any/scripted-model",
                    "enabled_providers": ["any"], "provider": { "any": provider },
                });
                format!(
                    "[agents.acp]\nprogram = {program:?}\nargs = [\"acp\"]\nread_only_enforced = true\n\
                     [agents.acp.set]\nOPENCODE_CONFIG_CONTENT = '{own}'\nOPENCODE_DISABLE_MODELS_FETCH = \"1\"\n\
                     OPENCODE_DISABLE_AUTOUPDATE = \"1\"\n"
                )
            }
            Self::Opencode | Self::Hermes => {
                let (name, url) = (self.name(), format!("{url}/v1"));
                format!(
                    "[agents.{name}]\nprogram = {program:?}\nmodel = \"scripted-model\"\nbase_url = {url:?}\n\
                     read_only_enforced = true\n[agents.{name}.set]\nOPENAI_API_KEY = {AGENT_SECRET:?}\n"
                )
            }
        }
    }

    /// Whether it starts in the blink of an eye.
    fn is_light(self) -> bool {
        !matches!(self, Self::Opencode | Self::Hermes | Self::OpencodeByAcp)
    }

    /// Whether it is what a command line runs.
    fn is_run_by(self, command: &str) -> bool {
        let program = match self {
            Self::Claude | Self::Codex | Self::Opencode | Self::Hermes => {
                format!("/{}", self.name())
            }
            Self::OpencodeByAcp => "/opencode".to_owned(),
            Self::Cursor | Self::Acp => "::stand_in::agent".to_owned(),
            Self::Responses => "responses-agent".to_owned(),
        };
        command.split(' ').any(|word| word.ends_with(&program))
    }

    /// How often it tries a call that fails for now.
    fn tries(self) -> usize {
        match self {
            Self::Claude | Self::Codex | Self::Cursor | Self::Acp => 1,
            Self::Opencode | Self::OpencodeByAcp => 6,
            Self::Hermes => 2,
            Self::Responses => 5,
        }
    }

    /// What one answered call adds to a turn's fresh input and cache writes.
    fn input_per_call(self) -> (u64, u64) {
        match self {
            Self::Claude => (usage::FRESH_INPUT, usage::CACHE_WRITE),
            // These APIs have no cache writes; they are input.
            Self::Codex
            | Self::Opencode
            | Self::Hermes
            | Self::Cursor
            | Self::Acp
            | Self::Responses
            | Self::OpencodeByAcp => (usage::FRESH_INPUT + usage::CACHE_WRITE, 0),
        }
    }
}

/// A factory whose coder and critic are one of the CLIs, and the model that they talk to.
struct Workshop {
    factory: Factory,
    server: ModelServer,
}

impl Workshop {
    /// A workshop that is not running yet; nothing when the CLI is not installed.
    fn new(cli: Cli) -> Option<Self> {
        Self::signed_in(cli, Login::Key)
    }

    fn signed_in(cli: Cli, login: Login) -> Option<Self> {
        let found = match cli {
            Cli::Cursor | Cli::Acp | Cli::Responses => None,
            Cli::OpencodeByAcp => Some(agent_clis::find("opencode")?),
            Cli::Claude | Cli::Codex | Cli::Opencode | Cli::Hermes => {
                Some(agent_clis::find(cli.name())?)
            }
        };
        // Waiting runs keep their slots, and several tests are about waiting.
        let mut shop = Self::with_slots(if cli.is_light() { 8 } else { 5 });
        let root = shop.factory.root();
        let program = found.unwrap_or_else(|| match cli {
            Cli::Cursor => stand_in::cursor_agent_in(&root),
            _ => stand_in::acp_agent_in(&root),
        });
        if cli == Cli::Responses {
            shop.factory.variable("MODELS_KEY", AGENT_SECRET);
        }
        let stage = format!("adapter = \"{}\"\n", cli.name());
        shop.factory.stage_config = (stage.clone(), stage);
        let table = cli.table(&program.display().to_string(), shop.server.url(), login);
        shop.factory.more_config.push_str(&table);
        Some(shop)
    }

    /// A workshop in which no agent is configured.
    fn with_slots(slots: usize) -> Self {
        let mut factory = Factory::new();
        factory.more_config = format!(
            "[slots]\nglobal = {slots}\nper_project = {slots}\n[pace]\nper_project = 100\n"
        );
        Self { factory, server: ModelServer::start() }
    }

    /// The model calls of one stage of an item, in order.
    fn calls(&self, item: &str, stage: &str) -> Vec<RecordedRequest> {
        let mut calls = self.server.model_calls();
        calls.retain(|request| {
            let prompt = request.prompt();
            says::is_of(&prompt, item) && says::is_stage(&prompt, stage)
        });
        calls
    }

    /// The prompts that one stage of an item was given, each once, in order.
    fn prompts(&self, item: &str, stage: &str) -> Vec<String> {
        let calls = self.calls(item, stage);
        calls.iter().filter(|request| request.step() == 0).map(RecordedRequest::prompt).collect()
    }

    /// What the runs did and how long each turn took, for people who read the output of a test.
    fn print_turns(&self, items: &[&str]) {
        for item in items {
            for turn in self.factory.runs(item).iter().flat_map(|run| &run.turns) {
                let Some(report) = &turn.report else { continue };
                println!(
                    "{} {item} turn {} ({}): {} ms, {} tool calls, {} leftovers, {:?}",
                    turn.agent,
                    turn.turn,
                    turn.stage.word(),
                    report.duration_ms,
                    report.tool_calls,
                    report.leftovers,
                    report.ending
                );
            }
        }
    }

    /// Homes of agents in the state directory.
    fn homes(&self) -> Vec<PathBuf> {
        let below = |path: PathBuf| -> Vec<PathBuf> {
            let entries = fs::read_dir(path).map(|it| it.flatten().collect()).unwrap_or_default();
            let entries: Vec<fs::DirEntry> = entries;
            entries.into_iter().map(|entry| entry.path()).collect()
        };
        let runs = below(self.factory.state().join("runs"));
        let homes = runs.into_iter().flat_map(below).map(|turn| turn.join("home"));
        homes.filter(|home| home.exists()).collect()
    }

    /// Every call was foreseen, the receipts are in order, and when the daemon stops nothing is left.
    fn close(&mut self) {
        let mut unanswered: Vec<String> =
            self.server.unanswered().iter().map(RecordedRequest::prompt).collect();
        // Hermes sends its own reminders to the model, and does without an answer to them.
        unanswered.retain(|prompt| !prompt.starts_with("[System: "));
        assert!(unanswered.is_empty(), "no rule for the prompts {unanswered:#?}");
        let status = self.factory.sigterm();
        assert!(status.success(), "{status}");
        assert_eq!(self.factory.survivors(), []);
        assert_eq!(self.homes(), Vec::<PathBuf>::new(), "homes outlive their turns");
        self.factory.verify_receipts();
    }
}
