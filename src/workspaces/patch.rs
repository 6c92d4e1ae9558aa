//! Fitting a diff into a bound: whole files or nothing.

use super::DiffText;

/// The diff of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePatch {
    /// The file, by its new name.
    pub(super) path: String,
    /// Its part of the diff; `None` when even that was too long to be kept.
    pub(super) text: Option<String>,
    /// Whether it is not text.
    pub(super) binary: bool,
}

/// The files in order as long as they fit in `max_bytes`; a file that does not fit is left out and smaller ones after it
/// still get in.
pub(super) fn fit(patches: Vec<FilePatch>, max_bytes: usize) -> DiffText {
    let mut diff = DiffText::default();
    for patch in patches {
        if patch.binary {
            diff.binary.push(patch.path);
            continue;
        }
        match patch.text {
            Some(text) if diff.text.len() + text.len() <= max_bytes => diff.text.push_str(&text),
            Some(_) | None => diff.left_out.push(patch.path),
        }
    }
    diff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, length: usize) -> FilePatch {
        FilePatch { path: path.to_owned(), text: Some("x".repeat(length)), binary: false }
    }

    #[test]
    fn files_are_whole_or_left_out() {
        let binary = FilePatch { path: "b".to_owned(), text: Some("y".to_owned()), binary: true };
        let lost = FilePatch { path: "lost".to_owned(), text: None, binary: false };
        let diff = fit(vec![text("a", 6), binary, text("c", 6), text("d", 4), lost], 10);
        assert_eq!(diff.text.len(), 10);
        assert_eq!(diff.left_out, ["c", "lost"]);
        assert_eq!(diff.binary, ["b"]);
    }
}
