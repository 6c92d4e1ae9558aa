//! Tokens and money of one process, summed over every model call, whatever came of the call.

use crate::domain::budget::Usage;

use super::settings::Price;
use super::wire::Tokens;

/// The sum so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    price: Option<Price>,
    /// In millionths of a millionth of a dollar: tokens times price, without rounding.
    pico_usd: u128,
    /// What of it has been reported.
    reported_micro_usd: u64,
}

/// Millionths of a millionth per millionth.
const PICO_PER_MICRO: u128 = 1_000_000;

impl Account {
    /// An account for a model with these prices.
    pub(super) fn new(price: Option<Price>) -> Self {
        Self { price, ..Self::default() }
    }

    /// Adds one call; returns what to report for it. The reports add up to the exact sum, rounded down once.
    pub(super) fn add(&mut self, tokens: Option<Tokens>) -> Usage {
        let (Some(tokens), Some(price)) = (tokens, self.price) else {
            return Usage { unpriced_calls: 1, ..tokens.map_or_else(Usage::default, counted) };
        };
        let usage = counted(tokens);
        let cost = |count: u64, price: u64| u128::from(count) * u128::from(price);
        self.pico_usd += cost(usage.input_tokens, price.input)
            + cost(usage.cache_read_tokens, price.cached_input)
            + cost(usage.output_tokens, price.output);
        let total = u64::try_from(self.pico_usd / PICO_PER_MICRO).unwrap_or(u64::MAX);
        let cost_micro_usd = total.saturating_sub(self.reported_micro_usd);
        self.reported_micro_usd = total;
        Usage { cost_micro_usd, ..usage }
    }
}

/// The providers' input counts include what came from the cache; ours do not.
fn counted(tokens: Tokens) -> Usage {
    Usage {
        input_tokens: tokens.input.saturating_sub(tokens.cached),
        output_tokens: tokens.output,
        cache_read_tokens: tokens.cached,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Price;
    use super::super::wire::Tokens;
    use super::Account;
    use crate::domain::budget::Usage;

    /// 2.00, 0.50 and 8.00 dollars per million tokens.
    const PRICE: Price = Price { input: 2_000_000, cached_input: 500_000, output: 8_000_000 };

    #[test]
    fn cached_input_is_counted_once_and_priced_apart() {
        let mut account = Account::new(Some(PRICE));
        let usage = account.add(Some(Tokens { input: 1000, cached: 400, output: 50 }));
        let expected = Usage {
            input_tokens: 600,
            cache_read_tokens: 400,
            output_tokens: 50,
            cost_micro_usd: 600 * 2 + 200 + 50 * 8,
            ..Usage::default()
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn fractions_of_a_micro_dollar_are_not_lost() {
        let price = Price { input: 150_000, cached_input: 75_000, output: 600_000 };
        let mut account = Account::new(Some(price));
        let mut sum = Usage::default();
        for _ in 0..1000 {
            sum += account.add(Some(Tokens { input: 1, cached: 0, output: 1 }));
        }
        assert_eq!((sum.cost_micro_usd, sum.unpriced_calls), (750, 0));
    }

    #[test]
    fn calls_without_a_price_or_without_numbers_are_counted() {
        let mut account = Account::new(None);
        let usage = account.add(Some(Tokens { input: 7, cached: 0, output: 3 }));
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.unpriced_calls), (7, 3, 1));
        let mut account = Account::new(Some(PRICE));
        assert_eq!(account.add(None), Usage { unpriced_calls: 1, ..Usage::default() });
    }
}
