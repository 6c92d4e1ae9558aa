//! Limits on the rate of requests: a bucket per route and place, one for everything, and the storm in which nothing is
//! let through.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Requests of one token in a second, on all routes but those of interactions.
const GLOBAL: u32 = 50;
/// Refused requests in ten minutes after which the address is banned.
const BAN: usize = 10_000;

/// Which limit a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This bot on this route.
    User,
    /// This bot on every route.
    Global,
    /// Everybody on this route.
    Shared,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Global => "global",
            Self::Shared => "shared",
        }
    }
}

/// Refusals that come whatever was asked before.
#[derive(Debug, Clone)]
pub struct Storm {
    /// How many requests are refused.
    pub times: u32,
    /// Requests that have this in their path; empty for all.
    pub part: String,
    pub scope: Scope,
    pub retry_after: Duration,
}

/// How much there is of a bucket, to be said with each answer.
#[derive(Debug, Clone)]
pub struct Left {
    pub bucket: String,
    pub limit: u32,
    pub remaining: u32,
    pub reset_after: Duration,
    /// Set when the request is refused.
    pub refused: Option<(Scope, Duration)>,
}

impl Left {
    /// Unix time in seconds at which the bucket is full again.
    pub fn reset(&self) -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        (now + self.reset_after).as_secs_f64()
    }
}

#[derive(Debug)]
struct Window {
    since: Instant,
    used: u32,
}

/// All buckets.
#[derive(Debug, Default)]
pub struct Limits {
    sizes: HashMap<String, (u32, Duration)>,
    windows: HashMap<String, Window>,
    storms: Vec<Storm>,
    pub off: bool,
    refusals: Vec<Instant>,
}

impl Limits {
    /// A route of its own size: method and route, as in `POST /channels/{}/messages`.
    pub fn set(&mut self, route: &str, limit: u32, window: Duration) {
        self.sizes.insert(route.to_owned(), (limit, window));
    }

    pub fn storm(&mut self, storm: Storm) {
        self.storms.push(storm);
    }

    pub fn calm(&mut self) {
        self.storms.clear();
    }

    /// Whether so many requests were refused that none is listened to any more.
    pub fn banned(&self) -> bool {
        self.refused() >= BAN
    }

    /// Requests refused in the last ten minutes.
    pub fn refused(&self) -> usize {
        self.refusals.iter().filter(|at| at.elapsed() < Duration::from_secs(600)).count()
    }

    /// A request was refused with 401, 403 or 429.
    pub fn count_refusal(&mut self) {
        self.refusals.push(Instant::now());
    }

    fn size(&self, route: &str) -> (u32, Duration) {
        if let Some(own) = self.sizes.get(route) {
            return *own;
        }
        match route {
            "POST /channels/{}/messages" | "PATCH /channels/{}/messages/{}" => {
                (5, Duration::from_secs(5))
            }
            "DELETE /channels/{}/messages/{}" => (5, Duration::from_secs(1)),
            "PUT /channels/{}/messages/{}/reactions/{}/@me" => (1, Duration::from_millis(250)),
            _ => (50, Duration::from_secs(1)),
        }
    }

    /// A request comes in on a route, at a place (the channel, guild or webhook that has a bucket of its own).
    pub fn take(&mut self, route: &str, place: &str, path: &str, interaction: bool) -> Left {
        let (limit, window) = self.size(route);
        let key = format!("{route} {place}");
        let bucket = format!(
            "{:016x}",
            route
                .bytes()
                .fold(7_u64, |sum, byte| { sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte) })
        );
        if let Some(storm) =
            self.storms.iter_mut().find(|it| it.times > 0 && path.contains(&it.part))
        {
            storm.times -= 1;
            let refused = Some((storm.scope, storm.retry_after));
            return Left { bucket, limit, remaining: 0, reset_after: storm.retry_after, refused };
        }
        if self.off {
            return Left { bucket, limit, remaining: limit, reset_after: window, refused: None };
        }
        if !interaction
            && let Err(wait) = self.use_one("everything", GLOBAL, Duration::from_secs(1))
        {
            let refused = Some((Scope::Global, wait));
            return Left { bucket, limit, remaining: 0, reset_after: wait, refused };
        }
        match self.use_one(&key, limit, window) {
            Ok((remaining, reset_after)) => {
                Left { bucket, limit, remaining, reset_after, refused: None }
            }
            Err(wait) => {
                let refused = Some((Scope::User, wait));
                Left { bucket, limit, remaining: 0, reset_after: wait, refused }
            }
        }
    }

    /// What remains and until when, or how long to wait.
    fn use_one(
        &mut self,
        key: &str,
        limit: u32,
        length: Duration,
    ) -> Result<(u32, Duration), Duration> {
        let now = Instant::now();
        let window = self.windows.entry(key.to_owned()).or_insert(Window { since: now, used: 0 });
        if now.duration_since(window.since) >= length {
            *window = Window { since: now, used: 0 };
        }
        let reset_after = length - now.duration_since(window.since);
        if window.used >= limit {
            return Err(reset_after);
        }
        window.used += 1;
        Ok((limit - window.used, reset_after))
    }
}
