//! Where every value came from, and the findings about it.

use std::collections::BTreeMap;

use super::report::{ConfigReport, Finding};

/// A place to point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Line and column in the file, both from 1.
    File(usize, usize),
    /// An environment variable that overrides the file.
    Variable(String),
    /// Nowhere: a default.
    Nowhere,
}

/// Where one key was given.
pub(super) struct Source {
    /// Its name.
    pub(super) key: Place,
    /// Its value.
    pub(super) value: Place,
    /// The value's text as written, before `${VAR}`: what may be shown. Only for text.
    pub(super) written: Option<String>,
    /// Whether the text had variables to fill in or is an override, so that it may stand for something else than text.
    pub(super) filled: bool,
    /// Whether the value holds something out of the environment, which is never shown.
    pub(super) hidden: bool,
    /// Whether the value could not be read at all, which has been reported.
    pub(super) unreadable: bool,
}

impl Source {
    /// A given key whose value is text as written, or something else entirely.
    pub(super) fn new(key: Place, value: Place) -> Self {
        Self { key, value, written: None, filled: false, hidden: false, unreadable: false }
    }

    /// What to call a value that is not to be shown.
    fn stand_in(&self) -> String {
        match &self.written {
            Some(written) => format!("what {written:?} stands for"),
            None => "its value".to_owned(),
        }
    }
}

/// The places of all keys by path, and what has been found so far.
pub(super) struct Sources {
    file: Option<String>,
    places: BTreeMap<String, Source>,
    problems: Vec<Finding>,
    warnings: Vec<Finding>,
}

impl Sources {
    /// Nothing given yet; `file` is how the file is named to people.
    pub(super) fn new(file: Option<String>) -> Self {
        Self { file, places: BTreeMap::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Remembers where `path` was given; the last one wins, as in layering.
    pub(super) fn insert(&mut self, path: &str, source: Source) {
        self.places.insert(path.to_owned(), source);
    }

    /// Where `path` was given, if it was.
    pub(super) fn get(&self, path: &str) -> Option<&Source> {
        self.places.get(path)
    }

    /// Whether the text at `path` may stand for something else than text.
    pub(super) fn filled(&self, path: &str) -> bool {
        self.get(path).is_some_and(|source| source.filled)
    }

    /// Reports a mistake at a place.
    pub(super) fn problem_at(
        &mut self,
        place: &Place,
        key: &str,
        message: &str,
        hint: Option<String>,
    ) {
        let finding = self.finding(place, key, message, hint);
        self.problems.push(finding);
    }

    /// Reports a mistake in the value of `path`. If the value holds something out of the environment, `message` and
    /// `hint`, which may quote it, give way to a message that does not.
    pub(super) fn problem(&mut self, path: &str, message: &str, hint: Option<String>) {
        let place = self.nearest(path, |source| source.value.clone());
        match self.get(path).filter(|source| source.hidden) {
            Some(source) => {
                let message = format!("{} cannot be used here", source.stand_in());
                self.problem_at(&place, path, &message, None);
            }
            None => self.problem_at(&place, path, message, hint),
        }
    }

    /// Reports that the value of `path` is not what was wanted. Only `found` may quote the value.
    pub(super) fn misfit(&mut self, path: &str, wanted: &str, found: &str, hint: Option<String>) {
        let place = self.nearest(path, |source| source.value.clone());
        let hidden = self.get(path).filter(|source| source.hidden).map(Source::stand_in);
        let message = match hidden {
            Some(stand_in) => format!("expected {wanted}, which {stand_in} is not"),
            None => format!("expected {wanted}, found {found}"),
        };
        self.problem_at(&place, path, &message, hint);
    }

    /// Reports that something is missing in the table `parent`.
    pub(super) fn missing(&mut self, parent: &str, path: &str, message: &str) {
        let place = self.nearest(parent, |source| source.key.clone());
        self.problem_at(&place, path, message, None);
    }

    /// Remarks on the key at `path`.
    pub(super) fn warning(&mut self, path: &str, message: &str) {
        let place = self.nearest(path, |source| source.key.clone());
        self.warning_at(&place, path, message);
    }

    /// Remarks on something at a place.
    pub(super) fn warning_at(&mut self, place: &Place, key: &str, message: &str) {
        let finding = self.finding(place, key, message, None);
        self.warnings.push(finding);
    }

    /// Reports a mistake in another file than the configuration.
    pub(super) fn problem_in(&mut self, file: &str, line: usize, message: &str) {
        let mut finding = self.finding(&Place::File(line, 1), "", message, None);
        finding.file = Some(file.to_owned());
        self.problems.push(finding);
    }

    /// The remarks, or all the mistakes.
    pub(super) fn verdict(mut self) -> Result<Vec<Finding>, ConfigReport> {
        if self.problems.is_empty() {
            self.warnings.sort_by_key(order);
            return Ok(self.warnings);
        }
        Err(self.into_report())
    }

    /// The mistakes alone, for when there is no going on.
    pub(super) fn into_report(mut self) -> ConfigReport {
        self.problems.sort_by_key(order);
        self.problems.dedup();
        ConfigReport { problems: self.problems }
    }

    /// The place of `path`, or of the closest table above it that was given.
    fn nearest(&self, path: &str, of: impl Fn(&Source) -> Place) -> Place {
        let mut rest = path;
        loop {
            if let Some(source) = self.get(rest) {
                return of(source);
            }
            match rest.rfind(['.', '[']) {
                Some(end) => rest = &rest[..end],
                None => return Place::Nowhere,
            }
        }
    }

    fn finding(&self, place: &Place, key: &str, message: &str, hint: Option<String>) -> Finding {
        let (file, line, column, variable) = match place {
            Place::File(line, column) => (self.file.clone(), Some(*line), Some(*column), None),
            Place::Variable(name) => (None, None, None, Some(name.clone())),
            Place::Nowhere => (self.file.clone(), None, None, None),
        };
        Finding {
            file,
            line,
            column,
            variable,
            key: key.to_owned(),
            message: message.to_owned(),
            hint,
        }
    }
}

/// The order of the file; what is in no file comes last.
fn order(finding: &Finding) -> (bool, Option<String>, Option<usize>, Option<usize>) {
    (finding.file.is_none(), finding.file.clone(), finding.line, finding.column)
}
