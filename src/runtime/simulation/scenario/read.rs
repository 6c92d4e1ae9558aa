//! From the file as written to a [`Script`]: defaults filled in, names resolved, everything checked.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use chrono_tz::Tz;
use toml::Spanned;

use crate::domain::agent::{AgentKind, Stage};
use crate::domain::budget::{DayBudget, ItemBudget, WindowBudget};
use crate::domain::epic::DivisionPolicy;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::policy::{
    ApprovalPolicy, BlockedHours, Pace, Policy, ProjectPolicy, PullRequestPolicy, Slots,
};
use crate::domain::provider::AgentPolicy;
use crate::domain::run::{ContextPlan, Delivery, OptionalStages, StagePlan, StageSet};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};

use super::span::Span;
use super::{Faults, Happening, Part, SOURCE, ScenarioError, Script, nearest, tables};

mod events;

/// A Monday morning: when a scenario begins that does not say when.
const START: Timestamp = Timestamp(1_772_438_400_000);

const HOUR: Duration = Duration::from_secs(3600);

/// Name of the project of a scenario that has none.
const PROJECT: &str = "demo";

/// Ten cents in micro-dollars, per cent.
const MICRO_PER_CENT: u64 = 10_000;

/// Reads positions and names of one file.
pub(super) struct Reader<'a> {
    text: &'a str,
    start: Timestamp,
    projects: Vec<String>,
    items: Vec<String>,
}

pub(super) fn read(text: &str) -> Result<Script, ScenarioError> {
    let file: tables::File = toml::from_str(text).map_err(|error| from_toml(text, &error))?;
    let start = match &file.factory.start {
        None => START,
        Some(start) => instant(text, start)?,
    };
    let mut projects: Vec<String> =
        file.project.iter().map(|project| project.name.get_ref().clone()).collect();
    if projects.is_empty() {
        projects.push(PROJECT.to_owned());
    }
    let items = file.item.iter().map(|item| item.id.get_ref().clone()).collect();
    let reader = Reader { text, start, projects, items };
    let policy = reader.policy(file.policy, &file.project)?;
    let parts = reader.parts(file.item)?;
    let mut happenings: Vec<(Timestamp, Happening)> =
        parts.iter().map(|(id, part)| (part.appears, Happening::Appear(id.clone()))).collect();
    for event in file.event {
        happenings.push(reader.event(event)?);
    }
    happenings.sort_by_key(|(at, _)| *at);
    Ok(Script {
        title: file.title,
        start,
        until: start.after(file.factory.until.map_or(7 * 24 * HOUR, |span| span.0)),
        poll: file.factory.poll.map_or(Duration::from_secs(30), |span| span.0),
        reading: file.factory.reading.0,
        heartbeat: file.factory.heartbeat.map(|span| span.0),
        lag: file.factory.lag.0,
        policy,
        parts,
        happenings,
        faults: Faults {
            before_append: file.faults.before_append,
            after_append: file.faults.after_append,
            down: file.faults.down.map_or(Duration::from_secs(5), |span| span.0),
        },
    })
}

fn from_toml(text: &str, error: &toml::de::Error) -> ScenarioError {
    let offset = error.span().map_or(0, |span| span.start);
    let message = error.message().trim().replace('\n', " ");
    let hint = unknown_field(&message);
    ScenarioError::at(text, offset, message, hint)
}

/// The nearest key, when the message is about an unknown one.
fn unknown_field(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    let (word, others) = rest.split_once('`')?;
    let known: Vec<&str> = others.split('`').skip(1).step_by(2).collect();
    nearest(word, &known).map(|near| format!("did you mean `{near}`?"))
}

fn instant(text: &str, written: &Spanned<String>) -> Result<Timestamp, ScenarioError> {
    match DateTime::parse_from_rfc3339(written.get_ref()) {
        Ok(instant) => Ok(Timestamp(instant.timestamp_millis())),
        Err(_) => {
            let message = format!("`{}` is not an instant", written.get_ref());
            let hint = Some("write for example 2026-03-02T08:00:00Z".to_owned());
            Err(ScenarioError::at(text, written.span().start, message, hint))
        }
    }
}

impl Reader<'_> {
    /// A mistake at the place of `spanned`.
    fn wrong<T>(
        &self,
        spanned: &Spanned<T>,
        message: String,
        hint: Option<String>,
    ) -> ScenarioError {
        ScenarioError::at(self.text, spanned.span().start, message, hint)
    }

    /// One of a closed list of words.
    fn word<T>(
        &self,
        written: Option<&Spanned<String>>,
        what: &str,
        words: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ScenarioError> {
        let Some(written) = written else { return Ok(None) };
        match parse(written.get_ref()) {
            Some(value) => Ok(Some(value)),
            None => {
                let message = format!("`{}` is not a {what}", written.get_ref());
                let hint = nearest(written.get_ref(), words).map_or_else(
                    || format!("there are {}", words.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(self.wrong(written, message, Some(hint)))
            }
        }
    }

    fn state(&self, written: Option<&Spanned<String>>) -> Result<Option<ItemState>, ScenarioError> {
        let words = ItemState::ALL.map(ItemState::label);
        self.word(written, "state", &words, ItemState::parse)
    }

    fn priority(
        &self,
        written: Option<&Spanned<String>>,
    ) -> Result<Option<Priority>, ScenarioError> {
        self.word(written, "priority", &Priority::ALL.map(Priority::word), Priority::parse)
    }

    fn lane(&self, written: Option<&Spanned<String>>) -> Result<Option<Lane>, ScenarioError> {
        self.word(written, "lane", &Lane::ALL.map(Lane::word), Lane::parse)
    }

    fn project(
        &self,
        written: Option<&Spanned<String>>,
    ) -> Result<Option<ProjectId>, ScenarioError> {
        let names: Vec<&str> = self.projects.iter().map(String::as_str).collect();
        self.word(written, "project of this scenario", &names, |name| {
            names.contains(&name).then(|| ProjectId::new(name))
        })
    }

    /// An item of this scenario.
    fn item(&self, written: &Spanned<String>) -> Result<ItemId, ScenarioError> {
        let names: Vec<&str> = self.items.iter().map(String::as_str).collect();
        let found = self.word(Some(written), "item of this scenario", &names, |name| {
            names.contains(&name).then(|| item_id(name))
        });
        found.map(|id| id.unwrap_or_else(|| item_id(written.get_ref())))
    }

    fn parts(&self, items: Vec<tables::Item>) -> Result<BTreeMap<ItemId, Part>, ScenarioError> {
        let mut parts = BTreeMap::new();
        for item in items {
            let id = item_id(item.id.get_ref());
            if item.id.get_ref().trim().is_empty() || parts.contains_key(&id) {
                let message = format!("there is already an item `{}`", id.identifier());
                return Err(self.wrong(&item.id, message, None));
            }
            parts.insert(id.clone(), self.part(id, item)?);
        }
        Ok(parts)
    }

    fn part(&self, id: ItemId, written: tables::Item) -> Result<Part, ScenarioError> {
        let appears = self.start.after(written.appears.0);
        let item = WorkItem {
            project: self.project(written.project.as_ref())?,
            title: written.title.unwrap_or_else(|| format!("Task {}", id.identifier())),
            body: written.body,
            state: self.state(written.state.as_ref())?.unwrap_or_default(),
            priority: self.priority(written.priority.as_ref())?.unwrap_or_default(),
            labels: written.labels,
            lane: self.lane(written.lane.as_ref())?.unwrap_or(Lane::Autopilot),
            blocked_by: written.blocked_by.iter().map(|name| item_id(name)).collect(),
            parent: written.parent.map(|name| item_id(&name)),
            author: written.author,
            trust: match written.trusted {
                Some(false) => Trust::Untrusted,
                Some(true) | None => Trust::Trusted,
            },
            created_at: Some(appears),
            revision: String::new(),
            overrides: Overrides::default(),
            id,
        };
        Ok(Part {
            item,
            appears,
            coder: written.coder,
            critic: written.critic,
            diagnose: written.diagnose,
            tester: written.tester,
            documenter: written.documenter,
            auditor: written.auditor,
            stage_documenter: written.stage_documenter,
            checks: written.checks,
            merged_checks: written.merged_checks,
            workspace: written.workspace,
            delivery: written.delivery,
            tracker: written.tracker,
        })
    }

    fn policy(
        &self,
        rules: tables::Rules,
        projects: &[tables::Project],
    ) -> Result<Policy, ScenarioError> {
        let time_zone =
            self.word(rules.time_zone.as_ref(), "time zone", &[], |name| name.parse::<Tz>().ok())?;
        let critic = rules.critic.unwrap_or(true);
        let mut coder = stage("coder", 30);
        coder.escalate_model.clone_from(&rules.escalate_model);
        coder.escalate_after_round = rules.escalate_after_round.unwrap_or(3);
        let critic = critic.then(|| stage("critic", 10));
        let mut stages = StageSet { coder, critic, optional: OptionalStages::default() };
        for written in &rules.stages {
            let words = Stage::ALL.map(Stage::word);
            let found = self.word(Some(written), "stage", &words, Stage::parse)?;
            if let Some(found) = found.filter(|it| !matches!(it, Stage::Coder | Stage::Critic)) {
                stages.set(found, Some(stage(found.word(), 10)));
            }
        }
        let configured = self.projects(projects)?;
        Ok(Policy {
            autonomous: rules.autonomous.unwrap_or(true),
            pace: Pace {
                window_ms: rules.pace.window.map_or(5 * 3_600_000, millis),
                global: rules.pace.global,
                per_project: rules.pace.per_project,
                turbo: rules.pace.turbo.unwrap_or(20),
            },
            blocked_hours: self.blocked_hours(&rules.blocked_hours)?,
            time_zone: time_zone.unwrap_or(Tz::UTC),
            item_budget: item_budget(&rules.item_budget),
            day_budget: day_budget(&rules.day_budget),
            window_budget: WindowBudget {
                window_ms: rules.window_budget.window.map_or(WindowBudget::WINDOW_MS, millis),
                tokens: rules.window_budget.tokens,
                cost_micro_usd: rules.window_budget.cents.map(|cents| cents * MICRO_PER_CENT),
            },
            wip: rules.wip,
            approval: ApprovalPolicy {
                required: rules.approval,
                expires_ms: rules.approval_expires.map_or(24 * 3_600_000, millis),
            },
            division: DivisionPolicy {
                enabled: false,
                threshold_minutes: 30,
                max_depth: 2,
                max_children: 5,
                daily_limit: 20,
                approval: false,
                stage: stages.coder.clone(),
            },
            slots: Slots {
                global: rules.slots.global.unwrap_or(4),
                per_project: rules.slots.per_project.unwrap_or(4),
                per_agent: rules.slots.agents,
            },
            max_rounds: rules.max_rounds.unwrap_or(3),
            default_agent: stages.coder.agent.clone(),
            agents: roster(&stages, &rules.agents, &rules.failover),
            stages,
            context: ContextPlan::default(),
            default_project: configured.keys().next().cloned(),
            projects: configured,
        })
    }

    fn projects(
        &self,
        written: &[tables::Project],
    ) -> Result<BTreeMap<ProjectId, ProjectPolicy>, ScenarioError> {
        if written.is_empty() {
            let project = project(PROJECT);
            return Ok(BTreeMap::from([(project.id.clone(), project)]));
        }
        let mut projects = BTreeMap::new();
        for table in written {
            let words = ["branch", "merge"];
            let delivery =
                self.word(table.delivery.as_ref(), "delivery", &words, |word| match word {
                    "branch" => Some(Delivery::Branch),
                    "merge" => Some(Delivery::Merge),
                    _ => None,
                })?;
            let project = ProjectPolicy {
                checks: table.checks.clone(),
                delivery: delivery.unwrap_or(Delivery::Merge),
                enabled: table.enabled.unwrap_or(true),
                slots: table.slots,
                pace: table.pace,
                day_budget: day_budget(&table.day_budget),
                approval_required: table.approval,
                ..project(table.name.get_ref())
            };
            if projects.insert(project.id.clone(), project).is_some() {
                let message = format!("there is already a project `{}`", table.name.get_ref());
                return Err(self.wrong(&table.name, message, None));
            }
        }
        Ok(projects)
    }

    fn blocked_hours(
        &self,
        written: &[Spanned<String>],
    ) -> Result<Vec<BlockedHours>, ScenarioError> {
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let hours = |text: &str| {
            let (from, until) = text.split_once('-')?;
            Some(BlockedHours { from: minute(from)?, until: minute(until)? })
        };
        written
            .iter()
            .map(|span| {
                hours(span.get_ref()).ok_or_else(|| {
                    let message = format!("`{}` is not a span of the day", span.get_ref());
                    self.wrong(span, message, Some("write for example 22:00-06:00".to_owned()))
                })
            })
            .collect()
    }
}

fn item_id(name: &str) -> ItemId {
    ItemId(format!("{SOURCE}/{}", name.trim()))
}

fn millis(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

fn stage(agent: &str, minutes: u64) -> StagePlan {
    StagePlan {
        agent: agent.to_owned(),
        model: None,
        escalate_model: None,
        escalate_after_round: 3,
        timeout_ms: minutes * 60_000,
        effort: None,
        max_turns: None,
        silence_ms: 300_000,
        follows_default: true,
    }
}

/// The agents of the stages, and those that are named besides.
fn roster(
    stages: &StageSet,
    more: &[String],
    failover: &BTreeMap<String, Vec<String>>,
) -> BTreeMap<String, AgentPolicy> {
    let named = failover.values().flatten().chain(more).map(String::as_str);
    let policy = |name: &str| AgentPolicy {
        kind: AgentKind::Scripted,
        failover: failover.get(name).cloned().unwrap_or_default(),
        unfit_to_judge: None,
    };
    stages.agents().into_iter().chain(named).map(|name| (name.to_owned(), policy(name))).collect()
}

fn project(name: &str) -> ProjectPolicy {
    ProjectPolicy {
        id: ProjectId::new(name),
        repository: format!("/repositories/{name}"),
        base_branch: None,
        enabled: true,
        slots: None,
        pace: None,
        checks: vec!["make check".to_owned()],
        check_timeout_ms: 600_000,
        delivery: Delivery::Merge,
        pull_request: PullRequestPolicy::default(),
        day_budget: DayBudget::default(),
        approval_required: None,
        stages: None,
        workflow: None,
    }
}

fn day_budget(written: &tables::DayBudget) -> DayBudget {
    DayBudget {
        tokens: written.tokens,
        cost_micro_usd: written.cents.map(|cents| cents * MICRO_PER_CENT),
    }
}

fn item_budget(written: &tables::ItemBudget) -> ItemBudget {
    ItemBudget {
        attempts: written.attempts,
        turns: written.turns,
        tokens: written.tokens,
        cost_micro_usd: written.cents.map(|cents| cents * MICRO_PER_CENT),
        wall_ms: written.time.map(millis),
    }
}
