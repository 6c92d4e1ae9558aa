//! What a service's headers say about being asked too often.

use std::time::Duration;

use crate::domain::time::Timestamp;

use super::client::Reply;

/// The longest pause that is taken from a header: whatever is longer is asked about again.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A pause when a limit is hit and nothing says for how long (GitHub's documents: at least a minute).
const UNKNOWN: Duration = Duration::from_secs(60);

/// How long `reply` asks to be left alone, if it does.
///
/// `Retry-After` counts with every status: Azure DevOps sends it with a 200 before it refuses. GitHub refuses with 403 or
/// 429 and says either `Retry-After` or when the window starts anew (`X-RateLimit-Reset`, seconds since 1970, which is
/// compared with the service's own `Date`).
pub(super) fn pause(reply: &Reply) -> Option<Duration> {
    if let Some(after) = reply.header("retry-after").and_then(|value| value.trim().parse().ok()) {
        return Some(Duration::from_secs(after).min(LONGEST));
    }
    let used_up = reply.header("x-ratelimit-remaining").is_some_and(|left| left.trim() == "0");
    match reply.status {
        429 => Some(until_reset(reply).unwrap_or(UNKNOWN)),
        403 if used_up => Some(until_reset(reply).unwrap_or(UNKNOWN)),
        // The last request of the window was answered: the next one would not be.
        200..=299 if used_up => until_reset(reply),
        _ => None,
    }
}

fn until_reset(reply: &Reply) -> Option<Duration> {
    let reset: i64 = reply.header("x-ratelimit-reset")?.trim().parse().ok()?;
    let now = Timestamp::from_http_date(reply.header("date")?)?;
    // A second more: the service rounds down.
    Some((Timestamp(reset.saturating_mul(1000)).since(now) + Duration::from_secs(1)).min(LONGEST))
}
