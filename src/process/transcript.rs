//! What an agent said, on disk: one journal of its lines, and a file of its own for each line too long for it.
//!
//! Everything is redacted before it is written, readable by its owner only, and bounded together; where the bound cut
//! something off, the file says so.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::process::ProcessError;
use crate::process::lines::character_boundary;
use crate::process::redact::Redactor;

/// How much of a long line is collected before it is redacted and written.
const SPILL_PART: usize = 1 << 20;

/// The journal of one process and the bound it shares with its long lines.
pub(super) struct Transcript {
    path: PathBuf,
    journal: File,
    limit: u64,
    left: u64,
    /// The notice that nothing more is written is in the journal.
    closed: bool,
    redactor: Redactor,
    spills: u32,
}

/// A line too long for the journal, on its way to its own file.
pub(super) struct Spill {
    pub(super) path: PathBuf,
    file: File,
    pending: Vec<u8>,
    /// The notice that the rest is missing is in the file.
    closed: bool,
}

impl Transcript {
    /// Opens the journal at `path`, behind what an earlier process may have left there, creating directories as needed.
    /// Of this process at most about `limit` bytes are written.
    pub(super) fn open(
        path: PathBuf,
        limit: u64,
        redactor: Redactor,
    ) -> Result<Self, ProcessError> {
        let opened = path
            .parent()
            .map_or(Ok(()), private_directories)
            .and_then(|()| OpenOptions::new().append(true).create(true).mode(0o600).open(&path));
        match opened {
            Ok(journal) => {
                Ok(Self { path, journal, limit, left: limit, closed: false, redactor, spills: 0 })
            }
            Err(source) => Err(ProcessError::Journal { path, source }),
        }
    }

    /// `text` without secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Writes one line.
    pub(super) fn write_line(&mut self, text: &str) -> Result<(), ProcessError> {
        if self.closed {
            return Ok(());
        }
        let mut line = self.redactor.redact(text).into_owned();
        line.push('\n');
        self.closed = !self.take(line.len());
        if self.closed {
            line = self.notice();
        }
        // One call per line: what is written survives the end of this process, and a reader never sees half a line
        // unless the disk is full.
        self.journal.write_all(line.as_bytes()).map_err(journal_error(&self.path))
    }

    /// Begins a file for a long line.
    pub(super) fn spill(&mut self) -> Result<Spill, ProcessError> {
        loop {
            self.spills += 1;
            let mut name = OsString::from(self.path.as_os_str());
            name.push(format!(".line-{}", self.spills));
            let path = PathBuf::from(name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Spill { path, file, pending: Vec::new(), closed: false }),
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
        let name = spill.path.file_name().map(|name| name.to_string_lossy().into_owned());
        self.write_line(&format!("[a longer line is in {}]", name.unwrap_or_default()))
    }

    fn write_spill(&mut self, spill: &mut Spill, text: &str) -> Result<(), ProcessError> {
        if spill.closed {
            return Ok(());
        }
        spill.closed = !self.take(text.len());
        let notice = self.notice();
        let text = if spill.closed { &notice } else { text };
        spill.file.write_all(text.as_bytes()).map_err(journal_error(&spill.path))
    }

    /// Takes `wanted` bytes out of what may still be written; says whether there was enough.
    fn take(&mut self, wanted: usize) -> bool {
        let left = self.left.checked_sub(wanted as u64);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn notice(&self) -> String {
        format!("[the rest is left out: a transcript may have {} bytes]\n", self.limit)
    }
}

fn private_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn journal_error(path: &Path) -> impl FnOnce(io::Error) -> ProcessError + use<'_> {
    |source| ProcessError::Journal { path: path.to_path_buf(), source }
}
