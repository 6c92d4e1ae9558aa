//! Names derived from what people wrote: safe as a folder, safe as a branch.

use sha2::{Digest, Sha256};

use crate::domain::ids::ProjectId;

/// Longest folder name before its hash.
const MAX_KEY: usize = 80;
/// Longest part of a branch name that comes from an identifier.
const MAX_IDENTIFIER: usize = 60;
/// Longest part of a branch name that comes from a title.
const MAX_SLUG: usize = 40;

/// All branches of the factory start with this.
pub const BRANCH_PREFIX: &str = "factory/";

/// The folder of a project's worktrees: letters, digits, `.`, `_` and `-` of its name, `_` for anything else. A name that
/// had to be changed gets 64 bits of its hash, so that two names never share a folder.
#[must_use]
pub fn project_key(project: &ProjectId) -> String {
    folder_key(project.as_str())
}

/// The same for any text.
#[must_use]
pub fn folder_key(text: &str) -> String {
    let mut key: String = text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    key.truncate(MAX_KEY);
    if key.is_empty() {
        key.push('_');
    }
    if key.starts_with(['.', '-']) {
        key.replace_range(..1, "_");
    }
    if key == text { key } else { format!("{key}-{}", short_hash(text)) }
}

/// The wanted branch name of a run: `factory/<identifier>-<slug of the title>`.
#[must_use]
pub fn branch_name(identifier: &str, title: &str) -> String {
    let identifier = identifier_part(identifier);
    let slug = slug(title);
    if slug.is_empty() {
        format!("{BRANCH_PREFIX}{identifier}")
    } else {
        format!("{BRANCH_PREFIX}{identifier}-{slug}")
    }
}

/// `wanted`, then `wanted-2`, `wanted-3`, … up to 50.
pub fn alternatives(wanted: &str) -> impl Iterator<Item = String> + '_ {
    std::iter::once(wanted.to_owned())
        .chain((2..=50).map(move |number| format!("{wanted}-{number}")))
}

/// Lower-case words of `text` joined by `-`, at most 40 characters, cut between words where possible.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let separator = usize::from(!slug.is_empty());
        if slug.len() + separator + word.len() > MAX_SLUG {
            if slug.is_empty() {
                slug.push_str(&word[..MAX_SLUG]);
            }
            break;
        }
        if separator == 1 {
            slug.push('-');
        }
        slug.push_str(word);
    }
    slug
}

/// The identifier as far as a branch name can hold it: no `..`, no `.lock`, no dot or dash at either end.
fn identifier_part(identifier: &str) -> String {
    let mut part = String::new();
    for character in identifier.chars() {
        let next = if is_plain(character) { character } else { '-' };
        if !(part.ends_with(next) && matches!(next, '.' | '-')) {
            part.push(next);
        }
    }
    part.truncate(MAX_IDENTIFIER);
    let mut part = part.trim_matches(['.', '-']);
    while let Some(shorter) = part.strip_suffix(".lock") {
        part = shorter.trim_end_matches(['.', '-']);
    }
    if part.is_empty() { "item".to_owned() } else { part.to_owned() }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// 64 bits of SHA-256 in hex.
pub(super) fn short_hash(text: &str) -> String {
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    digest[..16].to_owned()
}

/// `message` followed by its trailers, each on one line.
pub(super) fn with_trailers(message: &str, trailers: &[(String, String)]) -> String {
    let text = message.replace('\0', " ");
    let mut text =
        if text.trim().is_empty() { "Change".to_owned() } else { text.trim().to_owned() };
    text.push('\n');
    for (index, (key, value)) in trailers.iter().enumerate() {
        let line = format!("{key}: {value}").replace(['\n', '\r', '\0'], " ");
        text.push_str(if index == 0 { "\n" } else { "" });
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_project_names_are_their_own_folder() {
        assert_eq!(project_key(&ProjectId::new("web-shop_2.0")), "web-shop_2.0");
    }

    #[test]
    fn changed_names_carry_a_hash_and_never_collide() {
        let names = [
            "a/b",
            "a_b",
            "a b",
            "/a/b",
            "..",
            ".",
            "",
            ".git",
            "-rf",
            "größe",
            &"x".repeat(200),
            &"x".repeat(201),
        ];
        let keys: std::collections::BTreeSet<String> =
            names.iter().map(|name| project_key(&ProjectId::new(*name))).collect();
        assert_eq!(keys.len(), names.len());
        for key in &keys {
            assert!(key.chars().all(is_plain), "{key}");
            assert!(!key.starts_with(['.', '-']), "{key}");
            assert!(key.len() <= MAX_KEY + 17, "{key}");
        }
        assert!(keys.contains("a_b"));
    }

    #[test]
    fn branch_names_say_the_item_and_the_title() {
        assert_eq!(branch_name("DEMO-1", "Add a  greeting!"), "factory/DEMO-1-add-a-greeting");
        assert_eq!(branch_name("DEMO-1", "日本語"), "factory/DEMO-1");
        assert_eq!(branch_name("-../a b.lock", ""), "factory/a-b");
        assert_eq!(branch_name("..", "x"), "factory/item-x");
        assert_eq!(branch_name("a@{b}~^:?*[\\", "x"), "factory/a-b-x");
        let long = branch_name("A-1", &"word ".repeat(40));
        assert!(long.len() <= "factory/A-1-".len() + MAX_SLUG && long.ends_with("word"), "{long}");
        assert_eq!(branch_name("A-1", &"x".repeat(60)), format!("factory/A-1-{}", "x".repeat(40)));
    }

    #[test]
    fn alternatives_count_up() {
        let all: Vec<String> = alternatives("factory/a").collect();
        assert_eq!((all[0].as_str(), all[1].as_str(), all.len()), ("factory/a", "factory/a-2", 50));
    }
}
