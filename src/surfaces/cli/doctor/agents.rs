//! Are the agents there, new enough and logged in?

use tokio_util::sync::CancellationToken;

use crate::agents::probe::problem::Problem;
use crate::agents::probe::{Probed, probe};
use crate::agents::{AgentSettings, Capabilities, QuotaSource, ReadOnly, adapter};
use crate::config::settings::Settings;
use crate::daemon;
use crate::domain::agent::{AgentKind, Stage};
use crate::domain::run::StageSet;
use crate::process::sandbox::{Mode, support};

use super::super::entry::Context;
use super::super::hosting;
use super::Finding;

const AREA: &str = "agents";

pub(super) async fn look(context: &Context, settings: &Settings) -> Vec<Finding> {
    let setup = hosting::setup(context, settings.clone());
    let agents = daemon::agents(&setup);
    let cache = settings.daemon.state_dir.join("probes.json");
    let confined = settings.sandbox.mode != Mode::Off && support().files;
    let mut findings = Vec::new();
    for agent in agents.iter() {
        let stages = stages_of(settings, &agent.name);
        let probed = probe(agent, &cache, &CancellationToken::new()).await;
        findings.extend(describe(agent, &probed, &stages));
        findings.extend(unfit(agent, &probed, &stages, confined));
    }
    findings
}

/// What the agent is configured for.
fn stages_of(settings: &Settings, name: &str) -> Vec<&'static str> {
    let policy = &settings.policy;
    let own = policy.projects.values().filter_map(|project| project.stages.as_deref());
    let sets: Vec<&StageSet> = std::iter::once(&policy.stages).chain(own).collect();
    let uses = |stage: &Stage| {
        sets.iter().any(|set| set.of(*stage).is_some_and(|plan| plan.agent == name))
    };
    Stage::ALL.into_iter().filter(uses).map(Stage::word).collect()
}

fn describe(agent: &AgentSettings, probed: &Probed, stages: &[&str]) -> Vec<Finding> {
    let used = if stages.is_empty() { "unused".to_owned() } else { stages.join(" and ") };
    let subject = format!("{} ({}, {used})", agent.name, agent.kind.word());
    if probed.problems.is_empty() {
        return vec![Finding::ok(AREA, subject, in_order(agent, probed))];
    }
    let findings = probed.problems.iter().map(|problem| {
        let stops = match problem {
            Problem::NotFound { .. }
            | Problem::NotLoggedIn { .. }
            | Problem::NoCredentials { .. }
            | Problem::BadServer { .. }
            | Problem::KeyRefused { .. }
            | Problem::NoScript { .. } => !stages.is_empty(),
            Problem::NoVersion { .. }
            | Problem::Older { .. }
            | Problem::Unreachable { .. }
            | Problem::UnknownModel { .. }
            | Problem::IgnoredKey { .. }
            | Problem::Silent { .. } => false,
        };
        let text = super::super::errors::chain(problem);
        let found = if stops {
            Finding::stops(AREA, subject.clone(), text)
        } else {
            Finding::remark(AREA, subject.clone(), text)
        };
        found.remedy(remedy(agent, problem))
    });
    findings.collect()
}

/// A reviewer that nothing and nobody keeps from writing is not started. A script does what the operator wrote.
fn unfit(
    agent: &AgentSettings,
    probed: &Probed,
    stages: &[&str],
    confined: bool,
) -> Option<Finding> {
    let vouched = probed.capabilities.read_only == ReadOnly::Vouched;
    let kept = confined || agent.read_only_enforced || agent.kind == AgentKind::Scripted;
    let reads = |stage: &Stage| !stage.writes() && stages.contains(&stage.word());
    let stage = Stage::ALL.into_iter().find(reads).filter(|_| vouched && !kept)?;
    let text = format!(
        "cannot be the {}: nothing keeps it from writing when it is to read only",
        stage.word()
    );
    let subject = format!("{} ({})", agent.name, agent.kind.word());
    Some(Finding::stops(AREA, subject, text).remedy(format!(
        "use another agent for that, confine it (sandbox.mode), or vouch for it: `read_only_enforced = true` in \
         [agents.{}]",
        agent.name
    )))
}

fn in_order(agent: &AgentSettings, probed: &Probed) -> String {
    let program = probed.program.as_ref().map(|path| path.display().to_string());
    let version = probed.version.as_ref().map(|version| format!("version {version}"));
    let login = match (agent.kind, probed.logged_in) {
        (AgentKind::Acp | AgentKind::Command | AgentKind::Scripted, _) | (_, Some(false)) => None,
        (_, Some(true)) => Some("has credentials".to_owned()),
        (_, None) => Some("whether it is logged in cannot be told".to_owned()),
    };
    let abilities = Some(abilities(agent, &probed.capabilities));
    let parts: Vec<String> = [program, version, login, abilities].into_iter().flatten().collect();
    if parts.is_empty() { "is there".to_owned() } else { parts.join(", ") }
}

/// What a turn of it can do, in words.
fn abilities(agent: &AgentSettings, can: &Capabilities) -> String {
    let talked_to = agent.conversation || agent.kind == AgentKind::Acp;
    let keeps_conversations = !adapter(agent.kind).session_files(agent).is_empty();
    let yes = [
        (can.steer && talked_to, "can be steered"),
        (can.resume && keeps_conversations, "can resume"),
        (can.cost, "tells its cost"),
        (can.read_only == ReadOnly::Enforced, "can be kept from writing"),
        (can.quota_source == QuotaSource::Event, "tells when a limit resets"),
    ];
    let words: Vec<&str> = yes.iter().filter(|(can, _)| *can).map(|(_, words)| *words).collect();
    if words.is_empty() { "takes a prompt and answers".to_owned() } else { words.join(", ") }
}

fn remedy(agent: &AgentSettings, problem: &Problem) -> String {
    let table = format!("[agents.{}]", agent.name);
    let login = match agent.kind {
        AgentKind::Claude => "~/.claude/.credentials.json",
        AgentKind::Codex => "~/.codex/auth.json",
        AgentKind::Opencode => "~/.local/share/opencode/auth.json",
        AgentKind::Cursor => "~/.config/cursor/auth.json",
        AgentKind::Hermes => "~/.hermes/auth.json",
        AgentKind::Acp | AgentKind::Command | AgentKind::Scripted | AgentKind::Responses => {
            "its login file"
        }
    };
    match problem {
        Problem::NotFound { .. } => {
            format!("install it, or say where it is: `program` in {table}; or use another agent")
        }
        Problem::NoVersion { .. } => "start it by hand and see what it says".to_owned(),
        Problem::Older { .. } => "update it; nobody has tried this version".to_owned(),
        Problem::NotLoggedIn { key } => format!(
            "set {key} in [agents.{}.set], or log in and name the login: `credentials = \"{login}\"` in {table}",
            agent.name
        ),
        Problem::NoCredentials { .. } => {
            format!("log in with the agent's own program, or correct `credentials` in {table}")
        }
        Problem::IgnoredKey { instead, .. } => format!("rename it to {instead}"),
        Problem::Silent { .. } => {
            "update it; until then it gets one prompt per turn and nothing after that".to_owned()
        }
        Problem::BadServer { .. } => format!("correct `base_url` in {table}"),
        Problem::Unreachable { .. } => {
            format!("start it, or correct `base_url` in {table}; its work waits until it answers")
        }
        Problem::KeyRefused { .. } => {
            format!("correct the key: `key_variable` in {table}, or ENACT_RESPONSES_API_KEY")
        }
        Problem::UnknownModel { .. } => format!("correct `model` in {table}"),
        Problem::NoScript { .. } => format!("correct `script` in {table}"),
    }
}
