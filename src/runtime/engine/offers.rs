//! Pull requests of ours: when they are read, and what their standing means for their items. The forge owns what became of
//! a change that was offered; a reading that failed changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::change::Delivered;
use crate::domain::event::Event;
use crate::domain::failure::infrastructure_backoff;
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::{FOLLOW_UP, HumanReason, ItemRecord, ItemStatus};
use crate::domain::pull_request::{
    CheckState, Feedback, Offer, Offered, PullRequest, PullRequestState,
};
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;

use super::Engine;

/// Runs that go on with a pull request by themselves before a person has to ask for it.
const MOST_FOLLOW_UPS: u32 = 3;

/// Time between two readings where the project is not configured any more.
const UNCONFIGURED: Duration = Duration::from_secs(300);

/// A pull request that is to be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its item.
    pub item: ItemId,
    /// Its project, and with it the forge.
    pub project: ProjectId,
    /// Its number there.
    pub number: u64,
}

/// Why a pull request could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The sentence for people.
    pub message: String,
    /// For how long it is not worth asking again, if that is known.
    pub wait: Option<Duration>,
}

/// When pull requests are read again.
#[derive(Debug, Default)]
pub(super) struct Readings {
    next: BTreeMap<ItemId, (Timestamp, u32)>,
}

impl Engine {
    /// A change was offered: its item knows where.
    pub(super) fn note_offer(&mut self, run: RunId, event: &Event, now: Timestamp) {
        let Event::RunDelivered {
            delivered: Delivered::PullRequest { forge, branch, head, number, url, .. },
        } = event
        else {
            return;
        };
        let Some(state) = self.runs.get(&run) else { return };
        let base_commit = state.workspace.as_ref().map(|workspace| workspace.base_commit.clone());
        let (item, project) = (state.item.clone(), state.plan.project.clone());
        let offer = Offer {
            run,
            earlier: state.plan.offering.continues.as_deref().map(Offer::runs).unwrap_or_default(),
            project,
            forge: forge.clone(),
            number: *number,
            url: url.clone(),
            branch: branch.clone(),
            base_commit: base_commit.unwrap_or_default(),
            head: head.clone(),
        };
        self.record_item(&item, Event::ItemOffered { offer }, now);
    }

    /// Pull requests that are to be read now. Each is handed out once per interval.
    pub fn pull_requests_due(&mut self, now: Timestamp) -> Vec<Watched> {
        let watched: Vec<Watched> = self.items.values().filter_map(watched).collect();
        self.readings.next.retain(|item, _| watched.iter().any(|it| it.item == *item));
        let mut due = Vec::new();
        for it in watched {
            let every = self.reading_interval(&it.project);
            let (next, _) = self.readings.next.entry(it.item.clone()).or_insert((now, 0));
            if *next <= now {
                *next = now.after(every);
                due.push(it);
            }
        }
        due
    }

    /// When the next pull request is to be read.
    #[must_use]
    pub fn next_reading(&self) -> Option<Timestamp> {
        self.readings.next.values().map(|(next, _)| *next).min()
    }

    fn reading_interval(&self, project: &ProjectId) -> Duration {
        let project = self.policy.projects.get(project);
        project.map_or(UNCONFIGURED, |it| Duration::from_millis(it.pull_request.poll_ms))
    }

    /// A pull request was read, or could not be.
    pub(super) fn pull_request_read(
        &mut self,
        watched: &Watched,
        result: Result<PullRequest, Unread>,
        now: Timestamp,
    ) {
        let source = problem_source(&watched.project);
        match result {
            Ok(pull_request) => {
                self.problems.remove(&source);
                if let Some((_, failures)) = self.readings.next.get_mut(&watched.item) {
                    *failures = 0;
                }
                self.stands(&watched.item, pull_request.bounded(), now);
            }
            Err(unread) => {
                self.problems.insert(source, vec![unread.message]);
                let every = self.reading_interval(&watched.project);
                if let Some((next, failures)) = self.readings.next.get_mut(&watched.item) {
                    *failures = failures.saturating_add(1);
                    let pause = infrastructure_backoff(*failures).max(every);
                    *next = now.after(pause.max(unread.wait.unwrap_or_default()));
                }
            }
        }
    }

    /// Takes into account how a pull request stands now.
    fn stands(&mut self, id: &ItemId, pull_request: PullRequest, now: Timestamp) {
        let Some(record) = self.items.get(id) else { return };
        let Some(offered) = record.offered.as_deref() else { return };
        if offered.offer.number != pull_request.number
            || offered.seen.as_ref() == Some(&pull_request)
        {
            return;
        }
        let (before, status, state) = (offered.clone(), record.status, record.item.state);
        let read = Event::ItemPullRequestRead { pull_request: Box::new(pull_request.clone()) };
        self.record_item(id, read, now);
        let closed_before = status == ItemStatus::WaitingHuman && before.is_closed();
        match (&pull_request.state, status) {
            (PullRequestState::Merged { commit }, ItemStatus::Done | ItemStatus::WaitingHuman)
                if status == ItemStatus::Done || closed_before =>
            {
                let commit = commit.as_deref().and_then(|it| it.get(..12));
                let commit = commit.map(|it| format!(" as {it}")).unwrap_or_default();
                let said = format!("pull request {} was merged{commit}", pull_request.number);
                if closed_before {
                    self.resolve_offered(id, &said, false, now);
                }
                let done = (!state.is_terminal()).then_some(ItemState::Done);
                self.update_tracker(id, done, said, now);
            }
            (PullRequestState::Closed, ItemStatus::Done) if !state.is_terminal() => {
                self.ask_about_closed(id, &before.offer, now);
            }
            (PullRequestState::Open { .. }, ItemStatus::WaitingHuman) if closed_before => {
                let said = format!("pull request {} is open again", pull_request.number);
                self.resolve_offered(id, &said, true, now);
                self.update_tracker(id, Some(ItemState::InReview), said, now);
            }
            (PullRequestState::Open { .. }, ItemStatus::Done) => {
                self.hear(id, &before, &pull_request, now);
            }
            _ => {}
        }
    }

    fn resolve_offered(&mut self, id: &ItemId, said: &str, in_review: bool, now: Timestamp) {
        let (outcome, evidence) = (Outcome::Succeeded, said.to_owned());
        let resolved = Event::ItemResolved { run: None, outcome, evidence, in_review };
        self.record_item(id, resolved, now);
    }

    fn ask_about_closed(&mut self, id: &ItemId, offer: &Offer, now: Timestamp) {
        let question = format!(
            "its pull request {} was closed without having been merged: shall it be done differently (`enact-factory \
             retry {}` with a note), or not at all (close the item)?",
            offer.url,
            id.identifier()
        );
        let entry = format!("waits for a person: {question}");
        let asked = Event::ItemHumanRequested {
            run: None,
            outcome: None,
            reason: HumanReason::NeedsInfo,
            question,
            findings: Vec::new(),
        };
        self.record_item(id, asked, now);
        self.update_tracker(id, Some(ItemState::Blocked), entry, now);
    }

    /// People or checks want something that they did not want before.
    fn hear(&mut self, id: &ItemId, before: &Offered, after: &PullRequest, now: Timestamp) {
        let feedback = Feedback::of(after);
        let known = before.known();
        let Some(record) = self.items.get(id) else { return };
        let is_news = feedback.reviews != known.reviews
            || feedback.threads != known.threads
            || feedback.checks != known.checks;
        let unfinished = after.checks.iter().any(|check| check.state == CheckState::Pending);
        let pending_before = before
            .seen
            .as_ref()
            .is_some_and(|seen| seen.checks.iter().any(|check| check.state == CheckState::Pending));
        if feedback.is_empty() || !record.in_review {
            return;
        }
        let goes_on = self.policy.projects.get(&before.offer.project).is_some_and(|project| {
            project.pull_request.follow_up && record.follow_ups < MOST_FOLLOW_UPS
        });
        let said = format!("pull request {}: {}", after.number, feedback.words().join(", "));
        if goes_on && !unfinished && (is_news || pending_before) {
            self.record_item(id, Event::ItemReopened { by: FOLLOW_UP.to_owned() }, now);
            self.update_tracker(id, Some(ItemState::Todo), format!("{said}: it goes on"), now);
        } else if is_news && !goes_on {
            let entry =
                format!("{said}; `enact-factory retry {}` has it answered", id.identifier());
            self.update_tracker(id, None, entry, now);
        }
    }

    /// Deliveries that wait are tried at once: credentials or addresses may be others now.
    pub(super) fn hasten_deliveries(&mut self, now: Timestamp) {
        let runs: Vec<RunId> = self.runs.keys().copied().collect();
        for run in runs {
            let deliver = |it: &crate::domain::effect::Effect| {
                matches!(it, crate::domain::effect::Effect::Deliver { .. })
            };
            for key in self.outbox.of_run(run, deliver) {
                self.outbox.hasten(&key, now);
            }
        }
        self.readings = Readings::default();
    }
}

/// The item's pull request, if it is worth looking at: an open one, or one whose closing a person was asked about.
fn watched(record: &ItemRecord) -> Option<Watched> {
    let offered = record.offered.as_deref()?;
    let asked = record.status == ItemStatus::WaitingHuman && offered.is_closed();
    (offered.is_open() || asked).then(|| Watched {
        item: record.item.id.clone(),
        project: offered.offer.project.clone(),
        number: offered.offer.number,
    })
}

/// What problems with the pull requests of a project are kept under.
#[must_use]
pub fn problem_source(project: &ProjectId) -> String {
    format!("pull requests of {project}")
}
