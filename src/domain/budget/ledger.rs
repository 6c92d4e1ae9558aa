//! What was spent lately, when, where and with whom: the sums behind the budgets of days, projects and providers.

use std::time::Duration;

use crate::domain::ids::ProjectId;
use crate::domain::time::Timestamp;

use super::Usage;

/// How far back spending is remembered: the longest window there is, a week.
pub const MEMORY: Duration = Duration::from_secs(7 * 86_400);

const DAY_MS: i64 = 86_400_000;

/// What one turn cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// When it was booked.
    pub at: Timestamp,
    /// The project it was for.
    pub project: ProjectId,
    /// Name of the configured agent that did it.
    pub agent: String,
    /// Tokens and money.
    pub usage: Usage,
}

/// The spending of the last week, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger(Vec<Spending>);

impl Ledger {
    /// A ledger of `spendings`, in whatever order.
    #[must_use]
    pub fn new(mut spendings: Vec<Spending>) -> Self {
        spendings.sort_by_key(|spending| spending.at);
        Self(spendings)
    }

    /// Books a turn and forgets what is older than [`MEMORY`].
    pub fn book(&mut self, spending: Spending) {
        let oldest = spending.at.before(MEMORY);
        self.0.retain(|old| old.at >= oldest);
        let place = self.0.partition_point(|old| old.at <= spending.at);
        self.0.insert(place, spending);
    }

    /// Everything since the last UTC midnight.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> Usage {
        self.sum(midnight(now), |_| true)
    }

    /// What `project` has cost since the last UTC midnight.
    #[must_use]
    pub fn project_today(&self, project: &ProjectId, now: Timestamp) -> Usage {
        self.sum(midnight(now), |spending| spending.project == *project)
    }

    /// What `agent` has used since `since`.
    #[must_use]
    pub fn of_agent(&self, agent: &str, since: Timestamp) -> Usage {
        self.sum(since, |spending| spending.agent == agent)
    }

    /// When `agent` will have used less than `fits` asks for within `window`, given that nothing more is spent: the
    /// instant at which enough of it is older than the window. `now` if that is so already.
    #[must_use]
    pub fn agent_fits_at(
        &self,
        agent: &str,
        window: Duration,
        now: Timestamp,
        fits: impl Fn(&Usage) -> bool,
    ) -> Timestamp {
        let since = now.before(window);
        if fits(&self.of_agent(agent, since)) {
            return now;
        }
        let inside =
            self.0.iter().filter(|spending| spending.at >= since && spending.agent == agent);
        inside
            .map(|spending| spending.at.after(Duration::from_millis(1)))
            .find(|after| fits(&self.of_agent(agent, *after)))
            .map_or(now, |first_inside| first_inside.after(window))
    }

    fn sum(&self, since: Timestamp, wanted: impl Fn(&Spending) -> bool) -> Usage {
        let first = self.0.partition_point(|spending| spending.at < since);
        let mut sum = Usage::default();
        for spending in self.0[first..].iter().filter(|spending| wanted(spending)) {
            sum += spending.usage;
        }
        sum
    }
}

/// The last UTC midnight.
#[must_use]
pub fn midnight(now: Timestamp) -> Timestamp {
    Timestamp(now.utc_day().saturating_mul(DAY_MS))
}

/// The next UTC midnight.
#[must_use]
pub fn next_midnight(now: Timestamp) -> Timestamp {
    Timestamp(now.utc_day().saturating_add(1).saturating_mul(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn spent(at: i64, project: &str, agent: &str, tokens: u64) -> Spending {
        Spending {
            at: Timestamp(at),
            project: ProjectId::new(project),
            agent: agent.to_owned(),
            usage: Usage { input_tokens: tokens, ..Usage::default() },
        }
    }

    #[test]
    fn a_day_ends_at_midnight_and_a_window_moves() {
        let now = Timestamp(10 * DAY_MS + 2 * HOUR);
        let ledger = Ledger::new(vec![
            spent(10 * DAY_MS + HOUR, "shop", "claude", 8),
            spent(10 * DAY_MS - HOUR, "shop", "claude", 1),
            spent(10 * DAY_MS, "blog", "claude", 2),
            spent(10 * DAY_MS, "shop", "codex", 4),
        ]);
        assert_eq!(ledger.today(now).input_tokens, 14);
        assert_eq!(ledger.project_today(&ProjectId::new("shop"), now).input_tokens, 12);
        assert_eq!(ledger.of_agent("claude", Timestamp(10 * DAY_MS - HOUR)).input_tokens, 11);
        assert_eq!(ledger.of_agent("claude", Timestamp(10 * DAY_MS - HOUR + 1)).input_tokens, 10);
        assert_eq!(midnight(now), Timestamp(10 * DAY_MS));
        assert_eq!(next_midnight(now), Timestamp(11 * DAY_MS));
    }

    #[test]
    fn a_window_reopens_when_enough_of_it_is_past() {
        let five_hours = Duration::from_secs(5 * 3600);
        let ledger = Ledger::new(vec![
            spent(0, "shop", "claude", 60),
            spent(HOUR, "shop", "claude", 30),
            spent(HOUR, "shop", "codex", 900),
            spent(2 * HOUR, "shop", "claude", 20),
        ]);
        let now = Timestamp(3 * HOUR);
        let below = |limit: u64| move |usage: &Usage| usage.input_tokens < limit;
        let at = |limit| ledger.agent_fits_at("claude", five_hours, now, below(limit));
        assert_eq!(at(111), now);
        assert_eq!(at(110), Timestamp(5 * HOUR + 1));
        assert_eq!(at(50), Timestamp(6 * HOUR + 1));
        assert_eq!(at(20), Timestamp(7 * HOUR + 1));
        assert!(below(20)(&ledger.of_agent("claude", at(20).before(five_hours))));
        // A ceiling of nothing never opens by itself.
        assert_eq!(at(0), now);
    }

    #[test]
    fn what_is_older_than_a_week_is_forgotten() {
        let mut ledger = Ledger::default();
        ledger.book(spent(0, "shop", "claude", 1));
        ledger.book(spent(6 * DAY_MS, "shop", "claude", 2));
        ledger.book(spent(7 * DAY_MS + 1, "shop", "claude", 4));
        assert_eq!(ledger.of_agent("claude", Timestamp(0)).input_tokens, 6);
    }
}
