//! How much of a ceiling is used: the arithmetic shared by the budget gates and their warnings.

use std::fmt;

use crate::domain::budget::{DayBudget, ItemBudget, ItemSpend, Usage, WindowBudget};

/// Share of a ceiling from which on the report warns, in percent.
pub const WARN_PERCENT: u64 = 80;

/// What a ceiling counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// Failed attempts.
    Attempts,
    /// Agent turns.
    Turns,
    /// Billed tokens.
    Tokens,
    /// Millionths of a US dollar.
    Money,
    /// Milliseconds of agent time.
    WallTime,
}

/// One ceiling and what is used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetUse {
    /// What is counted.
    pub ceiling: Ceiling,
    /// Used so far, in the unit of `ceiling`.
    pub used: u64,
    /// Allowed, in the unit of `ceiling`.
    pub limit: u64,
}

impl BudgetUse {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.used >= self.limit
    }

    /// Whether little is left (80 % or more used), but something is.
    #[must_use]
    pub fn is_running_out(&self) -> bool {
        let used = u128::from(self.used) * 100;
        !self.is_used_up() && used >= u128::from(self.limit) * u128::from(WARN_PERCENT)
    }
}

impl fmt::Display for BudgetUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { used, limit, .. } = self;
        match self.ceiling {
            Ceiling::Attempts => write!(formatter, "{used} of {limit} attempts"),
            Ceiling::Turns => write!(formatter, "{used} of {limit} turns"),
            Ceiling::Tokens => write!(formatter, "{used} of {limit} tokens"),
            Ceiling::Money => write!(formatter, "{} of {}", Dollars(*used), Dollars(*limit)),
            Ceiling::WallTime => {
                write!(formatter, "{} of {} agent minutes", used / 60_000, limit / 60_000)
            }
        }
    }
}

/// Every limited ceiling of an item with what is used of it, in a fixed order.
#[must_use]
pub fn of_item(spend: &ItemSpend, budget: &ItemBudget) -> Vec<BudgetUse> {
    [
        (Ceiling::Attempts, u64::from(spend.attempts), budget.attempts.map(u64::from)),
        (Ceiling::Turns, u64::from(spend.turns), budget.turns.map(u64::from)),
        (Ceiling::Tokens, spend.usage.billed_tokens(), budget.tokens),
        (Ceiling::Money, spend.usage.cost_micro_usd, budget.cost_micro_usd),
        (Ceiling::WallTime, spend.wall_ms, budget.wall_ms),
    ]
    .into_iter()
    .filter_map(|(ceiling, used, limit)| Some(BudgetUse { ceiling, used, limit: limit? }))
    .collect()
}

/// Every limited ceiling of a day with what is used of it, in a fixed order.
#[must_use]
pub fn of_day(spent: &Usage, budget: &DayBudget) -> Vec<BudgetUse> {
    of_usage(spent, budget.tokens, budget.cost_micro_usd)
}

/// Every limited ceiling of an agent's window with what is used of it, in a fixed order.
#[must_use]
pub fn of_window(spent: &Usage, budget: &WindowBudget) -> Vec<BudgetUse> {
    of_usage(spent, budget.tokens, budget.cost_micro_usd)
}

fn of_usage(spent: &Usage, tokens: Option<u64>, cost_micro_usd: Option<u64>) -> Vec<BudgetUse> {
    [
        (Ceiling::Tokens, spent.billed_tokens(), tokens),
        (Ceiling::Money, spent.cost_micro_usd, cost_micro_usd),
    ]
    .into_iter()
    .filter_map(|(ceiling, used, limit)| Some(BudgetUse { ceiling, used, limit: limit? }))
    .collect()
}

struct Dollars(u64);

impl fmt::Display for Dollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "${}.{:02}", self.0 / 1_000_000, self.0 % 1_000_000 / 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::{BudgetUse, Ceiling};

    #[test]
    fn it_warns_from_eighty_percent_until_nothing_is_left() {
        for (used, limit, running_out, used_up) in [
            (79, 100, false, false),
            (80, 100, true, false),
            (99, 100, true, false),
            (100, 100, false, true),
            (101, 100, false, true),
            (0, 0, false, true),
            (u64::MAX - 1, u64::MAX, true, false),
        ] {
            let budget = BudgetUse { ceiling: Ceiling::Tokens, used, limit };
            assert_eq!(budget.is_running_out(), running_out, "{budget}");
            assert_eq!(budget.is_used_up(), used_up, "{budget}");
        }
    }
}
