//! The validated configuration: what each component is given, and nothing of how it was written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::agents::AgentSettings;
use crate::domain::ids::ProjectId;
use crate::domain::policy::{Policy, ProjectPolicy};
use crate::domain::run::StageSet;
use crate::process::sandbox::Wish;
use crate::trackers::azure_devops::AzureSettings;
use crate::trackers::github::GithubSettings;
use crate::trackers::local::LocalSettings;

use super::agents;
use super::autonomous;
use super::azdo;
use super::budget;
use super::context;
use super::daemon::{self, DaemonSettings};
use super::decomposition;
use super::discord::{self, DiscordSettings};
use super::github;
use super::http::{self, HttpSettings};
use super::keeper::{self, KeeperSettings};
use super::local;
use super::offering::{self, ForgeAccess, ForgeWish};
use super::pace;
use super::projects;
use super::retention::{self, RetentionSettings};
use super::sandbox;
use super::schedule::Schedule;
use super::section::{Section, small};
use super::slots;
use super::sources::Sources;
use super::stages;
use super::store::{self, StoreSettings};
use super::wip;

/// Everything that was configured, checked and with defaults filled in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The process itself.
    pub daemon: DaemonSettings,
    /// Where the event log lives.
    pub store: StoreSettings,
    /// What the planner and new runs go by.
    pub policy: Policy,
    /// The agents by name: those with a table, and those that a stage uses without one.
    pub agents: BTreeMap<String, AgentSettings>,
    /// Local work items, if there is a directory for them.
    pub local: Option<LocalSettings>,
    /// Work items on Azure DevOps, if they are taken from there.
    pub azdo: Option<AzureSettings>,
    /// Variables that Azure DevOps would need and that have no value, while no items are taken from there.
    pub azdo_missing: Vec<&'static str>,
    /// Issues on GitHub, if there are repositories of them.
    pub github: Option<GithubSettings>,
    /// Discord, if the factory is there.
    pub discord: Option<DiscordSettings>,
    /// Where the changes of projects that offer them as pull requests are offered.
    pub forges: BTreeMap<ProjectId, ForgeWish>,
    /// What is known of the servers that forges are on.
    pub access: ForgeAccess,
    /// The daemon's port, if it listens to one.
    pub http: Option<HttpSettings>,
    /// How agents are kept.
    pub keeper: KeeperSettings,
    /// How long things are kept.
    pub retention: RetentionSettings,
    /// How agents are confined.
    pub sandbox: Wish,
    /// When to look for work; absent: whenever something changes.
    pub schedule: Option<Schedule>,
    /// Every value that must be cut out of what is stored or shown.
    pub secrets: Vec<SecretString>,
    /// Absolute path of the file; absent when there is none and all this is defaults.
    pub source: Option<PathBuf>,
    /// SHA-256 in hex over all that went into these settings: equal when nothing changed.
    pub digest: String,
}

/// Puts the sections together. What does not go together is reported to `sources`.
pub(super) fn assemble(
    root: &Section,
    variables: &BTreeMap<String, String>,
    mut secrets: Vec<String>,
    sources: &mut Sources,
) -> Settings {
    let daemon = daemon::read(root.table("daemon"));
    let autonomous = root.table("autonomous");
    let budget = budget::read(root.table("budget"));
    let mut projects = projects::read(root.tables("projects"), budget.project_day, sources);
    let mut agents = agents::read(root.table("agents"), variables, &mut secrets, sources);
    let stages = stages::read(root, &mut agents, sources);
    own_stages(root, &mut projects, &stages, &mut agents, sources);
    let division = decomposition::read(root, &mut agents, sources);
    let roster = agents.policies(root.table("agents"), sources);
    let time_zone = pace::time_zone(root.table("pace"), sources);
    let azdo = azdo::read(root.table("azdo"), &projects, variables, &mut secrets, sources);
    let azdo_missing = azdo::missing(root.table("azdo"), variables, azdo.is_some());
    let policy = Policy {
        autonomous: autonomous.is("enabled"),
        pace: pace::read(root.table("pace")),
        blocked_hours: pace::blocked_hours(root.table("pace"), sources),
        time_zone,
        item_budget: budget.item,
        day_budget: budget.day,
        window_budget: budget.window,
        wip: wip::read(root.table("wip")),
        approval: autonomous::approval(autonomous),
        division,
        slots: slots::read(root.table("slots"), &agents, sources),
        max_rounds: small(autonomous.count("max_iterations")),
        stages,
        default_agent: root.owned("adapter").unwrap_or_default(),
        agents: roster,
        context: context::read(root, sources),
        default_project: autonomous::default_project(autonomous, &projects, sources),
        projects,
    };
    Settings {
        store: store::read(root.table("store"), &daemon.state_dir),
        daemon,
        agents: agents.settings,
        local: local::read(root.table("local"), &policy.projects, sources),
        azdo,
        azdo_missing,
        github: github::read(
            root.table("github"),
            &policy.projects,
            variables,
            &mut secrets,
            sources,
        ),
        discord: discord::read(root.table("discord"), variables, &mut secrets, sources),
        forges: projects::forges(root.tables("projects"), &policy.projects),
        access: access(root, variables, &mut secrets, sources),
        http: http::read(root.table("http"), variables, &mut secrets, sources),
        policy,
        keeper: keeper::read(root.table("keeper")),
        retention: retention::read(root.table("retention")),
        sandbox: sandbox::read(root.table("sandbox"), sources),
        schedule: autonomous::schedule(autonomous, time_zone, sources),
        secrets: super::secret::collect(secrets),
        source: None,
        digest: String::new(),
    }
}

/// Gives every project the stages that it has for itself.
fn own_stages(
    root: &Section,
    projects: &mut BTreeMap<ProjectId, ProjectPolicy>,
    stages: &StageSet,
    agents: &mut agents::Agents,
    sources: &mut Sources,
) {
    for section in root.tables("projects") {
        let named = section.text("name").map(ProjectId::new);
        let own = stages::of_project(root, section, stages, agents, sources);
        if let Some(project) = named.and_then(|id| projects.get_mut(&id)) {
            project.stages = own;
        }
    }
}

/// What is known of the servers that forges are on.
fn access(
    root: &Section,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> ForgeAccess {
    let access = ForgeAccess {
        github_url: github::address(root.table("github")),
        github_token: github::token_of(root.table("github"), variables, secrets),
        azure_url: azdo::address(root.table("azdo")),
        azure_token: azdo::token_of(root.table("azdo"), variables),
    };
    offering::check_tokens(root.tables("projects"), &access, sources);
    access
}
