//! Writing to an item: decided on one revision, done on that revision or decided anew.

use super::changing::Wish;
use super::item::number_of;
use super::process::Process;
use super::refusal::Failed;
use super::wire::RawItem;
use super::{AzureDevOpsTracker, SOURCE, item};
use crate::domain::ids::ItemId;
use crate::domain::work_item::WorkItem;
use crate::trackers::{TrackerError, TrackerUpdate, Updated};

/// How often an update is decided anew because somebody saved the item meanwhile.
const MOST_TRIES: u32 = 5;

impl AzureDevOpsTracker {
    /// See [`crate::trackers::Tracker::update`]. The item goes first and the comment last: the comment says that the
    /// update is done.
    pub(super) async fn write(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        let number = self.on_board(&update.item).await?;
        let process = self.known_process().await?;
        for _try in 0..MOST_TRIES {
            match self.write_once(number, &process, update).await {
                Ok(updated) => return Ok(updated),
                Err(Failed::Changed) => {}
                Err(Failed::Missing) => {
                    return Err(TrackerError::UnknownItem { item: update.item.clone() });
                }
                Err(failed) => return Err(failed.error("change the work item")),
            }
        }
        Err(TrackerError::Conflict { file: update.item.as_str().into(), attempts: MOST_TRIES })
    }

    /// The number of an item that is on the board: what people took off it is not ours to write to, even where it can
    /// still be read.
    pub(super) async fn on_board(&self, item: &ItemId) -> Result<u64, TrackerError> {
        let foreign =
            || TrackerError::ForeignItem { item: item.clone(), tracker: SOURCE.to_owned() };
        let number = number_of(item).ok_or_else(foreign)?;
        if !self.mirror().has(number) {
            // Another reading may have brought it while this one waited for its turn.
            self.read_if_due().await?;
            if !self.mirror().has(number) {
                return Err(TrackerError::UnknownItem { item: item.clone() });
            }
        }
        Ok(number)
    }

    async fn write_once(
        &self,
        number: u64,
        process: &Process,
        update: &TrackerUpdate,
    ) -> Result<Updated, Failed> {
        let mut raw = self.boards.item(number).await?;
        let now = self.viewed(&raw, process)?;
        let ours = self.our_comments(number).await?;
        let already = ours.iter().any(|ours| ours.status.has(update));
        let mut refused = None;
        if !already {
            let is_outdated = ours.iter().any(|ours| ours.status.number > update.number);
            let additions = self.additions(&raw, update).await?;
            let links = &additions.operations;
            let wish = Wish { process, now: &now, update, is_outdated, links };
            let changed = self.change(raw, &wish).await?;
            let complaints: Vec<String> =
                changed.refused.into_iter().chain(additions.refused).collect();
            raw = changed.raw;
            refused = (!complaints.is_empty()).then(|| complaints.join("; "));
            let state = self.viewed(&raw, process)?.state;
            self.say(number, &ours, &complained(update, refused.as_deref()), state).await?;
        }
        let current = self.viewed(&raw, process)?;
        self.mirror().put(raw);
        let skipped = update.state.filter(|wanted| *wanted != current.state && refused.is_none());
        Ok(Updated {
            revision: current.revision.clone(),
            already,
            state_skipped: skipped.map(|_| current.state),
            current,
            refused,
        })
    }

    pub(super) fn viewed(
        &self,
        raw: &RawItem,
        process: &Process,
    ) -> Result<WorkItem, TrackerError> {
        self.mirror().view(raw, process, &self.settings).map_err(|problem| {
            TrackerError::Unreadable { item: item::id_of(raw.id), problem: Box::new(problem) }
        })
    }
}

/// The update, with what was refused of it.
fn complained(update: &TrackerUpdate, refused: Option<&str>) -> TrackerUpdate {
    match refused {
        Some(refused) => {
            TrackerUpdate { entry: format!("{} ({refused})", update.entry), ..update.clone() }
        }
        None => update.clone(),
    }
}
