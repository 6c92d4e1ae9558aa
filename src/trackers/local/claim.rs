//! Taking an item of a directory that several daemons read: written beside the items, under the directory's lock.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalogue::{Occasion, Place};
use super::{SOURCE, Shared, lock};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::lease::Rival;
use crate::trackers::TrackerError;
use crate::trackers::claim::{Claim, Claimed};

/// Where it is written; hidden, so it is no work item.
const FILE: &str = ".factory-leases.json";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Taken {
    run: RunId,
    rival: Rival,
}

type Leases = BTreeMap<ItemId, Taken>;

impl Shared {
    pub(super) fn claim(&self, claim: &Claim) -> Result<Claimed, TrackerError> {
        own(&claim.item)?;
        let mut catalogue = self.catalogue();
        let _lock = lock(&self.settings.directory)?;
        catalogue.refresh(&self.settings, Occasion::Write)?;
        let unknown = || TrackerError::UnknownItem { item: claim.item.clone() };
        let file = match catalogue.place(&claim.item) {
            Place::File(file) => file,
            Place::Unreadable(problem) => {
                let problem = Box::new(problem);
                return Err(TrackerError::Unreadable { item: claim.item.clone(), problem });
            }
            Place::Unknown => return Err(unknown()),
        };
        let mut leases = self.leases()?;
        if let Some(taken) = leases.get(&claim.item)
            && taken.rival.holder != claim.holder
            && claim.respects(taken.rival.until)
        {
            return Ok(Claimed::Taken(taken.rival.clone()));
        }
        let rival = Rival { holder: claim.holder.clone(), until: claim.until };
        leases.insert(claim.item.clone(), Taken { run: claim.run, rival });
        self.keep(&leases)?;
        let items = catalogue.listing().items;
        let current = items.into_iter().find(|item| item.id == claim.item).ok_or_else(unknown)?;
        Ok(Claimed::Ours { updates: lines(&file), current: Box::new(current) })
    }

    pub(super) fn release(
        &self,
        item: &ItemId,
        run: RunId,
        holder: &str,
    ) -> Result<(), TrackerError> {
        own(item)?;
        let _catalogue = self.catalogue();
        let _lock = lock(&self.settings.directory)?;
        let mut leases = self.leases()?;
        if leases.get(item).is_some_and(|taken| taken.run == run && taken.rival.holder == holder) {
            leases.remove(item);
            self.keep(&leases)?;
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.settings.directory.join(FILE)
    }

    fn leases(&self) -> Result<Leases, TrackerError> {
        let path = self.path();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| TrackerError::write("understand", &path, io::Error::from(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Leases::new()),
            Err(error) => Err(TrackerError::write("read", &path, error)),
        }
    }

    /// Whole or not at all.
    fn keep(&self, leases: &Leases) -> Result<(), TrackerError> {
        let path = self.path();
        let temporary = path.with_extension("json.tmp");
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            file.write_all(&serde_json::to_vec(leases)?)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|error| TrackerError::write("write", &path, error))
    }
}

/// How many updates the file has logged.
fn lines(file: &Path) -> u32 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let logged = text.lines().filter(|line| line.contains("<!-- factory:")).count();
    u32::try_from(logged).unwrap_or(u32::MAX)
}

fn own(item: &ItemId) -> Result<(), TrackerError> {
    if item.source() == SOURCE {
        return Ok(());
    }
    Err(TrackerError::ForeignItem { item: item.clone(), tracker: SOURCE.to_owned() })
}
