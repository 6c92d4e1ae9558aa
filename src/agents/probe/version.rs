//! Version numbers as programs print them.

/// The first dotted number in a text (`2.1.329 (Claude Code)`, `codex-cli 0.169.0`).
pub(super) fn first_in(text: &str) -> Option<String> {
    let words = text.split(|character: char| character.is_whitespace() || character == '(');
    words
        .map(|word| word.trim_start_matches('v'))
        .find(|word| numbers(word).len() >= 2)
        .map(|word| word.trim_end_matches([',', ')', '.']).to_owned())
}

/// Whether `found` is a lower version than `tested`; words after the numbers do not count.
pub(super) fn is_older(found: &str, tested: &str) -> bool {
    numbers(found) < numbers(tested)
}

fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or(version);
    core.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{first_in, is_older};

    #[test]
    fn versions_are_found_and_compared_as_numbers() {
        assert_eq!(first_in("2.1.329 (Claude Code)\n").as_deref(), Some("2.1.329"));
        assert_eq!(first_in("codex-cli 0.169.0").as_deref(), Some("0.169.0"));
        assert_eq!(first_in("tool version v1.2.3-beta, built 2026").as_deref(), Some("1.2.3-beta"));
        assert_eq!(first_in("no number 7 here"), None);
        assert!(is_older("2.1.99", "2.1.197") && is_older("0.169", "0.169.1"));
        assert!(!is_older("2.1.197", "2.1.197") && !is_older("3.0.0", "2.1.197"));
    }
}
