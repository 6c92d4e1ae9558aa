//! Reading the board: all of it once, then what has changed.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::process::{ItemType, Process, State, meaning};
use super::refusal::Failed;
use super::service::MOST_IDS;
use super::wire::{Found, RawItem, RawType};
use super::{AzureDevOpsTracker, query};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::trackers::TrackerError;

/// How long what is known of the process is believed.
const PROCESS: Duration = Duration::from_secs(60 * 60);

/// How long at least, even if an item is in an unknown state.
const PROCESS_AT_LEAST: Duration = Duration::from_secs(60);

/// Changes from this long before the last reading are read again: clocks and indexes of the service differ a little.
const OVERLAP: Duration = Duration::from_secs(120);

/// Numbers that one answer to a query may hold; the service takes 20,000.
const PAGE: usize = 1000;

/// Numbers on a board that are read; beyond this, a filter is missing.
const MOST_ON_BOARD: usize = 20_000;

/// Fields that say whether an item is done.
const STATE_FIELDS: [&str; 4] = ["System.Id", "System.WorkItemType", "System.State", "System.Tags"];

impl AzureDevOpsTracker {
    /// Brings the mirror up to date.
    pub(super) async fn read_board(&self) -> Result<(), TrackerError> {
        let process = self.known_process().await?;
        let (on_board, as_of) = self.numbers(&process, None).await?;
        let (known, since) = {
            let mirror = self.mirror();
            (mirror.numbers(), mirror.known_until)
        };
        let mut asked: BTreeSet<u64> = on_board.difference(&known).copied().collect();
        if let Some(since) = since.filter(|_| !known.is_empty()) {
            let since = since.before(OVERLAP).to_string();
            let (changed, _) = self.numbers(&process, Some(&since)).await?;
            asked.extend(changed.intersection(&on_board));
        }
        let read = self.items(&asked).await?;
        {
            let mut mirror = self.mirror();
            mirror.take(&on_board, &asked, read);
            mirror.known_until = as_of;
        }
        self.look_at_process_again().await?;
        self.read_awaited().await
    }

    /// The process, read when it is not known or not believed any more.
    pub(super) async fn known_process(&self) -> Result<Process, TrackerError> {
        let known = {
            let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
            process
                .as_ref()
                .filter(|(_, at)| at.elapsed() < PROCESS)
                .map(|(known, _)| known.clone())
        };
        match known {
            Some(process) => Ok(process),
            None => self.discover().await,
        }
    }

    /// Reads the types and states of the project.
    pub(super) async fn discover(&self) -> Result<Process, TrackerError> {
        let types = self.boards.types().await;
        let types = types.map_err(|failed| failed.error("read the work item types"))?;
        let types = types.into_iter().filter(|it| !it.is_disabled);
        let types = types.map(|it| (it.name.to_lowercase(), self.understood(it))).collect();
        let process = Process { types };
        if process.work(&self.settings.filter.types).next().is_none() {
            return Err(TrackerError::Refused {
                tracker: super::SOURCE.to_owned(),
                action: "say which types are work".to_owned(),
                reason: format!("the project has none of {:?}", self.settings.filter.types),
            });
        }
        let mut known = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((process.clone(), Instant::now()));
        Ok(process)
    }

    fn understood(&self, raw: RawType) -> ItemType {
        let overrides = &self.settings.states;
        let states = raw.states.into_iter().map(|state| {
            let chosen = overrides.iter().find(|(name, _)| name.eq_ignore_ascii_case(&state.name));
            State {
                meaning: chosen
                    .map(|(_, to): (_, &ItemState)| *to)
                    .or_else(|| meaning(&state.category)),
                chosen: chosen.is_some(),
                name: state.name,
            }
        });
        ItemType { name: raw.name, reference: raw.reference, states: states.collect() }
    }

    /// Reads the process again when the board has something that is not in it.
    async fn look_at_process_again(&self) -> Result<(), TrackerError> {
        let is_stale = {
            let known = self.process.lock().unwrap_or_else(PoisonError::into_inner);
            known.as_ref().is_some_and(|(process, at)| {
                at.elapsed() >= PROCESS_AT_LEAST
                    && self.mirror().has_unknown(process, &self.settings)
            })
        };
        if is_stale {
            self.discover().await?;
        }
        Ok(())
    }

    /// The numbers of all items on the board, or of those changed since; and the moment that is true for.
    async fn numbers(
        &self,
        process: &Process,
        since: Option<&str>,
    ) -> Result<(BTreeSet<u64>, Option<Timestamp>), TrackerError> {
        let mut numbers = BTreeSet::new();
        let mut as_of = None;
        loop {
            let after = numbers.last().copied().unwrap_or(0);
            let question = query::text(&self.settings.filter, process, after, since);
            let found: Result<Found, Failed> = self.boards.query(&question, PAGE).await;
            let found = found.map_err(|failed| failed.error("find work items"))?;
            as_of = as_of.or_else(|| Timestamp::from_rfc3339(&found.as_of));
            let before = numbers.len();
            numbers.extend(found.ids());
            if numbers.len() - before < PAGE {
                return Ok((numbers, as_of));
            }
            if numbers.len() >= MOST_ON_BOARD {
                return Err(TrackerError::Refused {
                    tracker: super::SOURCE.to_owned(),
                    action: "find work items".to_owned(),
                    reason: format!(
                        "there are more than {MOST_ON_BOARD}; name area paths, types or tags in [azdo]"
                    ),
                });
            }
        }
    }

    /// The items with these numbers, as far as they can be read.
    async fn items(&self, numbers: &BTreeSet<u64>) -> Result<Vec<RawItem>, TrackerError> {
        let numbers: Vec<u64> = numbers.iter().copied().collect();
        let mut waiting: Vec<&[u64]> = numbers.chunks(MOST_IDS).rev().collect();
        let mut all = Vec::new();
        while let Some(some) = waiting.pop() {
            match self.boards.items(some, None).await {
                Ok(read) => all.extend(read),
                // One that is too large by itself stays unread and is reported.
                Err(Failed::TooLarge) if some.len() == 1 => {}
                Err(Failed::TooLarge) => {
                    let (first, second) = some.split_at(some.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(failed) => return Err(failed.error("read work items")),
            }
        }
        Ok(all)
    }

    /// Looks whether what items wait for, and what is not on the board, is done.
    async fn read_awaited(&self) -> Result<(), TrackerError> {
        let process = self.known_process().await?;
        let awaited = self.mirror().awaited(&process, &self.settings);
        for some in awaited.chunks(MOST_IDS) {
            let read = self.boards.items(some, Some(&STATE_FIELDS)).await;
            let read = read.map_err(|failed| failed.error("read work items"))?;
            self.mirror().take_awaited(&read, &process, &self.settings);
        }
        Ok(())
    }
}
