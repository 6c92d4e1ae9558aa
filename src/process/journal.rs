//! The journal of a process: its lines in files that follow each other, of which old ones make room for new ones.
//!
//! A place in a journal is the number of bytes before it, counted from its beginning for ever. The first file has the
//! journal's own name; each later one is called after the place at which it begins. So nothing is ever renamed and no
//! list is kept: whatever moment a writer is killed at, the names say what is there, and a place is found again in
//! whichever file it is. The first file stays, because it tells how everything began; of the others the oldest go first.
//!
//! Files beside it, such as those of long lines, share its bound and go in the same order.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// In how many files the bound of a journal is cut: what is lost when one goes is a sixteenth of what is kept.
const FILES: u64 = 16;

/// How often a reader looks again when the file it wanted has just gone.
const LOOKS: usize = 8;

/// Most bytes of the line that says that old ones are gone.
const NOTICE: u64 = 100;

/// Between the journal's name and the place at which a later file begins.
const FROM: &str = ".from-";

/// The writing end of a journal.
pub(super) struct Journal {
    path: PathBuf,
    limit: u64,
    /// The file that is written to.
    file: File,
    start: u64,
    length: u64,
    /// Bytes in all files that count.
    used: u64,
    /// Those that may go, the oldest first.
    older: VecDeque<Older>,
    /// It was said that a line is left out because it is longer than everything that may be kept.
    closed: bool,
}

struct Older {
    path: PathBuf,
    bytes: u64,
}

impl Journal {
    /// Opens the journal at `path`, behind what an earlier process may have left there. All its files have at most about
    /// `limit` bytes, and are readable by their owner only.
    pub(super) fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let mut found = files(path)?;
        let (start, last) = found.pop().unwrap_or_else(|| (0, path.to_owned()));
        let file = private().append(true).open(&last)?;
        let length = file.metadata()?.len();
        let (mut used, mut older) = (length, VecDeque::new());
        for (start, path) in found {
            let bytes = fs::metadata(&path)?.len();
            used += bytes;
            if start > 0 {
                older.push_back(Older { path, bytes });
            }
        }
        Ok(Self { path: path.to_owned(), limit, file, start, length, used, older, closed: false })
    }

    /// Writes a line, which comes with its end.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        if self.length >= (self.limit / FILES).max(1) {
            self.go_on()?;
        }
        let fits = self.make_room(line.len() as u64)?;
        if fits {
            return self.put(line);
        }
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        let limit = self.limit;
        self.put(&format!("[lines are left out: a transcript may have {limit} bytes]\n"))
    }

    /// Takes `wanted` bytes for a file beside the journal; says whether there is room for them.
    pub(super) fn take(&mut self, wanted: u64) -> io::Result<bool> {
        let fits = self.make_room(wanted)?;
        self.used += if fits { wanted } else { 0 };
        Ok(fits)
    }

    /// A file beside the journal is complete: from now on it may go, too.
    pub(super) fn completed(&mut self, path: PathBuf, bytes: u64) {
        self.older.push_back(Older { path, bytes });
    }

    /// Begins the next file.
    fn go_on(&mut self) -> io::Result<()> {
        let (start, length) = (self.start + self.length, self.length);
        let next = later(&self.path, start);
        self.file = private().append(true).open(&next)?;
        if self.start > 0 {
            self.older.push_back(Older { path: later(&self.path, self.start), bytes: length });
        }
        (self.start, self.length) = (start, 0);
        Ok(())
    }

    /// Lets old files go until so many bytes more fit; says whether they do. What goes is mentioned.
    fn make_room(&mut self, wanted: u64) -> io::Result<bool> {
        let mut gone = 0;
        while self.used + wanted + if gone > 0 { NOTICE } else { 0 } > self.limit {
            let Some(Older { path, bytes }) = self.older.pop_front() else { break };
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            self.used = self.used.saturating_sub(bytes);
            gone += bytes;
        }
        let fits = self.used + wanted <= self.limit;
        if gone > 0 {
            let limit = self.limit;
            self.put(&format!(
                "[{gone} older bytes are left out: a transcript may have {limit}]\n"
            ))?;
        }
        Ok(fits)
    }

    /// One call per line: what is written survives the end of this process, and a reader never sees half a line unless the
    /// disk is full.
    fn put(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())?;
        self.length += line.len() as u64;
        self.used += line.len() as u64;
        Ok(())
    }
}

/// Whole lines of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// The place at which they begin: behind the one that was asked for when what was there is left out.
    pub from: u64,
    /// The lines, each with its end.
    pub bytes: Vec<u8>,
}

/// About `about` bytes of whole lines of the journal at `path` from the place `from` on; `None` when there are none yet.
///
/// # Errors
/// When the file system refuses.
pub fn read(path: &Path, from: u64, about: usize) -> io::Result<Option<Portion>> {
    let mut looks = 0;
    loop {
        match read_once(path, from, about) {
            // It made room for new lines just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound && looks < LOOKS => looks += 1,
            read => return read,
        }
    }
}

fn read_once(path: &Path, from: u64, about: usize) -> io::Result<Option<Portion>> {
    let found = files(path)?;
    let first = found.partition_point(|(start, _)| *start <= from).saturating_sub(1);
    for (index, (start, path)) in found.iter().enumerate().skip(first) {
        let from = from.max(*start);
        let is_last = index + 1 == found.len();
        let bytes = lines(File::open(path)?, from - start, about, is_last)?;
        if !bytes.is_empty() {
            return Ok(Some(Portion { from, bytes }));
        }
    }
    Ok(None)
}

/// Everything that is left of the journal at `path`.
///
/// # Errors
/// When there is none, or the file system refuses.
pub fn read_all(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (_, file) in files(path)? {
        File::open(file)?.read_to_end(&mut bytes)?;
    }
    if bytes.is_empty() {
        // It says why.
        let _there = fs::metadata(path)?;
    }
    Ok(bytes)
}

/// About `about` bytes of whole lines from byte `from` of a file on. The last line of a file that is not the journal's
/// last is whole, whatever it ends with.
fn lines(mut file: File, from: u64, about: usize, is_last: bool) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    let mut wanted = about;
    loop {
        let read = (&mut file).take((wanted - bytes.len()) as u64).read_to_end(&mut bytes)?;
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            bytes.truncate(end + 1);
            return Ok(bytes);
        }
        if read == 0 {
            return Ok(if is_last { Vec::new() } else { bytes });
        }
        wanted *= 2;
    }
}

/// The files of the journal at `path`, and the places at which they begin, in order.
fn files(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.unwrap_or(Path::new(".")))? {
        let entry = entry?.file_name();
        let Some(rest) = entry.to_str().and_then(|entry| entry.strip_prefix(&name)) else {
            continue;
        };
        let start = if rest.is_empty() {
            Some(0)
        } else {
            rest.strip_prefix(FROM).and_then(|start| start.parse().ok())
        };
        found.extend(start.map(|start| (start, path.with_file_name(entry))));
    }
    found.sort();
    Ok(found)
}

/// The file of the journal at `path` that begins at the place `start`, which is not the beginning.
fn later(path: &Path, start: u64) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(format!("{FROM}{start}"));
    PathBuf::from(name)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests;
