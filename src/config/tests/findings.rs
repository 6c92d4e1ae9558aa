//! Every mistake at once, each at its exact place, with what would be right.

use super::{Bench, mistakes, remarks};

#[test]
fn all_mistakes_are_reported_at_once_with_line_and_column() {
    let report = mistakes(
        "[autonomous]\n\
         enabled = \"yes\"\n\
         \x20 pair_moode = true\n\
         max_iterations = 0\n\
         schedule = \"61 * * * *\"\n\
         \n\
         [[projects]]\n\
         name = \"a\"\n\
         \n\
         [storr]\n\
         [pace]\n\
         blocked_hours = [\"22:00-06:30\", \"25:00-1\"]\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:2:11: autonomous.enabled: expected true or false, found "yes"
    config.toml:3:3: autonomous.pair_moode: unknown key; did you mean pair_mode?
    config.toml:4:18: autonomous.max_iterations: expected a whole number from 1 to 100, found 0
    config.toml:5:12: autonomous.schedule: "61 * * * *" is no cron expression; five fields as in "*/30 * * * *"
    config.toml:7:1: projects[0].path: this key is missing
    config.toml:10:2: storr: unknown key; did you mean store?
    config.toml:12:33: pace.blocked_hours[1]: "25:00-1" is no span of the day; as in "22:00-06:30"
    "#);
}

#[test]
fn syntax_errors_have_places_too() {
    insta::assert_snapshot!(mistakes("[daemon]\nlog_level = \nfoo == 3\n[pace\n"), @r#"
    config.toml:2:13: string values must be quoted, expected literal string
    config.toml:3:6: extra `=`, expected nothing
    config.toml:3:8: unexpected key or value, expected newline, `#`
    config.toml:4:6: unclosed table, expected `]`
    "#);
}

#[test]
fn columns_count_characters_not_bytes() {
    let report = mistakes("agents.claude = { model = \"größer\", modell = 1 }\n");
    assert_eq!(report, "config.toml:1:37: agents.claude.modell: unknown key; did you mean model?");
}

#[test]
fn unknown_keys_are_mistakes_at_every_level() {
    let report = mistakes(
        "colour = 1\n\
         [autonomous.default_stages.coder]\ntimeout = 3\n\
         [autonomous.default_stages.painter]\nenabled = false\n\
         [agents.codex]\nfoo.bar = 1\n\
         [[projects]]\nname = \"a\"\npath = \"repository\"\n\"odd key\" = 1\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:1:1: colour: unknown key
    config.toml:3:1: autonomous.default_stages.coder.timeout: unknown key; did you mean timeout_ms?
    config.toml:4:28: autonomous.default_stages.painter: unknown key
    config.toml:7:1: agents.codex.foo: unknown key
    config.toml:11:1: projects[0]."odd key": unknown key
    "#);
}

#[test]
fn wrong_shapes_say_how_to_write_it() {
    let report = mistakes(
        "daemon = 3\nprojects = { name = \"a\" }\nagents = []\n\
         [slots]\nglobal = 2.5\nper_project = -1\n[slots.per_agent]\nclaude = \"two\"\n\
         [autonomous.default_stages]\ncoder = \"claude\"\n\
         [budget]\nitem_usd = 0\nday_usd = nan\nitem_attempts = \"endless\"\nitem_turns = 99999999999999999999\n\
         [wip]\nlimit = 2024-01-01\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:1:10: daemon: expected a table, found 3; write [daemon] above its keys
    config.toml:2:12: projects: expected a list of tables, found a table; write [[projects]] above each
    config.toml:3:10: agents: expected a table, found a list; write [agents] above its keys
    config.toml:5:10: slots.global: expected a whole number from 1 to 1000, found 2.5
    config.toml:6:15: slots.per_project: expected a whole number from 1 to 1000, found -1
    config.toml:8:10: slots.per_agent.claude: expected a whole number from 1 to 1000, found "two"
    config.toml:10:9: autonomous.default_stages.coder: expected a table, found "claude"; write [autonomous.default_stages.coder] above its keys
    config.toml:12:12: budget.item_usd: expected US dollars such as 2.50, or "unlimited", found 0
    config.toml:13:11: budget.day_usd: expected US dollars such as 2.50, or "unlimited", found NaN
    config.toml:14:17: budget.item_attempts: expected a whole number from 1 to 1000, or "unlimited", found "endless"
    config.toml:15:14: budget.item_turns: the number is too large
    config.toml:17:9: wip.limit: a date is not expected here
    "#);
}

#[test]
fn what_other_versions_have_is_refused_in_plain_words() {
    let report = mistakes(
        "[linear]\ntoken = \"x\"\n\
         [store]\nbackend = \"postgres\"\n\
         [[projects]]\nname = \"a\"\npath = \"repository\"\nheartbeatInterval = 3\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:1:2: linear: not in this version; remove it
    config.toml:4:11: store.backend: "postgres" is not in this build; use "sqlite"
    config.toml:8:1: projects[0].heartbeatInterval: projects have no heartbeat of their own: `autonomous.schedule` is for all
    "#);
}

#[test]
fn words_close_to_the_right_one_are_suggested() {
    let report = mistakes(
        "adapter = \"claud\"\n[store]\nbackend = \"sqllite\"\n[pace]\ntime_zone = \"europe/berlin\"\n\
         [local]\nlane = \"auto\"\n[agents.local]\nkind = \"comand\"\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:1:11: adapter: there is no agent "claud"; did you mean claude?
    config.toml:3:11: store.backend: expected one of sqlite, memory, found "sqllite"; did you mean sqlite?
    config.toml:5:13: pace.time_zone: "europe/berlin" is no time zone; did you mean Europe/Berlin?
    config.toml:7:8: local.lane: expected one of manual, none, autopilot, ralph, ultrawork, team, found "auto"; did you mean autopilot?
    config.toml:9:8: agents.local.kind: expected one of claude, codex, opencode, cursor, hermes, acp, command, scripted, responses, found "comand"; did you mean command?
    "#);
}

#[test]
fn the_seed_s_names_are_understood_with_a_remark() {
    let text = "[autonomous]\npairMode = false\nmaxIterations = 5\n\
                [autonomous.defaultStages.executor]\nescalateModel = \"big\"\nescalateAfterIteration = 2\ntimeoutMs = 7\n\
                [autonomous.defaultStages.reviewer]\ntimeoutMs = 8\n\
                [autonomous.defaultStages.skill-documenter]\nenabled = false\n\
                [[projects]]\nname = \"a\"\nprojectPath = \"repository\"\n";
    let bench = Bench::new();
    let loaded = bench.loaded(text);
    let policy = &loaded.settings.policy;
    assert_eq!(policy.stages.critic, None);
    assert_eq!(policy.max_rounds, 5);
    assert_eq!(policy.stages.coder.timeout_ms, 7);
    assert_eq!(policy.stages.coder.model_for_round(2), (Some("big"), true));
    let project = policy.projects.values().next().unwrap();
    assert_eq!(project.repository, bench.path("repository").to_string_lossy());
    insta::assert_snapshot!(remarks(text).join("\n"), @r#"
    config.toml:2:1: autonomous.pair_mode: `pairMode` is understood as `pair_mode`
    config.toml:3:1: autonomous.max_iterations: `maxIterations` is understood as `max_iterations`
    config.toml:4:13: autonomous.default_stages: `defaultStages` is understood as `default_stages`
    config.toml:4:27: autonomous.default_stages.coder: `executor` is understood as `coder`
    config.toml:5:1: autonomous.default_stages.coder.escalate_model: `escalateModel` is understood as `escalate_model`
    config.toml:6:1: autonomous.default_stages.coder.escalate_after_iteration: `escalateAfterIteration` is understood as `escalate_after_iteration`
    config.toml:7:1: autonomous.default_stages.coder.timeout_ms: `timeoutMs` is understood as `timeout_ms`
    config.toml:8:27: autonomous.default_stages.critic: `reviewer` is understood as `critic`
    config.toml:9:1: autonomous.default_stages.critic.timeout_ms: `timeoutMs` is understood as `timeout_ms`
    config.toml:10:27: autonomous.default_stages.stage_documenter: `skill-documenter` is understood as `stage_documenter`
    config.toml:14:1: projects[0].path: `projectPath` is understood as `path`
    "#);
}

#[test]
fn one_key_under_two_names_is_a_mistake() {
    let report = mistakes("[autonomous]\npair_mode = true\npairMode = false\n");
    assert!(report.contains("autonomous.pair_mode: given twice, under two names"), "{report}");
}

#[test]
fn what_does_not_go_together_is_reported_where_it_stands() {
    let report = mistakes(
        "adapter = \"mine\"\n\
         [autonomous]\ndefault_project = \"aa\"\n\
         [[projects]]\nname = \"a\"\npath = \"repository\"\n\
         [[projects]]\nname = \"a\"\npath = \"other\"\n\
         [[projects]]\nname = \"b\"\npath = \"./repository\"\n\
         [[projects]]\nname = \"../c\"\npath = \"c\"\n\
         [local]\nproject = \"d\"\n\
         [agents.tool]\nkind = \"command\"\nslots = 2\n\
         [agents.actor]\nkind = \"scripted\"\n\
         [agents.claude]\nfailover = [\"claude\", \"codex\", \"codex\", \"cladue\"]\n\
         [agents.codex]\nscript = \"x\"\nenv = [\"A=b\", \"B\", \"UNSET\"]\nset = { B = \"1\", \"C D\" = \"2\" }\n\
         [slots.per_agent]\ntool = 3\nnobody = 1\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:1:11: adapter: there is no agent "mine"; describe it in [agents.mine]
    config.toml:3:19: autonomous.default_project: there is no project "aa"
    config.toml:8:8: projects[1].name: there is already a project "a"
    config.toml:12:8: projects[2].path: this is already the repository of "a"
    config.toml:14:8: projects[3].name: "../c" is not usable; use letters, digits, -, _ and ., beginning with a letter or digit
    config.toml:17:11: local.project: there is no project "d"
    config.toml:18:9: agents.tool.program: this key is missing: the kind "command" needs it
    config.toml:21:9: agents.actor.script: this key is missing: the kind "scripted" needs it
    config.toml:24:12: agents.claude.failover: "claude" cannot stand in for itself
    config.toml:24:12: agents.claude.failover: "codex" is named twice
    config.toml:24:12: agents.claude.failover: there is no agent "cladue"; did you mean claude?
    config.toml:26:10: agents.codex.script: only the kind "scripted" plays scripts
    config.toml:27:8: agents.codex.env[0]: not the name of a variable; names only; values go into [agents.codex.set]
    config.toml:27:15: agents.codex.env[1]: B is passed on and set: only one of the two can be
    config.toml:28:26: agents.codex.set."C D": not the name of a variable
    config.toml:30:8: slots.per_agent.tool: agents.tool.slots says another number; keep one of the two
    config.toml:31:10: slots.per_agent.nobody: there is no agent "nobody"; describe it in [agents.nobody]
    "#);
}

#[test]
fn what_deserves_a_look_is_remarked_on() {
    let text = "[[projects]]\nname = \"a\"\npath = \"nowhere\"\n\
                [local]\ndirectory = \"items\"\n\
                [autonomous]\nmax_iterations = 2\n\
                [autonomous.default_stages.coder]\nescalate_model = \"big\"\n\
                [agents.codex]\nenv = [\"UNSET\"]\n";
    insta::assert_snapshot!(remarks(text).join("\n"), @r#"
    config.toml:3:1: projects[0].path: there is no such directory at the moment
    config.toml:5:1: local.directory: there is no such directory at the moment
    config.toml:9:1: autonomous.default_stages.coder.escalate_model: never used: it starts in round 3, and there are 2
    config.toml:11:8: agents.codex.env[0]: UNSET is not set, so the agent does not get it
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_one_mistake() {
    let bench = Bench::new();
    let missing = super::load(&bench.path("none.toml"), &bench.environment, &bench.defaults());
    let report = missing.unwrap_err();
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].message.starts_with("cannot be read: "), "{report}");
    assert_eq!(
        report.problems[0].hint.as_deref(),
        Some("`enact-factory init` writes one to begin with")
    );

    std::fs::write(bench.path("bytes.toml"), b"a = 1\n\xff").unwrap();
    let report = super::load(&bench.path("bytes.toml"), &bench.environment, &bench.defaults());
    assert_eq!(report.unwrap_err().problems[0].message, "not UTF-8 in line 2");

    std::fs::write(bench.path("huge.toml"), "#".repeat(1024 * 1024 + 1)).unwrap();
    let report = super::load(&bench.path("huge.toml"), &bench.environment, &bench.defaults());
    assert_eq!(report.unwrap_err().problems[0].message, "larger than 1048576 bytes");
}

#[test]
fn the_report_is_data_for_programs() {
    let report = Bench::new().report("[autonomous]\npair_moode = true\n");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "problems": [{
            "file": "config.toml", "line": 2, "column": 1, "variable": null,
            "key": "autonomous.pair_moode", "message": "unknown key", "hint": "did you mean pair_mode?",
        }]})
    );
}

#[test]
fn ports_and_paths_of_the_sandbox_are_checked() {
    let bench = Bench::new();
    let text = "[sandbox]\nwritable = [\"tmp\"]\nnetwork = \"allow-list\"\nports = [\"443\", \"https\", \"0\"]\n";
    let report = bench.report(text).to_string();
    for said in
        ["\"tmp\" is not an absolute path", "\"https\" is not a port", "\"0\" is not a port"]
    {
        assert!(report.contains(said), "{report}");
    }
}
