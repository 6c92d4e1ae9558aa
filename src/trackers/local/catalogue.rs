//! What is known about each file, so that polling unchanged files costs one look at their metadata.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::LocalSettings;
use super::fault::Fault;
use super::file::{ItemFile, MAX_FILE_BYTES, probable_identifier, too_large};
use super::walk::{self, Found, Signature};
use crate::domain::ids::ItemId;
use crate::domain::work_item::WorkItem;
use crate::trackers::{ItemProblem, Listing, TrackerError};

/// The files of the directory as last seen.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    entries: BTreeMap<PathBuf, Entry>,
    /// Problems of directories and links.
    elsewhere: Vec<ItemProblem>,
    /// Files read since the start; shows that polling reads nothing again.
    reads: u64,
}

#[derive(Debug)]
struct Entry {
    signature: Signature,
    /// Read in two polls under the same signature. A file changed within one tick of the file system's clock after it
    /// was read looks the same from outside, so one reading is not enough to rely on.
    settled: bool,
    /// Not found, or not looked at, when the directory was last walked.
    missing: bool,
    reading: Reading,
    /// The identifier it had, or probably has.
    id: Option<ItemId>,
}

#[derive(Debug)]
enum Reading {
    Item { item: Box<WorkItem>, identifier_at: ItemProblem },
    Unreadable(Vec<ItemProblem>),
}

/// Where an item is.
#[derive(Debug)]
pub(super) enum Place {
    /// In this file.
    File(PathBuf),
    /// Known, but unreadable for this reason.
    Unreadable(ItemProblem),
    /// Nowhere.
    Unknown,
}

impl Catalogue {
    /// Looks at every file and reads those that changed. A poll drops files that were missing last time too: many
    /// editors save by renaming, and a file between two names is not withdrawn.
    ///
    /// # Errors
    /// When the directory itself cannot be read; everything known is kept.
    pub(super) fn refresh(
        &mut self,
        settings: &LocalSettings,
        occasion: Occasion,
    ) -> Result<(), TrackerError> {
        let walk = walk::walk(&settings.directory).map_err(|source| TrackerError::Directory {
            directory: settings.directory.clone(),
            source,
        })?;
        let mut missing: BTreeSet<PathBuf> = self.entries.keys().cloned().collect();
        for found in walk.files {
            missing.remove(&found.path);
            self.look_at(&found, settings, occasion);
        }
        for path in missing {
            let unseen = walk.unseen.iter().any(|directory| path.starts_with(directory));
            match self.entries.get_mut(&path) {
                Some(entry) if unseen || !entry.missing => entry.missing = true,
                Some(_) if occasion == Occasion::Poll => {
                    self.entries.remove(&path);
                }
                Some(_) | None => {}
            }
        }
        self.elsewhere = walk.problems;
        Ok(())
    }

    /// Everything known, without the items that two files claim.
    pub(super) fn listing(&self) -> Listing {
        let claims = self.claims();
        let mut listing = Listing { problems: self.elsewhere.clone(), ..Listing::default() };
        let mut unreadable = BTreeSet::new();
        for entry in self.entries.values() {
            match &entry.reading {
                _ if entry.missing => unreadable.extend(entry.id.clone()),
                Reading::Unreadable(problems) => {
                    listing.problems.extend(problems.iter().cloned());
                    unreadable.extend(entry.id.clone());
                }
                Reading::Item { item, identifier_at } => match claims.get(&item.id) {
                    Some(files) if files.len() > 1 => {
                        listing.problems.push(duplicate(identifier_at, &item.id, files));
                        unreadable.insert(item.id.clone());
                    }
                    Some(_) | None => listing.items.push(item.as_ref().clone()),
                },
            }
        }
        listing.items.sort_by(|left, right| left.id.cmp(&right.id));
        listing.problems.sort();
        for item in &listing.items {
            unreadable.remove(&item.id);
        }
        listing.unreadable = unreadable.into_iter().collect();
        listing
    }

    /// The one file that holds `item`.
    pub(super) fn place(&self, item: &ItemId) -> Place {
        let claims = self.claims();
        let files = claims.get(item).map(Vec::as_slice).unwrap_or_default();
        if let [file] = files {
            return Place::File((*file).to_owned());
        }
        for (path, entry) in &self.entries {
            match &entry.reading {
                Reading::Item { item: found, identifier_at } if found.id == *item => {
                    return Place::Unreadable(if entry.missing {
                        Fault::whole("the file is gone at the moment").problem(path, &[])
                    } else {
                        duplicate(identifier_at, item, files)
                    });
                }
                Reading::Unreadable(problems) if entry.id.as_ref() == Some(item) => {
                    let fallback = || Fault::whole("the file cannot be read").problem(path, &[]);
                    return Place::Unreadable(problems.first().cloned().unwrap_or_else(fallback));
                }
                Reading::Item { .. } | Reading::Unreadable(_) => {}
            }
        }
        Place::Unknown
    }

    /// Which files each item is in.
    fn claims(&self) -> HashMap<&ItemId, Vec<&Path>> {
        let mut claims: HashMap<&ItemId, Vec<&Path>> = HashMap::new();
        for (path, entry) in self.entries.iter().filter(|(_, entry)| !entry.missing) {
            if let Reading::Item { item, .. } = &entry.reading {
                claims.entry(&item.id).or_default().push(path);
            }
        }
        claims
    }

    fn look_at(&mut self, found: &Found, settings: &LocalSettings, occasion: Occasion) {
        let Found { path, signature } = found;
        let (path, signature) = (path.as_path(), *signature);
        let previous = self.entries.get_mut(path);
        let same = previous.as_ref().is_some_and(|entry| entry.signature == signature);
        let known_id = match previous {
            Some(entry) if same && entry.settled => {
                entry.missing = false;
                return;
            }
            Some(entry) => entry.id.clone(),
            None => None,
        };
        self.reads += 1;
        let (reading, id) = read(path, settings);
        // What the file was called when it could be read is better than a guess.
        let id = match &reading {
            Reading::Item { .. } => id,
            Reading::Unreadable(_) => known_id.or(id),
        };
        let settled = same && occasion == Occasion::Poll;
        let entry = Entry { signature, settled, missing: false, reading, id };
        self.entries.insert(path.to_owned(), entry);
    }

    /// Files read since the start.
    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.reads
    }
}

/// Why the directory is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The regular look: the only one that counts how often something was seen.
    Poll,
    /// To find one file that is about to be written.
    Write,
}

/// The name of a file without its ending, for want of a better identifier.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The content of an ordinary file, up to one byte more than is ever accepted. Never follows a link put in its place,
/// never waits for the other end of a pipe.
pub(super) fn read_content(path: &Path) -> io::Result<Vec<u8>> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut content = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

fn read(path: &Path, settings: &LocalSettings) -> (Reading, Option<ItemId>) {
    let stem = stem(path);
    let content = match read_content(path) {
        Ok(content) => content,
        Err(error) => {
            let fault = Fault::whole(format!("the file cannot be read: {error}"));
            let id = probable_identifier(&[], &stem);
            return (Reading::Unreadable(vec![fault.problem(path, &[])]), id);
        }
    };
    let read = if content.len() > MAX_FILE_BYTES {
        Err(vec![too_large()])
    } else {
        ItemFile::read(&content, &stem, settings)
    };
    match read {
        Ok(file) => {
            let place = match file.identifier_at {
                Some(offset) => Fault::at(offset, ""),
                None => Fault::whole(""),
            };
            let id = file.item.id.clone();
            let identifier_at = place.problem(path, &content);
            (Reading::Item { item: Box::new(file.item), identifier_at }, Some(id))
        }
        Err(faults) => {
            let problems = faults.iter().map(|fault| fault.problem(path, &content)).collect();
            let id = probable_identifier(&content, &stem);
            (Reading::Unreadable(problems), id)
        }
    }
}

/// The problem of one of the `files` that all claim to be `item`.
fn duplicate(place: &ItemProblem, item: &ItemId, files: &[&Path]) -> ItemProblem {
    let others: Vec<String> = files
        .iter()
        .filter(|file| **file != place.file)
        .map(|file| file.display().to_string())
        .collect();
    ItemProblem {
        reason: format!(
            "the identifier {} is also used by {}; none of them is run",
            item.identifier(),
            others.join(", ")
        ),
        hint: Some("give each file an `id` of its own".to_owned()),
        ..place.clone()
    }
}
