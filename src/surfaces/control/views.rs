//! The daemon's picture as it goes over the socket and into `--json`: stable field names, owned text.

use serde::{Deserialize, Serialize};

use crate::domain::budget::Usage;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::time::Timestamp;
use crate::runtime::engine;

use super::lane_views::{LanesView, LedgerView, SessionView};
use super::provider_views::{ProviderView, SwitchView};
use super::webhook_views::WebhooksView;
use super::write_views::WriteView;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its short id.
    pub short: String,
    /// The item it works on.
    pub item: ItemId,
    /// What it is doing (`coding`, …).
    pub phase: String,
    /// The round, from 1.
    pub round: u32,
    /// Rounds it may have.
    pub max_rounds: u32,
    /// Number of this attempt at the item, from 1.
    pub attempt: u32,
    /// The agent at work or last at work.
    pub agent: Option<String>,
    /// Stages whose turns another agent does than they were configured with.
    pub switches: Vec<SwitchView>,
    /// Agent turns so far.
    pub turns: usize,
    /// What they used.
    pub usage: UsageView,
    /// When it began.
    #[serde(with = "instant")]
    pub started: Timestamp,
    /// Why it waits.
    pub waiting: Option<WaitingView>,
    /// Its branch.
    pub branch: Option<String>,
    /// Its worktree.
    pub worktree: Option<String>,
    /// What it has changed (`3 files, +10 −2`).
    pub change: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// One sentence about that.
    pub detail: String,
}

impl From<engine::RunView> for RunView {
    fn from(view: engine::RunView) -> Self {
        Self {
            id: view.id,
            short: view.short,
            item: view.item,
            phase: view.phase.to_owned(),
            round: view.round,
            max_rounds: view.max_rounds,
            attempt: view.attempt,
            agent: view.agent,
            switches: view.switches.into_iter().map(SwitchView::from).collect(),
            turns: view.turns,
            usage: view.usage.into(),
            started: view.started,
            waiting: view.waiting.map(|(reason, until)| WaitingView { reason, until }),
            branch: view.branch,
            worktree: view.worktree,
            change: view.change,
            outcome: view.outcome.map(str::to_owned),
            detail: view.detail,
        }
    }
}

/// Why a run waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingView {
    /// The sentence for people.
    pub reason: String,
    /// When the same step is tried again.
    #[serde(with = "instant")]
    pub until: Timestamp,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageView {
    /// Fresh input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Input tokens out of the provider's cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Agent calls that reported no money: when there are any, the sum is a lower bound.
    pub unpriced_calls: u32,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let Usage {
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            cost_micro_usd,
            unpriced_calls,
        } = usage;
        Self {
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            cost_micro_usd,
            unpriced_calls,
        }
    }
}

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemView {
    /// Its id.
    pub id: ItemId,
    /// One line.
    pub title: String,
    /// Execution status (`pending`, `in_flight`, …).
    pub status: String,
    /// What its tracker says (`In Progress`, …).
    pub state: String,
    /// Order of importance.
    pub priority: String,
    /// Who drives it.
    pub lane: String,
    /// Failed attempts that counted.
    pub attempts: u32,
    /// What it used.
    pub usage: UsageView,
    /// What the planner says: chosen, running, held by which gate until what.
    pub decision: String,
    /// What waits for a person.
    pub question: Option<String>,
    /// Why a person is needed.
    pub question_class: Option<String>,
    /// The run that has it.
    pub run: Option<RunId>,
    /// How its last run ended.
    pub last_outcome: Option<String>,
    /// What its tracker refused, though it took the rest.
    #[serde(default)]
    pub refusal: Option<String>,
    /// Its pull request.
    #[serde(default)]
    pub pull_request: Option<PullRequestView>,
}

/// A pull request of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestView {
    /// Where people look at it.
    pub url: String,
    /// Its number on the forge.
    pub number: u64,
    /// How it stands, in a few words.
    pub standing: String,
}

impl From<engine::PullRequestView> for PullRequestView {
    fn from(view: engine::PullRequestView) -> Self {
        Self { url: view.url, number: view.number, standing: view.standing }
    }
}

impl From<engine::ItemView> for ItemView {
    fn from(view: engine::ItemView) -> Self {
        Self {
            id: view.id,
            title: view.title,
            status: view.status.to_owned(),
            state: view.state.to_owned(),
            priority: view.priority.to_owned(),
            lane: view.lane.to_owned(),
            attempts: view.attempts,
            usage: view.usage.into(),
            decision: view.decision,
            question: view.question,
            question_class: view.question_class.map(str::to_owned),
            run: view.run,
            last_outcome: view.last_outcome.map(str::to_owned),
            refusal: view.refusal,
            pull_request: view.pull_request.map(PullRequestView::from),
        }
    }
}

/// The whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// When.
    #[serde(with = "instant")]
    pub at: Timestamp,
    /// Who paused intake.
    pub paused_by: Option<String>,
    /// Until when both pace caps are raised.
    #[serde(with = "optional_instant")]
    pub turbo_until: Option<Timestamp>,
    /// Runs that are not over.
    pub runs: Vec<RunView>,
    /// Items, open ones first.
    pub items: Vec<ItemView>,
    /// Tokens and money since UTC midnight.
    pub spent_today: UsageView,
    /// What is wrong with trackers' files.
    pub problems: Vec<String>,
    /// Agents that cannot be used.
    pub unavailable_agents: Vec<UnavailableAgent>,
    /// Agents that their providers do not let in.
    pub refused_agents: Vec<RefusedAgent>,
    /// Effects waiting or under way.
    pub open_effects: usize,
    /// Updates for trackers that are still to be written or were given up.
    #[serde(default)]
    pub writes: Vec<WriteView>,
    /// The default provider, and the agents there are.
    pub provider: ProviderView,
    /// What has come to the daemon's port; absent when it listens to none.
    pub webhooks: Option<WebhooksView>,
    /// Operator lanes, closes that wait for a person, and verdicts of the stop policy.
    #[serde(default)]
    pub lanes: LanesView,
}

/// An agent that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnavailableAgent {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// An agent that its provider does not let in, or did not when it was asked last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedAgent {
    /// Its name.
    pub name: String,
    /// What it said.
    pub reason: String,
    /// Since when it is refused, or is to be tried again.
    #[serde(with = "instant")]
    pub since: Timestamp,
    /// Whether somebody says that it is signed in: one run tries it.
    pub trying: bool,
}

impl From<engine::RefusedAgent> for RefusedAgent {
    fn from(view: engine::RefusedAgent) -> Self {
        let engine::RefusedAgent { name, reason, since, trying } = view;
        Self { name, reason, since, trying }
    }
}

impl From<engine::Status> for StatusView {
    fn from(status: engine::Status) -> Self {
        let unavailable = status.unavailable_agents.into_iter();
        Self {
            at: status.at,
            paused_by: status.paused_by,
            turbo_until: status.turbo_until,
            runs: status.runs.into_iter().map(RunView::from).collect(),
            items: status.items.into_iter().map(ItemView::from).collect(),
            spent_today: status.spent_today.into(),
            problems: status.problems,
            unavailable_agents: unavailable
                .map(|(name, reason)| UnavailableAgent { name, reason })
                .collect(),
            refused_agents: status.refused_agents.into_iter().map(RefusedAgent::from).collect(),
            open_effects: status.open_effects,
            writes: status.writes.into_iter().map(WriteView::from).collect(),
            provider: status.provider.into(),
            webhooks: status.deliveries.map(WebhooksView::from),
            lanes: status.lanes.into(),
        }
    }
}

/// Why one item runs or does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplanationView {
    /// The item.
    pub item: ItemView,
    /// Every gate that holds it, the decisive one first.
    pub held: Vec<HeldView>,
    /// What its run does at the moment.
    pub run: Option<RunView>,
    /// Whether it is divided or runs as it is, and why; absent where items are never divided.
    #[serde(default)]
    pub size: Option<String>,
    /// What its tracker is still to be told, or was not.
    #[serde(default)]
    pub writes: Vec<WriteView>,
    /// The operator lane that it has, or had when it was completed.
    #[serde(default)]
    pub lane: Option<SessionView>,
    /// Its close, if that waits for a person.
    #[serde(default)]
    pub ledger: Option<LedgerView>,
}

/// One gate that holds an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldView {
    /// The gate.
    pub gate: String,
    /// Why it holds.
    pub reason: String,
    /// When it lets go by itself.
    #[serde(with = "optional_instant")]
    pub until: Option<Timestamp>,
    /// What a person could do.
    pub released_by: Option<String>,
}

impl From<engine::Explanation> for ExplanationView {
    fn from(explanation: engine::Explanation) -> Self {
        let held = explanation.held.into_iter().map(|held| HeldView {
            gate: held.gate.to_owned(),
            reason: held.reason,
            until: held.until,
            released_by: held.released_by,
        });
        Self {
            item: explanation.item.into(),
            held: held.collect(),
            run: explanation.run.map(RunView::from),
            size: explanation.size,
            writes: explanation.writes.into_iter().map(WriteView::from).collect(),
            lane: explanation.lane.map(SessionView::from),
            ledger: explanation.ledger.map(LedgerView::from),
        }
    }
}

/// Instants as RFC 3339 in UTC with milliseconds.
pub(super) mod instant {
    use chrono::{DateTime, SecondsFormat};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::time::Timestamp;

    pub(super) fn text(at: Timestamp) -> String {
        at.to_utc().map_or_else(
            || at.to_string(),
            |instant| instant.to_rfc3339_opts(SecondsFormat::Millis, true),
        )
    }

    pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
        DateTime::parse_from_rfc3339(text)
            .map(|instant| Timestamp(instant.timestamp_millis()))
            .map_err(|error| format!("`{text}` is no RFC 3339 time: {error}"))
    }

    pub(in super::super) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text(*at).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The same for an instant that may be absent.
pub(super) mod optional_instant {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::time::Timestamp;

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(in super::super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(super::instant::text).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::instant::parse(&text).map_err(D::Error::custom))
            .transpose()
    }
}
