//! Writing to an item: decided on one revision, done on that revision or decided anew.

use super::changing::Wish;
use super::item::number_of;
use super::process::Process;
use super::refusal::Failed;
use super::wire::RawItem;
use super::{AzureDevOpsTracker, SOURCE};
use crate::domain::work_item::WorkItem;
use crate::trackers::{TrackerError, TrackerUpdate, Updated};

/// How often an update is decided anew because somebody saved the item meanwhile.
const MOST_TRIES: u32 = 5;

impl AzureDevOpsTracker {
    /// See [`crate::trackers::Tracker::update`]. The item goes first and the comment last: the comment says that the
    /// update is done.
    pub(super) async fn write(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        let foreign =
            || TrackerError::ForeignItem { item: update.item.clone(), tracker: SOURCE.to_owned() };
        let number = number_of(&update.item).ok_or_else(foreign)?;
        // What people took off the board is not ours to write to, even where it can still be read.
        let is_known = self.mirror().has(number);
        if !is_known {
            // Another reading may have brought it while this one waited for its turn.
            self.read_if_due().await?;
            if !self.mirror().has(number) {
                return Err(TrackerError::UnknownItem { item: update.item.clone() });
            }
        }
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

    async fn write_once(
        &self,
        number: u64,
        process: &Process,
        update: &TrackerUpdate,
    ) -> Result<Updated, Failed> {
        let mut raw = self.boards.item(number).await?;
        let now = self.viewed(&raw, process, update)?;
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
            let state = self.viewed(&raw, process, update)?.state;
            self.say(number, &ours, &complained(update, refused.as_deref()), state).await?;
        }
        let current = self.viewed(&raw, process, update)?;
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

    fn viewed(
        &self,
        raw: &RawItem,
        process: &Process,
        update: &TrackerUpdate,
    ) -> Result<WorkItem, TrackerError> {
        self.mirror().view(raw, process, &self.settings).map_err(|problem| {
            TrackerError::Unreadable { item: update.item.clone(), problem: Box::new(problem) }
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
