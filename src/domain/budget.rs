//! What work costs: tokens, money, time; limits and their arithmetic.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

pub mod ledger;

/// Tokens and money of one or many agent calls, always summed over *every* call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Fresh input tokens (cache reads not included).
    pub input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Input tokens served from the provider's cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Millionths of a US dollar, as far as the agents report money.
    pub cost_micro_usd: u64,
    /// Agent calls that reported no money, so that the sum above is a lower bound when non-zero.
    pub unpriced_calls: u32,
}

impl Usage {
    /// All tokens that count against a token budget: input, output and cache writes.
    #[must_use]
    pub fn billed_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens).saturating_add(self.cache_write_tokens)
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
        self.unpriced_calls = self.unpriced_calls.saturating_add(other.unpriced_calls);
    }
}

/// Lifetime ceilings of one work item, over all its runs. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemBudget {
    /// Failed attempts (only `AgentFailed` and exhausted `REVISE` rounds count).
    pub attempts: Option<u32>,
    /// Agent turns.
    pub turns: Option<u32>,
    /// Billed tokens.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    pub cost_micro_usd: Option<u64>,
    /// Milliseconds of agent time.
    pub wall_ms: Option<u64>,
}

/// Ceilings of one UTC day over all items. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DayBudget {
    /// Billed tokens.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    pub cost_micro_usd: Option<u64>,
}

/// Ceilings of one agent within a rolling window: what its provider's subscription allows, as far as the operator knows.
/// `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowBudget {
    /// Length of the window in milliseconds. Default 5 h, the window of the large providers.
    pub window_ms: u64,
    /// Billed tokens.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    pub cost_micro_usd: Option<u64>,
}

impl WindowBudget {
    /// Five hours in milliseconds.
    pub const WINDOW_MS: u64 = 5 * 3_600_000;
}

impl Default for WindowBudget {
    fn default() -> Self {
        Self { window_ms: Self::WINDOW_MS, tokens: None, cost_micro_usd: None }
    }
}

/// What one work item has used up so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemSpend {
    /// Attempts that counted.
    pub attempts: u32,
    /// Agent turns.
    pub turns: u32,
    /// Milliseconds of agent time.
    pub wall_ms: u64,
    /// Tokens and money.
    pub usage: Usage,
}
