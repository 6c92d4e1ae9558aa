//! Does the clock make sense, and is there room on the disk?

use crate::config::settings::Settings;
use crate::domain::time::Timestamp;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::store::StoreReader as _;
use crate::store::sqlite::SqliteReader;

use super::super::configuration::database;
use super::super::format;
use super::Finding;

/// 2025-01-01: no machine that runs this program was set up before.
const EARLIEST: Timestamp = Timestamp(1_735_689_600_000);

/// 2100-01-01.
const LATEST: Timestamp = Timestamp(4_102_444_800_000);

/// How far the clock may be behind the last event before it is worth a remark, in milliseconds.
const TOLERANCE: i64 = 60_000;

/// Room for a worktree or two and the log's next transactions.
const LEAST: u64 = 512 * 1024 * 1024;

/// Room for builds in several worktrees.
const COMFORTABLE: u64 = 5 * 1024 * 1024 * 1024;

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    vec![clock(settings).await, disk(settings)]
}

async fn clock(settings: &Settings) -> Finding {
    let now = SystemClock.now();
    let remedy = "set the clock; leases, back-off, budgets and schedules go by it";
    if now < EARLIEST || now > LATEST {
        return Finding::stops("clock", "", format!("it shows {now}")).remedy(remedy);
    }
    if let Some(last) = last_event(settings).await
        && last.0 > now.0 + TOLERANCE
    {
        let text = format!("it shows {now}, but the last event on record is of {last}");
        return Finding::remark("clock", "", text).remedy(remedy);
    }
    Finding::ok("clock", "", now.to_string())
}

async fn last_event(settings: &Settings) -> Option<Timestamp> {
    let path = database(settings).ok()?;
    let reader = SqliteReader::open_reader(&path).ok()?;
    reader.head().await.ok().map(|head| head.at)
}

fn disk(settings: &Settings) -> Finding {
    let root = &settings.daemon.state_dir;
    let Some(there) = root.ancestors().find(|path| path.exists()) else {
        return Finding::remark("disk", "", "cannot be looked at");
    };
    let subject = there.display().to_string();
    let Ok(found) = rustix::fs::statvfs(there) else {
        return Finding::remark("disk", subject, "free space cannot be told");
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} free", format::bytes(free));
    let remedy = "make room, or move `daemon.state_dir`: worktrees and builds in them are there";
    if free < LEAST {
        Finding::stops("disk", subject, text).remedy(remedy)
    } else if free < COMFORTABLE {
        Finding::remark("disk", subject, text).remedy(remedy)
    } else {
        Finding::ok("disk", subject, text)
    }
}
