//! What an agent said, on disk: a journal of its lines, and a file of its own for each line too long for it.
//!
//! Everything is redacted before it is written, readable by its owner only, and bounded together; where the bound cut
//! something off, the journal or the file says so.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::process::ProcessError;
use crate::process::journal::Journal;
use crate::process::lines::character_boundary;
use crate::process::redact::Redactor;

/// How much of a long line is collected before it is redacted and written.
const SPILL_PART: usize = 1 << 20;

/// The part of a transcript's bound that one long line may take: everything else has to stay readable beside it.
const SPILL_SHARE: u64 = 4;

/// The journal of one process and the bound it shares with its long lines.
pub(super) struct Transcript {
    path: PathBuf,
    journal: Journal,
    limit: u64,
    redactor: Redactor,
    spills: u32,
}

/// A line too long for the journal, on its way to its own file.
pub(super) struct Spill {
    pub(super) path: PathBuf,
    file: File,
    pending: Vec<u8>,
    written: u64,
    /// The notice that the rest is missing is in the file.
    closed: bool,
}

impl Transcript {
    /// Opens the journal at `path`, behind what an earlier process may have left there, creating directories as needed.
    /// At most about `limit` bytes are kept: the beginning and the end.
    pub(super) fn open(
        path: PathBuf,
        limit: u64,
        redactor: Redactor,
    ) -> Result<Self, ProcessError> {
        let opened = path
            .parent()
            .map_or(Ok(()), private_directories)
            .and_then(|()| Journal::open(&path, limit));
        match opened {
            Ok(journal) => Ok(Self { path, journal, limit, redactor, spills: 0 }),
            Err(source) => Err(ProcessError::Journal { path, source }),
        }
    }

    /// `text` without secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Writes one line.
    pub(super) fn write_line(&mut self, text: &str) -> Result<(), ProcessError> {
        let mut line = self.redactor.redact(text).into_owned();
        line.push('\n');
        self.journal.write(&line).map_err(journal_error(&self.path))
    }

    /// Begins a file for a long line.
    pub(super) fn spill(&mut self) -> Result<Spill, ProcessError> {
        loop {
            self.spills += 1;
            let mut name = OsString::from(self.path.as_os_str());
            name.push(format!(".line-{}", self.spills));
            let path = PathBuf::from(name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    let pending = Vec::new();
                    return Ok(Spill { path, file, pending, written: 0, closed: false });
                }
                // Left by an earlier process of the same journal.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(ProcessError::Journal { path, source }),
            }
        }
    }

    /// Adds `bytes` to the long line.
    pub(super) fn spill_part(
        &mut self,
        spill: &mut Spill,
        bytes: &[u8],
    ) -> Result<(), ProcessError> {
        for part in bytes.chunks(SPILL_PART) {
            spill.pending.extend_from_slice(part);
            if spill.pending.len() > SPILL_PART {
                let rest = spill
                    .pending
                    .split_off(character_boundary(&spill.pending, spill.pending.len() - 1));
                let text = String::from_utf8_lossy(&spill.pending).into_owned();
                let (redacted, used) = self.redactor.redact_part(&text);
                spill.pending = [&text.as_bytes()[used..], &rest].concat();
                self.write_spill(spill, &redacted)?;
            }
        }
        Ok(())
    }

    /// Writes what is left of the long line and mentions its file in the journal.
    pub(super) fn end_spill(&mut self, spill: &mut Spill) -> Result<(), ProcessError> {
        let pending = std::mem::take(&mut spill.pending);
        let text = self.redact(&String::from_utf8_lossy(&pending));
        self.write_spill(spill, &text)?;
        self.journal.completed(spill.path.clone(), spill.written);
        let name = spill.path.file_name().map(|name| name.to_string_lossy().into_owned());
        self.write_line(&format!("[a longer line is in {}]", name.unwrap_or_default()))
    }

    fn write_spill(&mut self, spill: &mut Spill, text: &str) -> Result<(), ProcessError> {
        if spill.closed {
            return Ok(());
        }
        let most = self.limit / SPILL_SHARE;
        let wanted = text.len() as u64;
        let fits = spill.written + wanted <= most
            && self.journal.take(wanted).map_err(journal_error(&spill.path))?;
        spill.closed = !fits;
        let notice = format!("[the rest is left out: a line may have {most} bytes]\n");
        let text = if fits { text } else { &notice };
        spill.written += if fits { wanted } else { 0 };
        spill.file.write_all(text.as_bytes()).map_err(journal_error(&spill.path))
    }
}

fn private_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn journal_error(path: &Path) -> impl FnOnce(io::Error) -> ProcessError + use<'_> {
    |source| ProcessError::Journal { path: path.to_path_buf(), source }
}
