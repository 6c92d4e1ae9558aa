//! Are the agents there, new enough and logged in?

use tokio_util::sync::CancellationToken;

use crate::agents::AgentSettings;
use crate::agents::probe::{Probed, Problem, probe};
use crate::config::settings::Settings;
use crate::daemon;
use crate::domain::agent::{AgentKind, Stage};
use crate::domain::run::StageSet;

use super::super::entry::Context;
use super::super::hosting;
use super::Finding;

const AREA: &str = "agents";

pub(super) async fn look(context: &Context, settings: &Settings) -> Vec<Finding> {
    let setup = hosting::setup(context, settings.clone());
    let agents = daemon::agents(&setup);
    let cache = settings.daemon.state_dir.join("probes.json");
    let mut findings = Vec::new();
    for agent in agents.iter() {
        let stages = stages_of(settings, &agent.name);
        let probed = probe(agent, &cache, &CancellationToken::new()).await;
        findings.extend(describe(agent, &probed, &stages));
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
            | Problem::NoScript { .. } => !stages.is_empty(),
            Problem::NoVersion { .. } | Problem::Older { .. } | Problem::IgnoredKey { .. } => false,
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

fn in_order(agent: &AgentSettings, probed: &Probed) -> String {
    let program = probed.program.as_ref().map(|path| path.display().to_string());
    let version = probed.version.as_ref().map(|version| format!("version {version}"));
    let login = match (agent.kind, probed.logged_in) {
        (AgentKind::Claude | AgentKind::Codex, Some(true)) => Some("has credentials".to_owned()),
        (AgentKind::Claude | AgentKind::Codex, None) => {
            Some("whether it is logged in cannot be told".to_owned())
        }
        _ => None,
    };
    let parts: Vec<String> = [program, version, login].into_iter().flatten().collect();
    if parts.is_empty() { "is there".to_owned() } else { parts.join(", ") }
}

fn remedy(agent: &AgentSettings, problem: &Problem) -> String {
    let table = format!("[agents.{}]", agent.name);
    let login = match agent.kind {
        AgentKind::Claude => "~/.claude/.credentials.json",
        AgentKind::Codex => "~/.codex/auth.json",
        AgentKind::Command | AgentKind::Scripted => "its login file",
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
        Problem::NoScript { .. } => format!("correct `script` in {table}"),
    }
}
