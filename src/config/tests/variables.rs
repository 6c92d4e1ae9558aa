//! `${VAR}`, `.env`, overrides, secrets.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::Bench;
use crate::config::settings::Settings;

#[test]
fn variables_are_filled_in_anywhere() {
    let bench = Bench::new().variable("DIR", "/data").variable("EMPTY", "");
    let settings = bench
        .loaded(
            "[daemon]\nstate_dir = \"${DIR}/state\"\n\
             [autonomous]\nmax_iterations = \"${ROUNDS:-7}\"\nenabled = \"${ON:-true}\"\n\
             [agents.codex]\nmodel = \"${EMPTY:-small}\"\nargs = [\"$${not}\", \"a${DIR}b\"]\n\
             [budget]\nitem_usd = \"${USD:-2.50}\"\nday_usd = \"${DAY:-unlimited}\"\n\
             [[projects]]\nname = \"a\"\npath = \"repository\"\nchecks = \"${CHECKS:-['x', 'y']}\"\n",
        )
        .settings;
    assert_eq!(settings.daemon.state_dir, Path::new("/data/state"));
    assert_eq!(settings.policy.max_rounds, 7);
    assert!(settings.policy.autonomous);
    assert_eq!(settings.agents["codex"].model.as_deref(), Some("small"));
    assert_eq!(settings.agents["codex"].args, ["${not}", "a/datab"]);
    assert_eq!(settings.policy.item_budget.cost_micro_usd, Some(2_500_000));
    assert_eq!(settings.policy.day_budget.cost_micro_usd, None);
    assert_eq!(settings.policy.projects.values().next().unwrap().checks, ["x", "y"]);
}

#[test]
fn variables_that_cannot_be_filled_in_are_named_with_their_place() {
    let report = Bench::new().report(
        "[agents.codex]\n\
         model = \"x-${MODEL}\"\n\
         args = [\"ok\", \"${A:-1}${B}${C}\", \"${\", \"${1}\", '''\n${D}''']\n\
         [[projects]]\nname = \"${NAME}\"\npath = \"${P:-${Q}}\"\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:2:12: agents.codex.model: the variable MODEL is not set; set it, or give a default as in ${NAME:-default}
    config.toml:3:23: agents.codex.args[1]: the variable B is not set; set it, or give a default as in ${NAME:-default}
    config.toml:3:27: agents.codex.args[1]: the variable C is not set; set it, or give a default as in ${NAME:-default}
    config.toml:3:35: agents.codex.args[2]: ${ without its }; write $${ for a plain ${
    config.toml:3:41: agents.codex.args[3]: "1" is not the name of a variable; write ${NAME}, ${NAME:-default}, or $${ for a plain ${
    config.toml:4:1: agents.codex.args[4]: the variable D is not set; set it, or give a default as in ${NAME:-default}
    config.toml:6:9: projects[0].name: the variable NAME is not set; set it, or give a default as in ${NAME:-default}
    config.toml:7:9: projects[0].path: the default of P holds another ${
    "#);
}

#[test]
fn dot_env_beside_the_file_fills_what_the_environment_leaves_open() {
    let bench = Bench::new().variable("ONE", "environment").file(
        ".env",
        "# comment\nONE=file\nTWO='from file'\nexport THREE=3\nENACT_FACTORY_WIP__LIMIT=9\n",
    );
    let settings = bench
        .loaded("[agents.codex]\nargs = [\"${ONE}\", \"${TWO}\", \"${THREE}\"]\nenv = [\"TWO\"]\n")
        .settings;
    assert_eq!(settings.agents["codex"].args, ["environment", "from file", "3"]);
    assert_eq!(settings.agents["codex"].env["TWO"].expose_secret(), "from file");
    assert_eq!(settings.policy.wip, Some(9));
}

#[test]
fn a_broken_dot_env_is_reported_without_quoting_it() {
    let bench = Bench::new().file(".env", "GOOD=1\nTOKEN='abc-very-secret\n");
    let report = bench.report("").to_string();
    let path = bench.path(".env");
    assert_eq!(report, format!("{}:2:1: not a line of the form NAME=value", path.display()));
}

#[test]
fn overrides_lie_above_the_file() {
    let bench = Bench::new()
        .variable("ENACT_FACTORY_DAEMON__STATE_DIR", "elsewhere")
        .variable("ENACT_FACTORY_AUTONOMOUS__MAXITERATIONS", "5")
        .variable("ENACT_FACTORY_AUTONOMOUS__DEFAULT_STAGES__EXECUTOR__MODEL", "m")
        .variable("ENACT_FACTORY_AGENTS__CODEX__ENV", "[\"A\"]")
        .variable("ENACT_FACTORY_PACE__PER_PROJECT", "unlimited")
        .variable("ENACT_FACTORY_RUN", "somebody else's")
        .variable("A", "a");
    let report = bench.report("").to_string();
    assert_eq!(
        report,
        "ENACT_FACTORY_AUTONOMOUS__MAXITERATIONS: autonomous.maxiterations: no such key to override; \
         did you mean max_iterations?"
    );
    let mut bench = bench;
    bench.environment.remove("ENACT_FACTORY_AUTONOMOUS__MAXITERATIONS");
    let settings = bench.loaded("[daemon]\nstate_dir = \"/x\"\nlog_level = \"warn\"\n").settings;
    assert_eq!(settings.daemon.state_dir, bench.path("elsewhere"));
    assert_eq!(settings.daemon.log_level.word(), "warn");
    assert_eq!(settings.policy.stages.coder.model.as_deref(), Some("m"));
    assert_eq!(settings.policy.pace.per_project, None);
    assert_eq!(settings.agents["codex"].env["A"].expose_secret(), "a");
}

#[test]
fn overrides_that_cannot_be_are_mistakes_without_their_value() {
    let bench = Bench::new()
        .variable("ENACT_FACTORY_PROJECTS__0__PATH", "hidden")
        .variable("ENACT_FACTORY_AGENTS__CODEX__SET__KEY", "hidden")
        .variable("ENACT_FACTORY_WIP__LIMIT", "hidden")
        .variable("ENACT_FACTORY_STORE__BACKEND", "hidden")
        .variable("ENACT_FACTORY_PACE", "left alone");
    insta::assert_snapshot!(bench.report("[wip]\nlimit = 3\n"), @r#"
    ENACT_FACTORY_AGENTS__CODEX__SET__KEY: agents.codex.set.key: variables of agents cannot be overridden; use `env`
    ENACT_FACTORY_PROJECTS__0__PATH: projects.0.path: no such key to override
    ENACT_FACTORY_STORE__BACKEND: store.backend: expected one of sqlite, memory, which its value is not
    ENACT_FACTORY_WIP__LIMIT: wip.limit: expected a whole number from 1 to 100000, or "unlimited", which its value is not
    "#);
}

#[test]
fn nothing_out_of_the_environment_is_ever_shown() {
    let secret = "hunter2-hunter2-hunter2";
    let bench =
        Bench::new().variable("API_KEY", secret).file(".env", &format!("OTHER_TOKEN={secret}x\n"));
    let report = bench.report(
        "adapter = \"${API_KEY}\"\n\
         [store]\nbackend = \"${API_KEY}\"\n\
         [autonomous]\nschedule = \"${API_KEY}\"\nenabled = \"${API_KEY}\"\ndefault_project = \"${API_KEY}\"\n\
         max_iterations = \"${OTHER_TOKEN}\"\n\
         [pace]\nblocked_hours = [\"${API_KEY}\"]\ntime_zone = \"${API_KEY}\"\n\
         [local]\nproject = \"${API_KEY}\"\nlane = \"${API_KEY}\"\n\
         [[projects]]\nname = \"/${API_KEY}\"\npath = \"~${API_KEY}\"\n\
         [agents.codex]\nenv = [\"${API_KEY}\"]\nkind = \"${API_KEY}\"\nslots = \"${API_KEY}\"\n\
         set = { \"A B\" = \"${API_KEY}\", C = 17171717 }\n",
    );
    let shown = format!("{report}\n{report:?}\n{}", serde_json::to_string(&report).unwrap());
    assert!(!shown.contains("hunter2"), "{report}");
    assert!(!shown.contains("17171717"), "{report}");
    assert!(report.problems.len() >= 12, "{report}");

    let loaded = bench.loaded(
        "[agents.codex]\nenv = [\"OTHER_TOKEN\"]\n[agents.codex.set]\nAPI_KEY = \"${API_KEY}\"\nPLAIN = \"/usr/bin\"\n\
         [agents.tool]\nkind = \"command\"\nprogram = \"tool\"\nset = { WHATEVER = \"Zm9vYmFyYmF6cXV4enp5\" }\n",
    );
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let secrets: Vec<&str> =
        loaded.settings.secrets.iter().map(ExposeSecret::expose_secret).collect();
    let other = format!("{secret}x");
    assert_eq!(secrets, ["Zm9vYmFyYmF6cXV4enp5", secret, &other]);
}

#[test]
fn without_a_file_defaults_hold() {
    let bench = Bench::new();
    let loaded = Settings::defaults(&bench.environment, &bench.defaults()).unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.daemon.state_dir, Path::new("/home/me/.local/state/enact-factory"));
    assert_eq!(
        settings.store.durable().unwrap(),
        Path::new("/home/me/.local/state/enact-factory/factory.db")
    );
    assert_eq!(settings.source, None);
    assert_eq!(settings.agents.keys().collect::<Vec<_>>(), ["claude"]);
    assert_eq!(loaded.warnings, []);

    let bench = Bench::new().variable("XDG_STATE_HOME", "/state");
    let settings = Settings::defaults(&bench.environment, &bench.defaults()).unwrap().settings;
    assert_eq!(settings.daemon.state_dir, Path::new("/state/enact-factory"));

    let homeless = super::Defaults { cwd: PathBuf::from("/"), home: None };
    let report = Settings::defaults(&Bench::new().environment, &homeless).unwrap_err();
    assert_eq!(report.to_string(), "daemon.state_dir: the home directory for ~ is not known");
}

#[test]
fn the_digest_changes_with_the_configuration_and_with_what_it_takes_from_the_environment() {
    let bench = Bench::new().variable("A", "1");
    let text = "[agents.codex]\nenv = [\"A\"]\n";
    let first = bench.loaded(text);
    assert_eq!(first.digest(), bench.loaded(text).digest());
    assert_eq!(first.digest(), bench.loaded(&format!("# remark\n{text}")).digest());
    assert_ne!(first.digest(), bench.loaded("").digest());
    let bench = bench.variable("A", "2");
    assert_ne!(first.digest(), bench.loaded(text).digest());
}
