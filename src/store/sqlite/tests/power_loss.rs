//! P8: whatever of the write-ahead log is lost after the last acknowledged commit, everything acknowledged is there.

use std::fs::{File, OpenOptions, copy};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::{events_of, open, ops, paused};
use crate::store::Store;
use crate::store::batch::Expected;
use crate::store::contract::assert_sound;
use crate::store::samples::events::item_events;
use crate::store::samples::{Ids, item_id};

fn length(path: &Path) -> u64 {
    File::open(path).and_then(|file| file.metadata()).map_or(0, |data| data.len())
}

#[tokio::test]
async fn acknowledged_commits_survive_the_loss_of_everything_after_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let wal = directory.path().join("log.db-wal");
    let store = open(&path);
    let mut ids = Ids::default();
    // What was acknowledged, and how long the write-ahead log was then.
    let mut acknowledged = vec![(0, length(&wal))];
    for number in 0..24 {
        let mut batch = ids.batch(item_id(number).stream(), Expected::NoStream, item_events());
        let part = ids.batch(ops(), Expected::Any, vec![paused("ann")]);
        batch.streams.extend(part.streams);
        let appended = store.append(batch).await.unwrap();
        acknowledged.push((appended.last_gseq, length(&wal)));
    }
    let (full, per_batch) = (length(&wal), 1 + item_events().len() as u64);
    let copies = directory.path().join("copy");
    std::fs::create_dir(&copies).unwrap();
    let (copied, copied_wal) = (copies.join("log.db"), copies.join("log.db-wal"));

    let step = usize::try_from(full / 40).unwrap() + 7;
    for kept in (acknowledged[0].1..=full).step_by(step).chain([full]) {
        for garbage in [false, true] {
            let _left = std::fs::remove_file(copies.join("log.db-shm"));
            copy(&path, &copied).unwrap();
            copy(&wal, &copied_wal).unwrap();
            let mut file = OpenOptions::new().write(true).open(&copied_wal).unwrap();
            file.set_len(kept).unwrap();
            if garbage {
                file.seek(SeekFrom::End(0)).unwrap();
                file.write_all(&vec![0xA5; 9000]).unwrap();
            }
            let survivor = open(&copied);
            let events = events_of(&survivor).await;
            let due = acknowledged.iter().filter(|(_, wal)| *wal <= kept).map(|(gseq, _)| *gseq);
            assert!(events >= due.max().unwrap(), "{kept} of {full} bytes: {events} events");
            assert_eq!(events % per_batch, 0, "part of a batch at {kept} bytes");
            assert_sound(&survivor).await;
            survivor.close().await.unwrap();
        }
    }
}
