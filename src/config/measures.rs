//! Values with a unit: money, and spans of time.

use figment::value::Value;

/// Millionths of a dollar; at most a billion dollars, so that sums stay exact.
pub(super) fn micro_dollars(value: &Value) -> Option<u64> {
    const MOST: f64 = 1e9;
    let dollars = match value.to_i128() {
        Some(whole) => i32::try_from(whole).ok().map(f64::from)?,
        None => value.to_num()?.to_f64()?,
    };
    if !(dollars > 0.0 && dollars <= MOST) {
        return None;
    }
    format!("{:.0}", dollars * 1e6).parse().ok().filter(|micro| *micro > 0)
}

/// Units of a span of time, the largest first, in milliseconds.
const UNITS: [(&str, u64); 4] =
    [("d", 24 * 3_600_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// `"30m"` in milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (unit, length) =
        UNITS.iter().find_map(|(unit, length)| Some((text.strip_suffix(unit)?, length)))?;
    let digits = !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_digit());
    unit.parse::<u64>().ok().filter(|_| digits)?.checked_mul(*length)
}

/// Milliseconds as they are written.
pub(super) fn span(milliseconds: u64) -> String {
    let fits = UNITS.iter().find(|(_, length)| milliseconds.is_multiple_of(*length));
    fits.map_or_else(
        || format!("{milliseconds} milliseconds"),
        |(unit, length)| format!("{}{unit}", milliseconds / length),
    )
}

#[cfg(test)]
mod tests {
    use super::{milliseconds, span};

    #[test]
    fn spans_are_read_as_they_are_written() {
        for (text, expected) in
            [("90s", 90_000), ("30m", 1_800_000), ("2h", 7_200_000), ("7d", 604_800_000)]
        {
            assert_eq!(milliseconds(text), Some(expected));
            assert_eq!(milliseconds(&span(expected)), Some(expected));
        }
        for text in [
            "",
            "s",
            "30",
            "30 m",
            "-1m",
            "1.5h",
            "m30",
            "99999999999999999999d",
            "9999999999999999d",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
