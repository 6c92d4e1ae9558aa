//! `apply_patch`: several edits at once, all or none.
//!
//! The format is the one that current models were trained on (`*** Begin Patch`). [`parse`] reads it, [`edit`] finds
//! the places in a text; both are pure. What does not fit is answered with what is really there.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::{Bench, Complaint, Description, read_file, write_file};

mod edit;
mod parse;

#[cfg(test)]
mod tests;

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    #[serde(alias = "input")]
    patch: String,
}

/// The format in short, for the description and for whoever gets it wrong.
const FORMAT: &str = "\
*** Begin Patch
*** Update File: path/to/file
@@ fn name_of_the_function()
 a line that stays
-a line that goes
+a line that comes
*** Add File: path/to/new
+every line of it
*** Delete File: path/to/old
*** End Patch";

pub(super) fn describe() -> Description {
    let text = format!(
        "Edit files of the worktree, all or none. The format:\n{FORMAT}\nLines that stay or go must be exactly as in the \
         file; give about three lines that stay before and after each edit. A line `@@ text` says after which line of the \
         file to look, which is needed when the lines occur several times. `*** Move to: new/path` after `*** Update File` \
         renames."
    );
    (text, vec!["patch"], json!({ "patch": { "type": "string" } }))
}

/// What is to be done with one file.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Write { real: PathBuf, shown: String, content: String, was: &'static str },
    Move { from: PathBuf, real: PathBuf, shown: String, content: String },
    Delete { real: PathBuf, shown: String },
}

pub(super) fn run(bench: &Bench, arguments: &Arguments) -> Result<String, Complaint> {
    let patch = parse::parse(&arguments.patch).map_err(|error| {
        Complaint(format!("the patch cannot be read: {error}. The format:\n{FORMAT}"))
    })?;
    let mut taken = BTreeSet::new();
    let mut deeds = Vec::new();
    let mut complaints = Vec::new();
    for file in &patch {
        match plan(bench, file, &mut taken) {
            Ok(deed) => deeds.push(deed),
            Err(Complaint(text)) => complaints.push(text),
        }
    }
    if !complaints.is_empty() {
        return Err(Complaint(format!("nothing was changed.\n{}", complaints.join("\n\n"))));
    }
    let mut done = Vec::new();
    for deed in &deeds {
        match carry_out(deed) {
            Ok(line) => done.push(line),
            Err(Complaint(text)) => {
                let done = if done.is_empty() { "nothing".to_owned() } else { done.join("; ") };
                return Err(Complaint(format!("{text}. Done before that: {done}")));
            }
        }
    }
    Ok(done.join("\n"))
}

fn plan(
    bench: &Bench,
    file: &parse::FilePatch,
    taken: &mut BTreeSet<PathBuf>,
) -> Result<Deed, Complaint> {
    let mut place = |path: &str| {
        let real = bench.place.resolve(path)?;
        let shown = bench.place.shown(&real);
        if taken.insert(real.clone()) {
            return Ok((real, shown));
        }
        Err(Complaint(format!(
            "{shown}: the patch names it twice; put all edits of a file below one heading"
        )))
    };
    match file {
        parse::FilePatch::Add { path, lines } => {
            let (real, shown) = place(path)?;
            refuse_existing(&real, &shown)?;
            let content = lines.iter().map(|line| format!("{line}\n")).collect();
            Ok(Deed::Write { real, shown, content, was: "made" })
        }
        parse::FilePatch::Delete { path } => {
            let (real, shown) = place(path)?;
            if real.is_file() { Ok(Deed::Delete { real, shown }) } else { Err(absent(&shown)) }
        }
        parse::FilePatch::Update { path, to, hunks } => {
            let (from, from_shown) = place(path)?;
            if !from.exists() {
                return Err(absent(&from_shown));
            }
            let text =
                String::from_utf8(read_file::contents(&from, &from_shown)?).map_err(|_| {
                    Complaint(format!("{from_shown} is not UTF-8 and cannot be patched"))
                })?;
            let content = edit::apply(&text, hunks)
                .map_err(|error| Complaint(format!("{from_shown}: {error}")))?;
            match to {
                None => Ok(Deed::Write { real: from, shown: from_shown, content, was: "changed" }),
                Some(to) => {
                    let (real, shown) = place(to)?;
                    refuse_existing(&real, &shown)?;
                    Ok(Deed::Move {
                        from, real, shown: format!("{from_shown} → {shown}"), content
                    })
                }
            }
        }
    }
}

fn absent(shown: &str) -> Complaint {
    Complaint(format!("there is no file {shown}; use list to see what is there"))
}

fn refuse_existing(real: &std::path::Path, shown: &str) -> Result<(), Complaint> {
    if real.symlink_metadata().is_ok() {
        return Err(Complaint(format!(
            "{shown} is there already; change it with *** Update File, or replace it with write_file"
        )));
    }
    Ok(())
}

fn carry_out(deed: &Deed) -> Result<String, Complaint> {
    match deed {
        Deed::Write { real, shown, content, was } => {
            write_file::put(real, shown, content.as_bytes())?;
            Ok(format!("{shown}: {was}, {} lines", content.lines().count()))
        }
        Deed::Delete { real, shown } => {
            fs::remove_file(real).map_err(|error| Complaint::io("deleted", shown, &error))?;
            Ok(format!("{shown}: deleted"))
        }
        Deed::Move { from, real, shown, content } => {
            write_file::put(real, shown, content.as_bytes())?;
            let moved = fs::metadata(from)
                .and_then(|found| fs::set_permissions(real, found.permissions()))
                .and_then(|()| fs::remove_file(from));
            moved.map_err(|error| Complaint::io("moved", shown, &error))?;
            Ok(format!("{shown}: moved, {} lines", content.lines().count()))
        }
    }
}
