//! Every key of the schema is documented, shown in the example, and means something.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use secrecy::ExposeSecret;

use super::Bench;
use crate::config::reference;
use crate::config::schema::{Key, ROOT, Shape};
use crate::config::settings::Settings;

/// One of everything, as a base on which every key can be changed.
const BASE: &str = "\
adapter = \"codex\"
[daemon]
[store]
[[projects]]
name = \"a\"
path = \"repository\"
delivery = \"pull_request\"
forge = \"github\"
workflow = \"base-branch\"
[[projects]]
name = \"b\"
path = \"b\"
[sandbox]
network = \"allow-list\"
[autonomous.default_stages.coder]
escalate_model = \"big\"
[autonomous.default_stages.critic]
escalate_model = \"big\"
[autonomous.default_stages.diagnose]
enabled = true
escalate_model = \"big\"
[autonomous.default_stages.tester]
enabled = true
escalate_model = \"big\"
[autonomous.default_stages.documenter]
enabled = true
escalate_model = \"big\"
[autonomous.default_stages.auditor]
enabled = true
escalate_model = \"big\"
[autonomous.default_stages.stage_documenter]
enabled = true
escalate_model = \"big\"
[local]
directory = \"repository\"
[azdo]
organization = \"o\"
project = \"p\"
team = \"t\"
token = \"0123456789\"
[discord]
token = \"0123456789\"
[[github.repositories]]
name = \"owner/name\"
[http]
github_webhook_secret = \"a-secret-of-its-own\"
azdo_webhook_user = \"hooks\"
azdo_webhook_password = \"a-password\"
[agents.x]
kind = \"command\"
program = \"x\"
[agents.play]
kind = \"scripted\"
script = \"play.json\"
[agents.gateway]
kind = \"responses\"
base_url = \"http://127.0.0.1:1\"
[agents.gateway.prices.x]
input = 1
output = 1
[agents.x.set]
Y = \"1\"
";

/// For every key a value that is not its default and not the one in [`BASE`]. A key without a row fails the test.
const OTHER_VALUES: &[(&str, &str)] = &[
    ("adapter", "'x'"),
    ("daemon.state_dir", "'/elsewhere'"),
    ("daemon.poll_interval_ms", "77"),
    ("daemon.shutdown_grace_ms", "0"),
    ("daemon.item_lease", "'7m'"),
    ("daemon.log_level", "'trace'"),
    ("daemon.log_format", "'json'"),
    ("store.backend", "'memory'"),
    ("store.path", "'/elsewhere.db'"),
    ("projects[].name", "'c'"),
    ("projects[].path", "'/other'"),
    ("projects[].base_branch", "'trunk'"),
    ("projects[].enabled", "false"),
    ("projects[].checks", "['make']"),
    ("projects[].check_timeout_ms", "77"),
    ("projects[].delivery", "'merge'"),
    ("projects[].forge", "'git'"),
    ("projects[].forge_repository", "'owner/name'"),
    ("projects[].remote", "'upstream'"),
    ("projects[].pull_request.draft", "true"),
    ("projects[].pull_request.template", "'docs/offer.md'"),
    ("projects[].pull_request.reviewers", "['ann']"),
    ("projects[].pull_request.labels", "['factory']"),
    ("projects[].pull_request.poll_interval_ms", "777"),
    ("projects[].pull_request.follow_up", "true"),
    ("projects[].slots", "1"),
    ("projects[].pace", "1"),
    ("projects[].day_tokens", "7"),
    ("projects[].day_usd", "7.5"),
    ("projects[].approval", "false"),
    ("projects[].workflow", "'off'"),
    ("projects[].workflow_commands", "['make']"),
    ("projects[].default_stages.auditor.enabled", "false"),
    ("projects[].default_stages.auditor.adapter", "'x'"),
    ("projects[].default_stages.auditor.model", "'m'"),
    ("projects[].default_stages.auditor.escalate_model", "'m'"),
    ("projects[].default_stages.auditor.escalate_after_iteration", "2"),
    ("projects[].default_stages.auditor.timeout_ms", "77"),
    ("projects[].default_stages.auditor.silence_ms", "77"),
    ("projects[].default_stages.auditor.effort", "'high'"),
    ("projects[].default_stages.auditor.max_turns", "7"),
    ("language", "'ko'"),
    ("context.budget_tokens", "7000"),
    ("context.soul", "'/soul.md'"),
    ("context.project_rules", "false"),
    ("context.session_notes", "7"),
    ("autonomous.enabled", "true"),
    ("autonomous.schedule", "'5 * * * *'"),
    ("autonomous.pair_mode", "false"),
    ("autonomous.max_iterations", "7"),
    ("autonomous.approval", "true"),
    ("autonomous.approval_expires_hours", "7"),
    ("autonomous.default_project", "'a'"),
    ("autonomous.decomposition.enabled", "true"),
    ("autonomous.decomposition.threshold_minutes", "77"),
    ("autonomous.decomposition.max_depth", "1"),
    ("autonomous.decomposition.max_children", "7"),
    ("autonomous.decomposition.daily_limit", "7"),
    ("autonomous.decomposition.approval", "true"),
    ("autonomous.decomposition.adapter", "'x'"),
    ("autonomous.decomposition.model", "'m'"),
    ("autonomous.decomposition.timeout_ms", "77"),
    ("autonomous.default_stages.coder.adapter", "'x'"),
    ("autonomous.default_stages.coder.model", "'m'"),
    ("autonomous.default_stages.coder.escalate_model", "'m'"),
    ("autonomous.default_stages.coder.escalate_after_iteration", "2"),
    ("autonomous.default_stages.coder.timeout_ms", "77"),
    ("autonomous.default_stages.coder.silence_ms", "77"),
    ("autonomous.default_stages.critic.enabled", "false"),
    ("autonomous.default_stages.critic.adapter", "'x'"),
    ("autonomous.default_stages.critic.model", "'m'"),
    ("autonomous.default_stages.critic.escalate_model", "'m'"),
    ("autonomous.default_stages.critic.escalate_after_iteration", "2"),
    ("autonomous.default_stages.critic.timeout_ms", "77"),
    ("autonomous.default_stages.critic.silence_ms", "77"),
    ("autonomous.default_stages.diagnose.enabled", "false"),
    ("autonomous.default_stages.diagnose.adapter", "'x'"),
    ("autonomous.default_stages.diagnose.model", "'m'"),
    ("autonomous.default_stages.diagnose.escalate_model", "'m'"),
    ("autonomous.default_stages.diagnose.escalate_after_iteration", "2"),
    ("autonomous.default_stages.diagnose.timeout_ms", "77"),
    ("autonomous.default_stages.diagnose.silence_ms", "77"),
    ("autonomous.default_stages.diagnose.effort", "'high'"),
    ("autonomous.default_stages.diagnose.max_turns", "7"),
    ("autonomous.default_stages.tester.enabled", "false"),
    ("autonomous.default_stages.tester.adapter", "'x'"),
    ("autonomous.default_stages.tester.model", "'m'"),
    ("autonomous.default_stages.tester.escalate_model", "'m'"),
    ("autonomous.default_stages.tester.escalate_after_iteration", "2"),
    ("autonomous.default_stages.tester.timeout_ms", "77"),
    ("autonomous.default_stages.tester.silence_ms", "77"),
    ("autonomous.default_stages.tester.effort", "'high'"),
    ("autonomous.default_stages.tester.max_turns", "7"),
    ("autonomous.default_stages.documenter.enabled", "false"),
    ("autonomous.default_stages.documenter.adapter", "'x'"),
    ("autonomous.default_stages.documenter.model", "'m'"),
    ("autonomous.default_stages.documenter.escalate_model", "'m'"),
    ("autonomous.default_stages.documenter.escalate_after_iteration", "2"),
    ("autonomous.default_stages.documenter.timeout_ms", "77"),
    ("autonomous.default_stages.documenter.silence_ms", "77"),
    ("autonomous.default_stages.documenter.effort", "'high'"),
    ("autonomous.default_stages.documenter.max_turns", "7"),
    ("autonomous.default_stages.auditor.enabled", "false"),
    ("autonomous.default_stages.auditor.adapter", "'x'"),
    ("autonomous.default_stages.auditor.model", "'m'"),
    ("autonomous.default_stages.auditor.escalate_model", "'m'"),
    ("autonomous.default_stages.auditor.escalate_after_iteration", "2"),
    ("autonomous.default_stages.auditor.timeout_ms", "77"),
    ("autonomous.default_stages.auditor.silence_ms", "77"),
    ("autonomous.default_stages.auditor.effort", "'high'"),
    ("autonomous.default_stages.auditor.max_turns", "7"),
    ("autonomous.default_stages.stage_documenter.enabled", "false"),
    ("autonomous.default_stages.stage_documenter.adapter", "'x'"),
    ("autonomous.default_stages.stage_documenter.model", "'m'"),
    ("autonomous.default_stages.stage_documenter.escalate_model", "'m'"),
    ("autonomous.default_stages.stage_documenter.escalate_after_iteration", "2"),
    ("autonomous.default_stages.stage_documenter.timeout_ms", "77"),
    ("autonomous.default_stages.stage_documenter.silence_ms", "77"),
    ("autonomous.default_stages.stage_documenter.effort", "'high'"),
    ("autonomous.default_stages.stage_documenter.max_turns", "7"),
    ("autonomous.default_stages.coder.effort", "'high'"),
    ("autonomous.default_stages.coder.max_turns", "7"),
    ("autonomous.default_stages.critic.effort", "'high'"),
    ("autonomous.default_stages.critic.max_turns", "7"),
    ("pace.window_hours", "7"),
    ("pace.global", "7"),
    ("pace.per_project", "'unlimited'"),
    ("pace.turbo", "7"),
    ("pace.blocked_hours", "['1:00-2:00']"),
    ("pace.time_zone", "'Asia/Seoul'"),
    ("budget.item_attempts", "7"),
    ("budget.item_turns", "7"),
    ("budget.item_tokens", "7"),
    ("budget.item_usd", "7"),
    ("budget.item_wall_minutes", "7"),
    ("budget.day_tokens", "7"),
    ("budget.day_usd", "7.5"),
    ("budget.project_day_tokens", "7"),
    ("budget.project_day_usd", "7.5"),
    ("budget.window_hours", "7"),
    ("budget.window_tokens", "7"),
    ("budget.window_usd", "7.5"),
    ("slots.global", "7"),
    ("slots.per_project", "7"),
    ("slots.per_agent.x", "7"),
    ("sandbox.mode", "'required'"),
    ("sandbox.writable", "['/var/cache']"),
    ("sandbox.network", "'none'"),
    ("sandbox.ports", "['80']"),
    ("wip.limit", "7"),
    ("keeper.orphan_grace", "'7s'"),
    ("retention.failed_hours", "7"),
    ("discord.token", "'another-token'"),
    ("discord.guilds", "['1']"),
    ("discord.channels", "['1']"),
    ("discord.report_channel", "'5'"),
    ("discord.prefix", "'?'"),
    ("discord.language", "'ko'"),
    ("discord.allow_dms", "true"),
    ("discord.roles.watch", "['1']"),
    ("discord.roles.operate", "['1']"),
    ("discord.roles.admin", "['1']"),
    ("discord.users.watch", "['1']"),
    ("discord.users.operate", "['1']"),
    ("discord.users.admin", "['1']"),
    ("discord.connect_to", "'127.0.0.1:1'"),
    ("discord.certificate_authority", "'ca.pem'"),
    ("github.repositories[].name", "'owner/other'"),
    ("github.repositories[].project", "'a'"),
    ("github.label", "'other'"),
    ("github.assignee", "'me'"),
    ("github.token", "'a-token-of-some-length'"),
    ("github.signing_secret", "'a-secret-of-some-length'"),
    ("github.login", "'me'"),
    ("github.base_url", "'https://ghes.example/api/v3'"),
    ("github.lane", "'manual'"),
    ("github.trusted_associations", "['OWNER']"),
    ("github.poll_interval_ms", "777"),
    ("github.reread_interval_ms", "7777"),
    ("github.write_interval_ms", "0"),
    ("github.labels.in_progress", "'a'"),
    ("github.labels.in_review", "'a'"),
    ("github.labels.blocked", "'a'"),
    ("github.labels.lane_prefix", "'a'"),
    ("github.labels.priority_prefix", "'a'"),
    ("github.labels.implementation_complete", "'a'"),
    ("github.labels.review_passed", "'a'"),
    ("retention.transcript_hours", "7"),
    ("retention.transcript_mib", "7"),
    ("local.directory", "'/elsewhere'"),
    ("local.lane", "'manual'"),
    ("local.project", "'a'"),
    ("local.shared", "true"),
    ("local.trust", "false"),
    ("azdo.enabled", "false"),
    ("azdo.organization", "'other'"),
    ("azdo.project", "'other'"),
    ("azdo.team", "'other'"),
    ("azdo.token", "'9876543210'"),
    ("azdo.signing_secret", "'9876543210'"),
    ("azdo.base_url", "'http://127.0.0.1:1'"),
    ("azdo.api_version", "'7.0'"),
    ("azdo.poll_interval", "'7s'"),
    ("azdo.area_paths", "['p/a']"),
    ("azdo.iteration", "'@CurrentIteration'"),
    ("azdo.types", "['Bug']"),
    ("azdo.tags", "['ai']"),
    ("azdo.assigned_to", "'@Me'"),
    ("azdo.lane", "'autopilot'"),
    ("azdo.lane_field", "'Custom.Lane'"),
    ("azdo.implementation_complete_field", "'Custom.Done'"),
    ("azdo.review_passed_field", "'Custom.Passed'"),
    ("azdo.blocked_tag", "'stuck'"),
    ("azdo.in_review_tag", "'qa'"),
    ("azdo.cancelled_tag", "'dropped'"),
    ("azdo.trusted_authors", "['*']"),
    ("azdo.default_project", "'a'"),
    ("azdo.projects.x", "'a'"),
    ("azdo.states.x", "'in_review'"),
    ("http.enabled", "false"),
    ("http.listen", "'127.0.0.1:77'"),
    ("http.allow_remote", "true"),
    ("http.github_webhook_secret", "'another-secret'"),
    ("http.azdo_webhook_user", "'other'"),
    ("http.azdo_webhook_password", "'another-password'"),
    ("agents.x.kind", "'claude'"),
    ("agents.x.program", "'other'"),
    ("agents.x.model", "'m'"),
    ("agents.x.args", "['a']"),
    ("agents.x.env", "['PASSED_ON']"),
    ("agents.x.set.x", "'2'"),
    ("agents.x.credentials", "'/login.json'"),
    ("agents.x.base_url", "'http://127.0.0.1:1'"),
    ("agents.x.max_turns", "7"),
    ("agents.x.read_only_enforced", "true"),
    ("agents.x.conversation", "false"),
    ("agents.x.failover", "['play']"),
    ("agents.play.script", "'other.json'"),
    ("agents.x.slots", "7"),
    ("agents.gateway.api", "'chat'"),
    ("agents.gateway.key_variable", "'PASSED_ON'"),
    ("agents.gateway.context_window", "7777"),
    ("agents.gateway.idle_timeout_ms", "7777"),
    ("agents.gateway.prices.x.input", "7"),
    ("agents.gateway.prices.x.cached_input", "0.075"),
    ("agents.gateway.prices.x.output", "7"),
];

#[test]
fn every_key_is_consumed() {
    let bench = Bench::new().variable("PASSED_ON", "1");
    let before = everything(&bench.loaded(BASE).settings);
    let rows: BTreeSet<&str> = OTHER_VALUES.iter().map(|(key, _)| *key).collect();
    let mut keys = Vec::new();
    walk(ROOT, "", &mut |path, _| {
        keys.push(at_its_kind(&path.replace("default_stages.x.", "default_stages.auditor.")));
    });
    for key in &keys {
        assert!(rows.contains(key.as_str()), "{key} has no row: does anything read it?");
    }
    assert_eq!(rows.len(), keys.len(), "a row is for no key");
    for (key, value) in OTHER_VALUES {
        let text = with(key, value);
        let after = everything(&bench.loaded(&text).settings);
        assert!(before != after, "{key} = {value} changes nothing");
    }
}

#[test]
fn the_example_documents_every_key_with_its_default_and_loads() {
    let example = crate::config::scaffold();
    let bench = Bench::new();
    let loaded = bench.loaded(&example);
    assert_eq!(loaded.warnings, []);
    assert_eq!(everything(&loaded.settings), everything(&bench.loaded("").settings));

    // With every setting switched on it is still right, and every key of the schema is in it.
    let full: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let loaded = bench.loaded(&full);
    let remarks: Vec<&str> = loaded.warnings.iter().map(|it| it.message.as_str()).collect();
    assert!(
        remarks.iter().all(|it| it.starts_with("there is no ") && it.ends_with("at the moment")),
        "{remarks:?}"
    );
    let table: toml::Table = toml::from_str(&full).unwrap();
    walk(ROOT, "", &mut |path, key| {
        let value = find(&table, path).unwrap_or_else(|| panic!("{path} is not in the example"));
        if let Some(default) = key.and_then(default_of) {
            let shown =
                ["adapter", "enabled", "projects", "agents"].iter().any(|it| path.contains(it));
            let default: toml::Table = toml::from_str(&format!("it = {default}")).unwrap();
            assert!(shown || *value == default["it"], "{path} is shown as {value}");
        }
    });
}

#[test]
fn the_reference_page_is_up_to_date() {
    let page = reference::render();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/config.md");
    #[expect(clippy::disallowed_methods, reason = "how a person asks for the page to be written")]
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/reference/config.md is out of date: UPDATE_REFERENCE=1 cargo test --lib config writes it anew"
    );
    walk(ROOT, "", &mut |path, key| {
        if let Some(key) = key {
            assert!(page.contains(&format!("**`{}`**", key.name)), "{path} is not on the page");
        }
    });
}

/// The path of a key in the agent of [`BASE`] whose kind has it.
fn at_its_kind(path: &str) -> String {
    let gateways = ["api", "key_variable", "context_window", "idle_timeout_ms", "prices"];
    match path.strip_prefix("agents.x.") {
        Some("script") => "agents.play.script".to_owned(),
        Some(key) if gateways.contains(&key.split('.').next().unwrap()) => {
            format!("agents.gateway.{key}")
        }
        _ => path.to_owned(),
    }
}

/// [`BASE`] with one key set.
fn with(key: &str, value: &str) -> String {
    let mut table: toml::Table = toml::from_str(BASE).unwrap();
    let value = toml::from_str::<toml::Table>(&format!("it = {value}")).unwrap()["it"].clone();
    let mut place = &mut table;
    let names: Vec<&str> = key.split('.').collect();
    let (last, above) = names.split_last().unwrap();
    for name in above {
        place = match name.strip_suffix("[]") {
            Some(list) => place[list].as_array_mut().unwrap()[0].as_table_mut().unwrap(),
            None => place
                .entry(*name)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()
                .unwrap(),
        };
    }
    place.insert((*last).to_owned(), value);
    toml::to_string(&table).unwrap()
}

/// All of the settings, secrets and all, apart from the digest.
fn everything(settings: &Settings) -> String {
    let mut settings = settings.clone();
    settings.digest.clear();
    let mut text = format!("{settings:?}");
    for agent in settings.agents.values() {
        for (name, value) in &agent.env {
            write!(text, "{name}={}", value.expose_secret()).unwrap();
        }
    }
    if let Some(azdo) = &settings.azdo {
        let signing = azdo.signing_secret.as_ref().map(ExposeSecret::expose_secret);
        write!(text, "{} {signing:?}", azdo.token.expose_secret()).unwrap();
    }
    if let Some(http) = &settings.http {
        let password = http.azdo_login.as_ref().map(|(_, password)| password.expose_secret());
        let secret = http.github_secret.as_ref().map(ExposeSecret::expose_secret);
        write!(text, "{password:?} {secret:?}").unwrap();
    }
    text
}

/// Calls `visit` with the path of every value: `[]` for a place in a list, `x` for a name of one's own.
fn walk(keys: &'static [Key], parent: &str, visit: &mut dyn FnMut(&str, Option<&'static Key>)) {
    for key in keys {
        let path =
            if parent.is_empty() { key.name.to_owned() } else { format!("{parent}.{}", key.name) };
        match &key.shape {
            Shape::Value(_) => visit(&path, Some(key)),
            Shape::Table(keys) => walk(keys, &path, visit),
            Shape::Tables(keys) => walk(keys, &format!("{path}[]"), visit),
            Shape::Map(_, Shape::Table(keys)) => walk(keys, &format!("{path}.x"), visit),
            Shape::Map(..) => visit(&format!("{path}.x"), None),
        }
    }
}

fn default_of(key: &'static Key) -> Option<&'static str> {
    match key.presence {
        crate::config::schema::Presence::Default(default) => Some(default),
        _ => None,
    }
}

/// The value at `path`, where any name of one's own will do.
fn find<'a>(table: &'a toml::Table, path: &str) -> Option<&'a toml::Value> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let candidates: Vec<&toml::Value> = match name.strip_suffix("[]") {
        Some(list) => table.get(list)?.as_array()?.iter().collect(),
        None if name == "x" => table.values().collect(),
        None => table.get(name).into_iter().collect(),
    };
    match rest {
        None => candidates.first().copied(),
        Some(rest) => candidates.into_iter().find_map(|it| find(it.as_table()?, rest)),
    }
}
