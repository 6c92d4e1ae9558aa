//! Is git there, and new enough?

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::process::capture::Capture;

use super::super::entry::Context;
use super::Finding;

const AREA: &str = "git";

/// The oldest git that can merge without a checkout (`merge-tree --write-tree`).
const OLDEST: (u32, u32) = (2, 38);

/// How long git may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of an answer that are looked at.
const LONGEST_ANSWER: usize = 16 * 1024;

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let oldest = format!("{}.{}", OLDEST.0, OLDEST.1);
    let remedy = format!("install git {oldest} or newer, on the PATH of this process");
    vec![match ask(context, Path::new("/"), &["--version"]).await {
        Err(reason) => Finding::stops(AREA, "", reason).remedy(remedy),
        Ok(text) => match version(&text) {
            Some(found) if found < OLDEST => {
                Finding::stops(AREA, "", format!("{text} is older than {oldest}")).remedy(remedy)
            }
            Some(_) => Finding::ok(AREA, "", text),
            None => Finding::remark(AREA, "", format!("its version cannot be read: {text:?}"))
                .remedy(format!("it must be {oldest} or newer")),
        },
    }]
}

fn version(text: &str) -> Option<(u32, u32)> {
    let number = text.split_whitespace().find(|word| word.starts_with(char::is_numeric))?;
    let mut parts = number.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What git says, without anybody's configuration; the reason when it fails.
pub(super) async fn ask(
    context: &Context,
    cwd: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let fixed = [
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("LC_ALL", "C"),
    ];
    let mut env: BTreeMap<String, String> =
        fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let path = context.surroundings.variable("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin");
    env.insert("PATH".to_owned(), path.to_owned());
    let safe = ["-c", "safe.directory=*"];
    let capture = Capture {
        program: PathBuf::from("git"),
        args: safe.iter().chain(arguments).map(OsString::from).collect(),
        cwd: cwd.to_owned(),
        env,
        stdin: None,
        timeout: PATIENCE,
        max_output: LONGEST_ANSWER,
    };
    let answer = capture
        .run(&CancellationToken::new())
        .await
        .map_err(|error| super::super::errors::chain(&error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if answer.succeeded() {
        Ok(text(&answer.stdout))
    } else if answer.timed_out {
        Err(format!("git does not answer within {} s", PATIENCE.as_secs()))
    } else {
        Err(text(&answer.stderr))
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read_from_what_any_git_says() {
        assert_eq!(version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("gitty"), None);
    }
}
