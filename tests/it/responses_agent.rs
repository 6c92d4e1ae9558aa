//! The built program's daemon with our own agent, against a scripted model on loopback.

use std::fs;
use std::path::Path;

use enact_factory::domain::agent::{TimeoutKind, TurnEnding};
use enact_factory::domain::budget::Usage;
use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;
use enact_factory::domain::run::Outcome;

use serde_json::json;

use crate::real_agents::says;
use crate::support::factory::{BOUND, Factory};
use crate::support::model_server::{
    Answer, ModelServer, RecordedRequest, Rule, Script, ToolCall, When, usage,
};

/// The key of the model server: nothing but the agent's own process may know it.
const KEY: &str = "sk-th3-gat3ways-0wn-k3y-8080";

/// A factory whose coder and critic are our own agent, and the model that they talk to.
struct Workshop {
    factory: Factory,
    server: ModelServer,
}

impl Workshop {
    /// The agent is used without a table: everything comes out of the environment.
    fn by_environment() -> Self {
        let server = ModelServer::start();
        let mut factory = Factory::new();
        factory.variable("ENACT_GATEWAY_BASE_URL", server.url());
        factory.variable("ENACT_GATEWAY_API_KEY", KEY);
        let stage = "adapter = \"responses\"\n".to_owned();
        factory.stage_config = (stage.clone(), stage);
        factory.more_config =
            "[slots]\nglobal = 8\nper_project = 8\n[pace]\nper_project = 100\n".to_owned();
        Self { factory, server }
    }

    /// The agent has a table; `keys` are added to it.
    fn by_table(keys: &str) -> Self {
        let mut shop = Self::by_environment();
        let stage = "adapter = \"gateway\"\n".to_owned();
        shop.factory.stage_config = (stage.clone(), stage);
        shop.factory.variable("ENACT_GATEWAY_BASE_URL", "http://127.0.0.1:9");
        shop.factory.variable("ENACT_GATEWAY_API_KEY", "another-key-1234567890");
        shop.factory.variable("MY_KEY", KEY);
        let table = format!(
            "[agents.gateway]\nadapter = \"responses\"\nbase_url = \"{}/v1\"\nkey_variable = \"MY_KEY\"\n\
             model = \"the-model\"\n{keys}\n",
            shop.server.url()
        );
        shop.factory.more_config.push_str(&table);
        shop
    }

    fn calls(&self, item: &str, stage: &str) -> Vec<RecordedRequest> {
        let mut calls = self.server.model_calls();
        calls.retain(|request| {
            let prompt = request.prompt();
            says::is_of(&prompt, item) && says::is_stage(&prompt, stage)
        });
        calls
    }

    /// Every call was foreseen, the receipts are in order, nothing is left, and nobody wrote the key down.
    fn close(&mut self) {
        let unanswered: Vec<String> =
            self.server.unanswered().iter().map(RecordedRequest::prompt).collect();
        assert!(unanswered.is_empty(), "no rule for the prompts {unanswered:#?}");
        let status = self.factory.sigterm();
        assert!(status.success(), "{status}");
        assert_eq!(self.factory.survivors(), []);
        self.factory.verify_receipts();
        assert_eq!(files_with(&self.factory.state(), KEY), Vec::<String>::new());
    }
}

/// The files below a directory that contain a text.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("a file");
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Prints the environment of the command, of the shell that runs it, and of the agent that started that.
const DUMP: &str = "env; echo --; tr '\\0' '\\n' < /proc/$$/environ; echo --; \
    tr '\\0' '\\n' < /proc/$PPID/environ; echo dumped";

#[test]
fn coder_and_critic_do_an_item_and_the_tools_never_see_the_key() {
    let mut shop = Workshop::by_environment();
    shop.factory.item(
        "OK-1",
        "",
        "Greet the world\n\n## Acceptance criteria\n\n- the greeting is in a file",
    );
    let work = vec![ToolCall::bash(DUMP), ToolCall::write("OK-1.txt", "made for OK-1\n")];
    let look = vec![
        ToolCall::named("read_file", json!({ "path": "OK-1.txt" })),
        ToolCall::named("git", json!({ "args": ["log", "--oneline", "-n1"] })),
        ToolCall::named("shell", json!({ "command": "echo x > OK-1.txt" })),
    ];
    shop.server.script(
        Script::new()
            .rule(says::work(says::coder("OK-1"), work))
            .rule(Rule::new(says::critic("OK-1"), Answer::Tools(look)).then(says::approve(1))),
    );
    shop.factory.start();
    shop.factory.wait_until_done(&["OK-1"]);
    assert_eq!(shop.factory.repository.tree()["OK-1.txt"], "made for OK-1");
    assert_eq!(shop.factory.outcomes("OK-1"), [Some(Outcome::Succeeded)]);

    let coder = shop.calls("OK-1", "coder");
    assert_eq!(coder.len(), 2);
    assert!(coder.iter().all(|call| call.path == "/v1/responses"), "{coder:?}");
    assert_eq!(coder[0].header("authorization"), Some("<redacted>"));
    assert_eq!(coder[0].model(), "auto");
    let dump = coder[1].tool_results();
    assert!(dump.contains("dumped") && dump.contains("HOME="), "{dump}");
    assert!(!dump.contains(KEY) && !dump.contains("API_KEY"), "{dump}");

    let critic = shop.calls("OK-1", "critic");
    let results = critic[1].tool_results();
    for told in ["1\tmade for OK-1", "OK-1: Greet the world", "denied: this turn may only read"] {
        assert!(results.contains(told), "{told}: {results}");
    }
    assert!(
        !critic[0]
            .tool_names()
            .iter()
            .any(|name| ["shell", "write_file", "apply_patch"].contains(&name.as_str()))
    );

    let sum =
        shop.factory.turn_usages("OK-1").into_iter().fold(Usage::default(), |mut sum, turn| {
            sum += turn;
            sum
        });
    let expected = Usage {
        input_tokens: 4 * (usage::FRESH_INPUT + usage::CACHE_WRITE),
        output_tokens: 4 * usage::OUTPUT,
        cache_read_tokens: 4 * usage::CACHE_READ,
        cache_write_tokens: 0,
        cost_micro_usd: 0,
        unpriced_calls: 4,
    };
    assert_eq!(sum, expected);
    let runs = shop.factory.runs("OK-1");
    let sessions: Vec<Option<String>> = runs[0]
        .turns
        .iter()
        .filter_map(|turn| turn.report.as_ref())
        .map(|it| it.session.clone())
        .collect();
    assert_eq!(sessions, [coder[0].session(), critic[0].session()]);
    shop.close();
}

#[test]
fn verdicts_prices_and_the_servers_moods_are_understood() {
    let mut shop = Workshop::by_table(
        "[agents.gateway.prices.the-model]\ninput = 2\ncached_input = 0.5\noutput = 8.00\n",
    );
    let items = ["AGAIN-1", "BUSY-1", "BROKEN-1", "ODD-1"];
    let goals = ["Greet the world", "Count the stars", "Paint a fence", "Translate the manual"];
    for (item, goal) in items.into_iter().zip(goals) {
        shop.factory.item(item, "", goal);
    }
    shop.factory.item("NO-1", "", "Sell the repository");
    let busy = Answer::Failure {
        code: 429,
        message: "Rate limit reached for the-model".to_owned(),
        headers: vec![("retry-after".to_owned(), "1".to_owned())],
    };
    let odd = vec![ToolCall::named("write_file", json!(["no", "object"]))];
    shop.server.script(
        Script::new()
            .rule(says::writes("AGAIN-1"))
            .rule(Rule::new(
                says::round(says::critic("AGAIN-1"), 1),
                says::objects("REVISE", "not polite (finding 815)", "say please"),
            ))
            .rule(Rule::new(says::critic("AGAIN-1"), says::approve(0)))
            .rule(says::writes("NO-1"))
            .rule(Rule::new(
                says::critic("NO-1"),
                says::objects("REJECT", "not for sale", "leave it"),
            ))
            .rule(Rule::new(says::coder("BUSY-1"), busy).times(1))
            .rule(says::writes("BUSY-1"))
            .rule(Rule::new(says::critic("BUSY-1"), says::approve(0)))
            .rule(Rule::new(says::coder("BROKEN-1"), Answer::failure(500, "out of order")).times(2))
            .rule(says::writes("BROKEN-1"))
            .rule(Rule::new(says::critic("BROKEN-1"), says::approve(0)))
            .rule(
                Rule::new(says::coder("ODD-1"), Answer::Tools(odd))
                    .then(Answer::Tools(vec![ToolCall::write("ODD-1.txt", "made\n")]))
                    .then(Answer::text(says::DONE)),
            )
            .rule(Rule::new(says::critic("ODD-1"), says::approve(0))),
    );
    shop.factory.start();
    shop.factory.wait_until_done(&items);
    shop.factory.wait_until("the rejected one waits for a person", |picture| {
        picture.item("NO-1").question_class.is_some()
    });
    for item in items {
        assert_eq!(shop.factory.outcomes(item), [Some(Outcome::Succeeded)], "{item}");
        let waits = shop
            .factory
            .run_events(item)
            .into_iter()
            .filter(|it| matches!(it, Event::RunWaiting { .. }));
        assert_eq!(waits.count(), 0, "{item}: short troubles are waited for inside of the turn");
        for turn in shop.factory.turn_usages(item) {
            assert_eq!(turn.unpriced_calls, 0, "{item}: {turn:?}");
            let exact = turn.input_tokens * 2 + turn.cache_read_tokens / 2 + turn.output_tokens * 8;
            assert_eq!(turn.cost_micro_usd, exact, "{item}");
        }
    }
    assert_eq!(shop.factory.outcomes("NO-1"), [Some(Outcome::Rejected)]);
    let second = &shop.calls("AGAIN-1", "critic")[1];
    assert!(second.prompt().contains("finding 815"));
    let odd = shop.calls("ODD-1", "coder");
    assert!(odd[1].tool_results().contains("the arguments of write_file cannot be understood"));
    shop.close();
}

#[test]
fn a_used_up_limit_and_a_refused_key_are_waited_for_in_their_own_ways() {
    let mut shop = Workshop::by_environment();
    shop.factory.item("LIMIT-1", "", "Greet the world");
    let limit = Answer::from_request(|_| Answer::UsageLimit {
        resets_at: chrono::Utc::now().timestamp() + 8,
    });
    shop.server.script(
        Script::new()
            .rule(Rule::new(says::coder("LIMIT-1"), limit).times(1))
            .rule(says::writes("LIMIT-1"))
            .rule(Rule::new(says::critic("LIMIT-1"), says::approve(0)))
            .rule(Rule::new(says::coder("LOCKED-1"), Answer::failure(401, "Incorrect API key"))),
    );
    shop.factory.start();
    shop.factory.wait_until_done(&["LIMIT-1"]);
    // A refused key holds everybody who needs the agent.
    shop.factory.item("LOCKED-1", "", "Count the stars");
    let picture = shop.factory.wait_until("somebody is told about the key", |picture| {
        !picture.status.refused_agents.is_empty()
    });
    assert_eq!(picture.item("LIMIT-1").attempts, 0);
    assert_eq!(picture.item("LOCKED-1").attempts, 0);
    assert_eq!(picture.item("LOCKED-1").question_class, None);
    let waits: Vec<FailureClass> = shop
        .factory
        .run_events("LIMIT-1")
        .iter()
        .filter_map(|event| match event {
            Event::RunWaiting { failure, .. } => Some(failure.class),
            _ => None,
        })
        .collect();
    assert!(matches!(waits[..], [FailureClass::Quota { until: Some(_) }]), "{waits:?}");
    assert_eq!(shop.calls("LOCKED-1", "coder").len(), 1, "a refused key is not tried again");
    shop.close();
}

#[test]
fn an_agent_that_hangs_or_is_killed_leaves_nothing_behind() {
    let mut shop = Workshop::by_table("idle_timeout_ms = 600000\n");
    shop.factory.stage_config.0.push_str("silence_ms = 6000\n");
    shop.factory.item("HANG-1", "", "Greet the world");
    shop.factory.item("KILL-1", "", "Count the stars");
    let lingering = "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo started";
    let hangs = vec![ToolCall::bash(lingering)];
    let stays = vec![ToolCall::bash("sleep 2000")];
    shop.server.script(
        Script::new()
            .rule(
                Rule::new(says::coder("HANG-1"), Answer::Tools(hangs)).then(Answer::Hang).times(1),
            )
            .rule(says::writes("HANG-1"))
            .rule(Rule::new(says::critic("HANG-1"), says::approve(0)))
            .rule(Rule::new(says::coder("KILL-1"), Answer::Tools(stays)).times(1))
            .rule(says::writes("KILL-1"))
            .rule(Rule::new(says::critic("KILL-1"), says::approve(0))),
    );
    shop.factory.start();
    let busy = |factory: &Factory| {
        factory.survivors().iter().any(|it| it.command.starts_with("sleep 2000"))
    };
    shop.factory.until("the command runs", BOUND, |factory| busy(factory).then_some(()));
    let agent = shop.factory.runs("KILL-1")[0].turns.len();
    assert_eq!(agent, 1);
    shop.factory.until("its agent is killed", BOUND, |factory| {
        let agents = factory.survivors();
        let parents = agents
            .iter()
            .filter(|it| it.command.contains("responses-agent") && owns(it.pid, "sleep 2000"));
        parents.map(|it| it.kill()).next()
    });
    shop.factory.wait_until_done(&["HANG-1", "KILL-1"]);
    let ends = |item: &str| -> Vec<TurnEnding> {
        let runs = shop.factory.runs(item);
        let turns = runs.iter().flat_map(|run| run.turns.clone());
        turns.filter_map(|turn| turn.report.map(|report| report.ending)).collect()
    };
    assert_eq!(ends("HANG-1")[0], TurnEnding::TimedOut { clock: TimeoutKind::Silence });
    let killed = ends("KILL-1").remove(0);
    assert!(
        matches!(&killed, TurnEnding::Failed { failure } if failure.class == FailureClass::Infrastructure
            && failure.message.contains("ended by signal 9")),
        "{killed:?}"
    );
    assert!(!busy(&shop.factory));
    shop.close();
}

/// Whether a child of the process runs a command that begins like this.
fn owns(pid: u32, command: &str) -> bool {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let listed: String = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .chain(children)
        .collect::<Vec<_>>()
        .join(" ");
    let mut found = listed.split_whitespace().filter_map(|child| {
        let line = fs::read(format!("/proc/{child}/cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    found.any(|line| line.starts_with(command) || line.contains(command))
}

#[test]
fn doctor_says_how_the_server_is() {
    let mut shop = Workshop::by_table("");
    shop.factory.configure();
    let said = shop.factory.cli(&["doctor"]);
    assert!(said.out.contains("gateway (responses, coder and critic)"), "{said:?}");
    assert!(!said.out.contains(KEY) && !said.err.contains(KEY));
    shop.factory.more_config =
        shop.factory.more_config.replace(shop.server.url(), "http://127.0.0.1:9");
    shop.factory.configure();
    let said = shop.factory.cli(&["doctor"]);
    assert!(said.out.contains("the model server does not answer"), "{said:?}");
}

#[test]
fn an_agent_outlives_the_daemon_and_hears_what_people_say() {
    let mut shop = Workshop::by_environment();
    shop.factory.item("STEER-1", "", "Greet the world");
    let go = shop.factory.root().join("go");
    let wait = format!("echo x > begun; until test -e '{}'; do sleep 0.05; done", go.display());
    let wait = ToolCall::named("shell", json!({ "command": wait, "timeout_seconds": 900 }));
    shop.server.script(
        Script::new()
            .rule(
                Rule::new(says::coder("STEER-1"), Answer::Tools(vec![wait]))
                    .then(Answer::Tools(vec![ToolCall::write("STEER-1.txt", "made\n")]))
                    .then(Answer::text(says::DONE)),
            )
            .rule(Rule::new(says::critic("STEER-1"), says::approve(0)))
            // What is said meanwhile is the last thing that the user said.
            .rule(
                Rule::new(
                    When::prompt("say it politely"),
                    Answer::Tools(vec![ToolCall::write("STEER-1.txt", "please\n")]),
                )
                .then(Answer::text(says::DONE)),
            ),
    );
    shop.factory.start();
    shop.factory.until("the command runs", BOUND, |factory| {
        factory.worktrees().iter().any(|tree| tree.join("begun").exists()).then_some(())
    });
    shop.factory.kill9();
    shop.factory.start();
    let said = shop.factory.cli_ok(&["steer", "STEER-1", "say it politely"]);
    assert!(said.out.contains("injected at turn 1"), "{said:?}");
    shop.factory.touch("go");
    let picture = shop.factory.wait_until_done(&["STEER-1"]);
    assert_eq!(picture.item("STEER-1").attempts, 0);
    assert_eq!(shop.factory.repository.tree()["STEER-1.txt"], "please");
    let runs = shop.factory.runs("STEER-1");
    assert_eq!((runs.len(), runs[0].turns.len()), (1, 2), "nothing was done twice");
    let heard = shop.server.model_calls();
    let heard = heard.iter().find(|call| call.prompt().contains("say it politely"));
    assert!(heard.is_some_and(|call| call.tool_results().contains("exit code 0")), "{heard:?}");
    shop.close();
}
