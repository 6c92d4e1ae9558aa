//! Is the state directory usable, who has it, and can the log be read?

use std::fs::{self, OpenOptions, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::Access;

use crate::config::settings::Settings;
use crate::store::StoreReader as _;
use crate::store::sqlite::SqliteReader;
use crate::surfaces::control::client::Client;

use super::super::configuration::database;
use super::super::errors::chain;
use super::Finding;

const AREA: &str = "state";

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let root = &settings.daemon.state_dir;
    let subject = root.display().to_string();
    if !root.exists() {
        return vec![missing(root, subject)];
    }
    let mut findings = vec![directory(root, subject)];
    findings.push(holder(root).await);
    findings.extend(log(settings).await);
    findings
}

fn missing(root: &Path, subject: String) -> Finding {
    let above = root.ancestors().find(|path| path.exists());
    let writable = above.is_some_and(may_write);
    if writable {
        return Finding::ok(AREA, subject, "is not there yet; it is made at the first start");
    }
    Finding::stops(AREA, subject, "is not there and cannot be made by this user")
        .remedy("make it and give it to this user, or change `daemon.state_dir`")
}

fn directory(root: &Path, subject: String) -> Finding {
    let remedy = "give it to this user, or change `daemon.state_dir`";
    let Ok(found) = fs::metadata(root) else {
        return Finding::stops(AREA, subject, "cannot be looked at").remedy(remedy);
    };
    if !found.is_dir() {
        return Finding::stops(AREA, subject, "is not a directory").remedy(remedy);
    }
    if !may_write(root) {
        return Finding::stops(AREA, subject, "cannot be written to by this user").remedy(remedy);
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("others may look into it (mode {mode:03o})");
        return Finding::remark(AREA, subject, text)
            .remedy("the next start corrects that; at once: chmod 700");
    }
    Finding::ok(AREA, subject, "is private and can be written to")
}

fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

async fn holder(root: &Path) -> Finding {
    match Client::connect(root).await {
        Ok(Some(mut client)) => match client.ping().await {
            Ok(pong) => {
                let text =
                    format!("is running (process {}, version {})", pong.process, pong.version);
                Finding::ok(AREA, "daemon", text)
            }
            Err(error) => Finding::stops(AREA, "daemon", chain(&error))
                .remedy("look at its log; starting it again loses nothing"),
        },
        Ok(None) => match lock_holder(root) {
            Some(holder) => {
                let text = format!("the directory is held by {holder}, which does not answer");
                Finding::remark(AREA, "daemon", text)
                    .remedy("it may just be starting or stopping; otherwise end that process")
            }
            None => Finding::ok(AREA, "daemon", "none is running"),
        },
        Err(error) => Finding::stops(AREA, "daemon", chain(&error))
            .remedy("use the user that the daemon runs as"),
    }
}

/// Who holds the lock, as far as the file says. The lock is only tried, never kept.
fn lock_holder(root: &Path) -> Option<String> {
    let path = root.join("daemon.lock");
    let file = OpenOptions::new().read(true).open(&path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let text = text.trim();
            Some(if text.is_empty() { "another process".to_owned() } else { text.to_owned() })
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

async fn log(settings: &Settings) -> Option<Finding> {
    let path = match database(settings) {
        Ok(path) => path,
        Err(error) => {
            let found = Finding::stops(AREA, "event log", error.message);
            return Some(found.remedy("set `store.backend` to \"sqlite\""));
        }
    };
    if !path.is_file() {
        return None;
    }
    let head = match SqliteReader::open_reader(&path) {
        Ok(reader) => reader.head().await,
        Err(error) => Err(error),
    };
    Some(match head {
        Ok(head) => {
            let text = format!("{} events, the last at {}", head.gseq, head.at);
            Finding::ok(AREA, "event log", text)
        }
        Err(error) => Finding::stops(AREA, "event log", chain(&error))
            .remedy("`enact-factory receipts verify` says more; restore a copy if it is damaged"),
    })
}
