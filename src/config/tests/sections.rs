//! What the sections make of their values.

use std::path::Path;

use super::{Bench, Defaults};
use crate::config::environment::{Environment, ProcessEnvironment};
use crate::config::retention::RetentionSettings;
use crate::config::store::{NotDurable, StoreSettings};
use crate::domain::agent::{AgentKind, Stage};
use crate::domain::budget::{DayBudget, ItemBudget};
use crate::domain::ids::ProjectId;
use crate::domain::policy::{ApprovalPolicy, BlockedHours, Pace, ProjectPolicy, PullRequestPolicy};
use crate::domain::run::{Delivery, StagePlan, StageSet};
use crate::domain::work_item::{Lane, Trust};

#[test]
fn an_empty_file_means_the_documented_defaults() {
    let settings = Bench::new().loaded("").settings;
    let policy = settings.policy;
    assert!(!policy.autonomous);
    assert_eq!(
        policy.pace,
        Pace { window_ms: 18_000_000, global: None, per_project: Some(6), turbo: 20 }
    );
    assert_eq!(policy.item_budget, ItemBudget { attempts: Some(4), ..ItemBudget::default() });
    assert_eq!(policy.day_budget, DayBudget::default());
    assert_eq!(policy.approval, ApprovalPolicy { required: false, expires_ms: 86_400_000 });
    assert_eq!((policy.slots.global, policy.slots.per_project), (4, 2));
    assert_eq!(policy.max_rounds, 3);
    let coder = StagePlan {
        agent: "claude".to_owned(),
        model: None,
        escalate_model: None,
        escalate_after_round: 3,
        timeout_ms: 1_800_000,
        silence_ms: 300_000,
        effort: None,
        max_turns: None,
        follows_default: true,
    };
    assert_eq!(policy.stages.critic, Some(StagePlan { timeout_ms: 600_000, ..coder.clone() }));
    assert_eq!(policy.stages.coder, coder);
    assert_eq!(settings.daemon.shutdown_grace_ms, 30_000);
    let kept = RetentionSettings {
        failed_ms: 259_200_000,
        transcript_ms: 2_592_000_000,
        transcript_bytes: 4 << 30,
    };
    assert_eq!(settings.retention, kept);
    assert_eq!(settings.local, None);
    assert!(settings.schedule.is_none(), "work starts whenever something changes");
}

#[test]
fn a_project_is_read_whole() {
    let bench = Bench::new();
    let text = "[[projects]]\nname = \"a\"\npath = \"./repository/\"\nbase_branch = \"trunk\"\nenabled = false\n\
                checks = [\"true\"]\ncheck_timeout_ms = 5\ndelivery = \"merge\"\nslots = 1\npace = 2\nday_usd = 2.5\n\
                approval = true\n[budget]\nproject_day_tokens = 900\nproject_day_usd = 9\n";
    let policy = bench.loaded(text).settings.policy;
    let expected = ProjectPolicy {
        id: ProjectId::new("a"),
        repository: bench.path("repository").to_string_lossy().into_owned(),
        base_branch: Some("trunk".to_owned()),
        enabled: false,
        slots: Some(1),
        pace: Some(2),
        checks: vec!["true".to_owned()],
        check_timeout_ms: 5,
        delivery: Delivery::Merge,
        pull_request: PullRequestPolicy { poll_ms: 60_000, ..PullRequestPolicy::default() },
        day_budget: DayBudget { tokens: Some(900), cost_micro_usd: Some(2_500_000) },
        approval_required: Some(true),
        stages: None,
        workflow: None,
    };
    assert_eq!(policy.projects.values().collect::<Vec<_>>(), [&expected]);
    // The only project is where items without one belong.
    assert_eq!(policy.default_project, Some(ProjectId::new("a")));
    let two = format!("{text}[[projects]]\nname = \"b\"\npath = \"~/b\"\n");
    let policy = bench.loaded(&two).settings.policy;
    assert_eq!(policy.default_project, None);
    assert_eq!(policy.projects[&ProjectId::new("b")].repository, "/home/me/b");
}

#[test]
fn a_project_drives_its_stages_as_it_says_and_everything_else_as_usual() {
    let bench = Bench::new();
    let text = "[autonomous.default_stages.coder]\nmodel = \"small\"\neffort = \"low\"\n\
                [[projects]]\nname = \"a\"\npath = \"repository\"\n\
                [projects.default_stages.executor]\nmodel = \"big\"\n\
                [projects.default_stages.stage-documenter]\nenabled = true\nagent = \"codex\"\n\
                [projects.default_stages.critic]\nenabled = false\n\
                [[projects]]\nname = \"b\"\npath = \"b\"\n";
    let policy = bench.loaded(text).settings.policy;
    let a = policy.stages_in(policy.projects.get(&ProjectId::new("a")));
    assert_eq!(a.coder.model.as_deref(), Some("big"));
    assert_eq!(a.coder.effort.as_deref(), Some("low"));
    assert_eq!(a.critic, None);
    assert_eq!(a.optional.stage_documenter.as_ref().map(|plan| plan.agent.as_str()), Some("codex"));
    let b = policy.stages_in(policy.projects.get(&ProjectId::new("b")));
    assert_eq!(b, &policy.stages);
    assert_eq!(b.agents(), ["claude"]);
    let wrong = "[[projects]]\nname = \"a\"\npath = \"repository\"\n\
                 [projects.default_stages.judge]\nenabled = true\n\
                 [projects.default_stages.coder]\nenabled = false\n";
    let said = bench.report(wrong).to_string();
    assert!(said.contains("there is no stage \"judge\""), "{said}");
    assert!(said.contains("the coder cannot be switched off"), "{said}");
}

#[test]
fn stages_without_an_agent_of_their_own_follow_the_default_one() {
    let text = "adapter = \"codex\"\n[autonomous.default_stages.critic]\nadapter = \"codex\"\n\
                [[projects]]\nname = \"a\"\npath = \"repository\"\n\
                [projects.default_stages.coder]\nmodel = \"big\"\n\
                [projects.default_stages.tester]\nenabled = true\n\
                [[projects]]\nname = \"b\"\npath = \"b\"\n\
                [projects.default_stages.coder]\nagent = \"codex\"\n";
    let policy = Bench::new().loaded(text).settings.policy;
    assert_eq!(policy.default_agent, "codex");
    let follows = |stages: &StageSet, stage: Stage| stages.of(stage).map(|it| it.follows_default);
    assert_eq!(follows(&policy.stages, Stage::Coder), Some(true));
    assert_eq!(follows(&policy.stages, Stage::Critic), Some(false));
    let of = |name: &str| policy.stages_in(policy.projects.get(&ProjectId::new(name)));
    let (a, b) = (of("a"), of("b"));
    assert_eq!(follows(a, Stage::Coder), Some(true), "a model is no agent");
    assert_eq!((follows(a, Stage::Tester), follows(a, Stage::Critic)), (Some(true), Some(false)));
    assert_eq!(follows(b, Stage::Coder), Some(false));
}

#[test]
fn whoever_stands_in_is_an_agent_with_a_table_or_a_kind() {
    let text = "[agents.claude]\nfailover = [\"mine\", \"codex\"]\n\
                [agents.mine]\nkind = \"command\"\nprogram = \"./mine\"\nfailover = [\"claude\"]\n";
    let agents = Bench::new().loaded(text).settings.policy.agents;
    let failover = |name: &str| agents[name].failover.clone();
    assert_eq!(failover("claude"), ["mine", "codex"]);
    assert_eq!(
        failover("mine"),
        ["claude"],
        "a circle is no mistake: nobody stands in for a stand-in"
    );
    assert_eq!((agents["codex"].kind, failover("codex")), (AgentKind::Codex, Vec::new()));
}

#[test]
fn the_critic_can_be_switched_off_in_two_places() {
    let bench = Bench::new();
    let off = "[autonomous]\npair_mode = false\n";
    assert_eq!(bench.loaded(off).settings.policy.stages.critic, None);
    let off = "[autonomous.default_stages.critic]\nenabled = false\n";
    assert_eq!(bench.loaded(off).settings.policy.stages.critic, None);
}

#[test]
fn agents_come_from_tables_and_from_use() {
    let settings = Bench::new()
        .loaded(
            "adapter = \"writer\"\n\
             [autonomous.default_stages.critic]\nadapter = \"codex\"\n\
             [agents.writer]\nkind = \"command\"\nprogram = \"./bin/write\"\nread_only_enforced = true\nslots = 2\n\
             [agents.claude]\nprogram = \"claude-next\"\nmax_turns = 5\nbase_url = \"http://127.0.0.1:1\"\n\
             [agents.actor]\nkind = \"scripted\"\nscript = \"play.json\"\n",
        )
        .settings;
    assert_eq!(settings.agents.keys().collect::<Vec<_>>(), ["actor", "claude", "codex", "writer"]);
    let writer = &settings.agents["writer"];
    assert_eq!((writer.kind, writer.name.as_str()), (AgentKind::Command, "writer"));
    assert!(writer.program.as_ref().unwrap().is_absolute() && writer.read_only_enforced);
    assert_eq!(settings.agents["claude"].program.as_deref(), Some(Path::new("claude-next")));
    assert_eq!(settings.agents["codex"].kind, AgentKind::Codex);
    assert_eq!(settings.policy.slots.per_agent.get("writer"), Some(&2));
    assert_eq!(settings.policy.stages.coder.agent, "writer");
    assert_eq!(settings.policy.stages.critic.unwrap().agent, "codex");
}

#[test]
fn spans_of_the_day_are_minutes() {
    let policy = Bench::new()
        .loaded(
            "[pace]\nblocked_hours = [\"22:00-06:30\", \"8:05 - 24:00\"]\ntime_zone = \"Europe/Berlin\"\n",
        )
        .settings
        .policy;
    assert_eq!(
        policy.blocked_hours,
        [BlockedHours { from: 1320, until: 390 }, BlockedHours { from: 485, until: 0 }]
    );
    assert_eq!(policy.time_zone, chrono_tz::Europe::Berlin);
}

#[test]
fn money_is_exact_to_the_millionth() {
    for (written, expected) in [("2", 2_000_000), ("0.1", 100_000), ("1.000001", 1_000_001)] {
        let text = format!("[budget]\nitem_usd = {written}\n");
        let policy = Bench::new().loaded(&text).settings.policy;
        assert_eq!(policy.item_budget.cost_micro_usd, Some(expected));
    }
}

#[test]
fn local_work_items_are_on_once_there_is_a_directory() {
    let bench = Bench::new();
    let text = "[local]\ndirectory = \"repository\"\nlane = \"manual\"\ntrust = false\n";
    let local = bench.loaded(text).settings.local.unwrap();
    assert_eq!(local.directory, bench.path("repository"));
    assert_eq!((local.default_lane, local.trust), (Lane::Manual, Trust::Untrusted));
    assert_eq!(local.default_project, None);
}

#[test]
fn a_store_in_memory_is_no_store_for_a_daemon() {
    let settings = Bench::new().loaded("[store]\nbackend = \"memory\"\n").settings;
    assert_eq!(settings.store, StoreSettings::Memory);
    assert_eq!(settings.store.durable(), Err(NotDurable));
}

#[test]
fn the_environment_of_the_process_can_be_read() {
    assert!(ProcessEnvironment.variables().contains_key("PATH"));
    let here = Defaults { cwd: std::env::current_dir().unwrap(), home: Some("/home/me".into()) };
    assert!(here.cwd.is_absolute());
}
