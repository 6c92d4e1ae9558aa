//! Dollars as agents print them.

/// Dollars as the millionths that are counted; what is no amount is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what both types hold"
)]
pub(super) fn micro_dollars(dollars: f64) -> u64 {
    (dollars * 1e6).round().clamp(0.0, 1e15) as u64
}
