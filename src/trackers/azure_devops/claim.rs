//! Taking a work item: by a tag that is put on the revision that was read, which only one can do.
//!
//! The tag names its holder and its run, says until when it counts, and is signed for this item: what others write,
//! however it looks, says nothing.

use serde_json::json;

use super::AzureDevOpsTracker;
use super::comment::is_equal;
use super::item::{field, tags};
use super::refusal::Failed;
use super::wire::RawItem;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::lease::Rival;
use crate::domain::time::Timestamp;
use crate::trackers::TrackerError;
use crate::trackers::claim::{Claim, Claimed};

/// What the tag begins with.
const MARK: &str = "factory-lease:";

/// How often it is tried anew because somebody saved the item meanwhile.
const MOST_TRIES: u32 = 8;

/// Whether a tag is one of these, signed or not: nothing that people say by it.
pub(super) fn is_marker(tag: &str) -> bool {
    tag.starts_with(MARK)
}

/// What a tag says.
struct Lease {
    run: String,
    rival: Rival,
}

impl AzureDevOpsTracker {
    pub(super) async fn take_item(&self, claim: &Claim) -> Result<Claimed, TrackerError> {
        let number = self.on_board(&claim.item).await?;
        let process = self.known_process().await?;
        for _try in 0..MOST_TRIES {
            let raw = match self.boards.item(number).await {
                Ok(raw) => raw,
                Err(failed) => return Err(missing(failed, &claim.item, "read the work item")),
            };
            let leases = tags(&raw).into_iter().filter_map(|tag| self.lease(number, &tag));
            let others = leases.map(|lease| lease.rival).filter(|it| it.holder != claim.holder);
            if let Some(rival) = others.into_iter().find(|it| claim.respects(it.until)) {
                return Ok(Claimed::Taken(rival));
            }
            let ours = self.tag(number, claim);
            match self.put_tag(&raw, Some(ours), |_| true).await {
                Ok(raw) => {
                    let current = Box::new(self.viewed(&raw, &process)?);
                    self.mirror().put(raw);
                    let comments = self.our_comments(number).await;
                    let comments =
                        comments.map_err(|it| missing(it, &claim.item, "read comments"))?;
                    let updates = comments.iter().map(|ours| ours.status.number).max();
                    return Ok(Claimed::Ours { updates: updates.unwrap_or(0), current });
                }
                Err(Failed::Changed) => {}
                Err(failed) => return Err(missing(failed, &claim.item, "take the work item")),
            }
        }
        Err(TrackerError::Conflict { file: claim.item.as_str().into(), attempts: MOST_TRIES })
    }

    pub(super) async fn give_item_back(
        &self,
        item: &ItemId,
        run: RunId,
        holder: &str,
    ) -> Result<(), TrackerError> {
        let number = match self.on_board(item).await {
            Ok(number) => number,
            // Whoever takes it back onto the board finds that the lease has run out.
            Err(TrackerError::UnknownItem { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let run = run.short();
        for _try in 0..MOST_TRIES {
            let raw = match self.boards.item(number).await {
                Ok(raw) => raw,
                Err(Failed::Missing) => return Ok(()),
                Err(failed) => return Err(failed.error("read the work item")),
            };
            let is_ours = |lease: &Lease| lease.rival.holder == holder && lease.run == run;
            match self.put_tag(&raw, None, is_ours).await {
                Ok(raw) => {
                    self.mirror().put(raw);
                    return Ok(());
                }
                Err(Failed::Missing) => return Ok(()),
                Err(Failed::Changed) => {}
                Err(failed) => return Err(failed.error("give the work item back")),
            }
        }
        Err(TrackerError::Conflict { file: item.as_str().into(), attempts: MOST_TRIES })
    }

    /// Replaces those of our tags that `goes` holds for by `new`, on the revision in `raw`. The item afterwards.
    async fn put_tag(
        &self,
        raw: &RawItem,
        new: Option<String>,
        goes: impl Fn(&Lease) -> bool,
    ) -> Result<RawItem, Failed> {
        let before = tags(raw);
        let mut after = before.clone();
        after.retain(|tag| self.lease(raw.id, tag).is_none_or(|lease| !goes(&lease)));
        after.extend(new);
        if before == after {
            return Ok(raw.clone());
        }
        let op = if field(raw, "System.Tags").is_empty() { "add" } else { "replace" };
        let operations = [
            json!({ "op": "test", "path": "/rev", "value": raw.rev }),
            json!({ "op": op, "path": "/fields/System.Tags", "value": after.join("; ") }),
        ];
        self.boards.patch(raw.id, &operations).await
    }

    fn tag(&self, number: u64, claim: &Claim) -> String {
        let (holder, run) = (&claim.holder, claim.run.short());
        let said = format!("{holder}:{run}:{}", claim.until.0);
        format!("{MARK}{said}:{}", self.signer.sign_tag(number, &said))
    }

    /// What `tag` says of the item with this number, if one of us has signed that.
    fn lease(&self, number: u64, tag: &str) -> Option<Lease> {
        let (said, signature) = tag.strip_prefix(MARK)?.rsplit_once(':')?;
        let expected = self.signer.sign_tag(number, said);
        if !is_equal(expected.as_bytes(), signature.as_bytes()) {
            return None;
        }
        let mut parts = said.split(':');
        let (holder, run) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let until = Timestamp(parts.next()?.parse().ok()?);
        Some(Lease { run, rival: Rival { holder, until } })
    }
}

fn missing(failed: Failed, item: &ItemId, action: &str) -> TrackerError {
    match failed {
        Failed::Missing => TrackerError::UnknownItem { item: item.clone() },
        other => other.error(action),
    }
}
