//! Level 4: every derived row against one rebuilt from the events, and every needed effect against the outbox.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use crate::domain::ids::{EffectKey, StreamId};
use crate::store::envelope::Recorded;
use crate::store::projections::{Fold, Rows, StreamKind, evolve};
use crate::store::verify::{Findings, Level, Tables, required_effect};

/// The derived rows as they should be.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    folds: HashMap<StreamId, Fold>,
    rows: Rows,
    required: Vec<(EffectKey, u64)>,
}

impl Shadow {
    pub(super) fn event(&mut self, recorded: &Recorded, findings: &mut Findings) {
        let Some(event) = recorded.event.known() else { return };
        if let Some(key) = required_effect(&recorded.stream, event) {
            self.required.push((key, recorded.gseq));
        }
        let before = self.folds.remove(&recorded.stream);
        let after = evolve(StreamKind::of(&recorded.stream), before, event, recorded.at);
        if let Err(error) =
            self.rows.project(&recorded.stream, after.as_ref(), recorded.seq, event, recorded.at)
        {
            findings.add(Level::Projection, Some(recorded.gseq), error.to_string());
        }
        if let Some(fold) = after {
            self.folds.insert(recorded.stream.clone(), fold);
        }
    }

    pub(super) fn finish(self, tables: &Tables, findings: &mut Findings) {
        compare("work item", &self.rows.items, &tables.rows.items, findings);
        compare("run", &self.rows.runs, &tables.rows.runs, findings);
        compare("turn", &self.rows.turns, &tables.rows.turns, findings);
        let present: HashSet<&EffectKey> = tables.effects.iter().collect();
        // A run that first has to be given its item makes its worktree after that.
        let waits = |key: &EffectKey| {
            let claim = key.as_str().strip_suffix("/prepare").map(|run| format!("{run}/claim/1"));
            claim.is_some_and(|claim| present.contains(&EffectKey(claim)))
        };
        let missing = self.required.iter().filter(|(key, _)| !present.contains(key) && !waits(key));
        for (key, gseq) in missing {
            findings.add(
                Level::Projection,
                Some(*gseq),
                format!("effect `{key}` was requested and is not in the outbox"),
            );
        }
    }
}

fn compare<Key: Ord + Debug, Row: PartialEq>(
    noun: &str,
    wanted: &BTreeMap<Key, Row>,
    stored: &BTreeMap<Key, Row>,
    findings: &mut Findings,
) {
    for (key, row) in wanted {
        match stored.get(key) {
            Some(found) if found == row => {}
            Some(_) => findings.add(
                Level::Projection,
                None,
                format!("the row of {noun} {key:?} is not what its events come to"),
            ),
            None => {
                findings.add(Level::Projection, None, format!("{noun} {key:?} has no row"));
            }
        }
    }
    for key in stored.keys().filter(|key| !wanted.contains_key(key)) {
        findings.add(Level::Projection, None, format!("{noun} {key:?} has a row and no events"));
    }
}
