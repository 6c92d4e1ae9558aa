//! Where people find what an item led to.

/// The page of `branch` on the forge that has the pull request at `pull_request`: what is offered there was pushed there.
#[must_use]
pub(super) fn branch_page(pull_request: &str, branch: &str) -> Option<String> {
    let address = web_address(pull_request)?;
    let branch = encoded(branch);
    if let Some((repository, number)) = address.rsplit_once("/pull/") {
        return is_number(number).then(|| format!("{repository}/tree/{branch}"));
    }
    let (repository, number) = address.rsplit_once("/pullrequest/")?;
    (repository.contains("/_git/") && is_number(number))
        .then(|| format!("{repository}?version=GB{}", branch.replace('/', "%2F")))
}

/// `address`, if it is one that can be opened in a browser and nothing but one.
#[must_use]
pub(super) fn web_address(address: &str) -> Option<&str> {
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    let is_plain = address.chars().all(|it| {
        it.is_ascii_graphic() && !matches!(it, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}')
    });
    (is_web && is_plain && address.len() <= LONGEST).then_some(address)
}

/// Characters of an address; services take 2048 at the most.
const LONGEST: usize = 2_000;

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_digit())
}

/// `text` as part of a path; slashes stay.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{branch_page, web_address};

    #[test]
    fn a_branch_is_where_its_pull_request_is() {
        let page = |address: &str, branch: &str| branch_page(address, branch).unwrap_or_default();
        assert_eq!(
            page("https://github.com/acme/app/pull/7", "factory/1-greet#now"),
            "https://github.com/acme/app/tree/factory/1-greet%23now"
        );
        assert_eq!(
            page("https://dev.azure.com/o/p%20q/_git/app/pullrequest/7", "factory/1"),
            "https://dev.azure.com/o/p%20q/_git/app?version=GBfactory%2F1"
        );
        for unknown in ["https://example.org/7", "https://x/pull/7a", "x/pull/7", "file:///pull/7"]
        {
            assert_eq!(branch_page(unknown, "factory/1"), None, "{unknown}");
        }
    }

    #[test]
    fn only_what_a_browser_opens_is_an_address() {
        assert!(web_address("https://github.com/acme/app/pull/7").is_some());
        for other in ["javascript:alert(1)", "https://a b", "https://a\"onclick=", "https://a<b>"] {
            assert_eq!(web_address(other), None, "{other}");
        }
    }
}
