//! Which issues an issue's text names as its blockers.

use std::collections::BTreeSet;

/// An issue anywhere on the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// `owner/name`, in lower case: GitHub's names have no case.
    pub(super) repository: String,
    /// Its number.
    pub(super) number: u64,
}

impl Reference {
    /// An issue of `repository`.
    pub(super) fn new(repository: &str, number: u64) -> Self {
        Self { repository: repository.to_lowercase(), number }
    }

    /// The issue at an address of the API: `…/repos/owner/name/issues/7`.
    pub(super) fn of_address(address: &str) -> Option<Self> {
        let (_, path) = address.split_once("/repos/")?;
        let mut parts = path.split('/');
        let (owner, name) = (parts.next()?, parts.next()?);
        let number = match (parts.next(), parts.next()) {
            (Some("issues"), Some(number)) => number.parse().ok()?,
            _ => return None,
        };
        Some(Self::new(&format!("{owner}/{name}"), number))
    }
}

/// Blockers by the lines of `body`: `Blocked by #12`, `Depends on owner/name#3, #4`, and the open tasks of a list that
/// are issues (`- [ ] #12`). What stands in code says nothing.
pub(super) fn blockers(body: &str, repository: &str) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    let mut in_code = false;
    for line in body.lines() {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let bare = line.trim_start_matches(['-', '*', '+', '>', ' ', '_']);
        if let Some(task) = bare.strip_prefix("[ ]").filter(|_| bare.len() < line.len()) {
            let first = task.split_whitespace().next().unwrap_or_default();
            found.extend(reference(first, repository));
        } else if let Some(named) = after_phrase(bare) {
            let words = named.split(|it: char| it.is_whitespace() || it == ',');
            found.extend(words.filter_map(|word| reference(word, repository)));
        }
    }
    found
}

/// What follows `blocked by` or `depends on` at the start of a line.
fn after_phrase(line: &str) -> Option<&str> {
    ["blocked by", "depends on"].into_iter().find_map(|phrase| {
        let start = line.get(..phrase.len())?;
        let rest = line.get(phrase.len()..)?;
        let ends = rest.starts_with([' ', ':', '*', '\t']);
        (start.eq_ignore_ascii_case(phrase) && ends).then_some(rest)
    })
}

/// `#12`, `owner/name#12` or the address of an issue.
fn reference(word: &str, repository: &str) -> Option<Reference> {
    let word = word.trim_matches(|it: char| ".;:()[]*_".contains(it));
    if let Some((_, path)) = word.split_once("://") {
        let mut parts = path.split('/').skip(1);
        let (owner, name) = (parts.next()?, parts.next()?);
        let number = parts.nth(1).filter(|_| path.contains("/issues/"))?.parse().ok()?;
        return Some(Reference::new(&format!("{owner}/{name}"), number));
    }
    let (named, number) = word.split_once('#')?;
    let number = number.parse().ok()?;
    match named {
        "" => Some(Reference::new(repository, number)),
        named => {
            let (owner, name) = named.split_once('/')?;
            let plain = |part: &str| {
                !matches!(part, "" | "." | "..")
                    && part.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
            };
            (plain(owner) && plain(name)).then(|| Reference::new(named, number))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reference, blockers};

    #[track_caller]
    fn check(body: &str, expected: &[(&str, u64)]) {
        let expected: Vec<Reference> = expected
            .iter()
            .map(|(repository, number)| Reference::new(repository, *number))
            .collect();
        assert_eq!(
            blockers(body, "Own/Repo").into_iter().collect::<Vec<_>>(),
            expected,
            "{body:?}"
        );
    }

    #[test]
    fn blockers_stand_at_the_start_of_a_line_or_are_open_tasks() {
        check("Blocked by #12", &[("own/repo", 12)]);
        check(
            "text\n**Depends on:** #4, other/name#3 and #5.",
            &[("other/name", 3), ("own/repo", 4), ("own/repo", 5)],
        );
        check("- blocked by https://github.com/a/b/issues/9", &[("a/b", 9)]);
        check(
            "- [ ] #1\n- [x] #2\n* [ ] a/b#3 with words about #4",
            &[("a/b", 3), ("own/repo", 1)],
        );
        check("This is not blocked by #12", &[]);
        check("Blocked bydefinition #1\nBlocked by nothing at all\nFixes #3\n[ ] #4", &[]);
        check("```\nBlocked by #12\n```\nBlocked by #x and a b#1 ../..#2", &[]);
    }

    #[test]
    fn the_address_of_an_issue_names_it() {
        let of = Reference::of_address;
        assert_eq!(of("https://api.github.com/repos/A/b/issues/7"), Some(Reference::new("a/b", 7)));
        assert_eq!(
            of("https://ghes.example/api/v3/repos/a/b/issues/7"),
            Some(Reference::new("a/b", 7))
        );
        assert_eq!(of("https://api.github.com/repos/a/b"), None);
    }
}
