//! Numbers, times and tables as people read them.

use std::time::Duration;

use crate::surfaces::control::views::UsageView;
use crate::surfaces::control::webhook_views::WebhooksView;
use crate::surfaces::control::write_views::WriteView;

/// Foreign text on one line: control characters become spaces.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// `text` on one line and in at most `width` characters.
pub(super) fn shortened(text: &str, width: usize) -> String {
    let text = printable(text);
    let text = text.trim();
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `1:05`, or `2:00:07` from an hour on.
pub(super) fn elapsed(span: Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Where webhooks come to, and what has come.
pub(super) fn webhooks(view: &WebhooksView) -> String {
    let sources =
        if view.sources.is_empty() { "nobody".to_owned() } else { view.sources.join(", ") };
    let last = match (&view.last_source, view.last_at) {
        (Some(source), Some(at)) => {
            let (taken, repeated) = (view.accepted, view.repeated);
            format!("the last from {source} at {at} ({taken} taken, {repeated} repeated)")
        }
        _ => "none since the start".to_owned(),
    };
    let refused = match view.refused {
        0 => String::new(),
        refused => format!(", {refused} refused for a wrong secret"),
    };
    format!("webhooks of {sources} at {}: {last}{refused}", view.address)
}

/// `850 ms`, `12.3 s`, or as [`elapsed`] from a minute on.
pub(super) fn span(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => elapsed(Duration::from_millis(millis)),
    }
}

/// `$0.0123`, with `≥` when some calls told no price; `no price known` when none did.
pub(super) fn money(usage: &UsageView) -> String {
    if usage.cost_micro_usd == 0 && usage.unpriced_calls > 0 {
        return "price unknown".to_owned();
    }
    let tenths_of_millis = usage.cost_micro_usd.saturating_add(50) / 100;
    let (dollars, rest) = (tenths_of_millis / 10_000, tenths_of_millis % 10_000);
    let least = if usage.unpriced_calls > 0 { "at least " } else { "" };
    format!("{least}${dollars}.{rest:04}")
}

/// `12.3k tokens, $0.0123`.
pub(super) fn usage(usage: &UsageView) -> String {
    let billed = usage
        .input_tokens
        .saturating_add(usage.output_tokens)
        .saturating_add(usage.cache_write_tokens);
    format!("{} tokens, {}", count(billed), money(usage))
}

/// `950`, `12.3k`, `4.5M`.
pub(super) fn count(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        1000..1_000_000 => format!("{}.{}k", number / 1000, number % 1000 / 100),
        _ => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// `1 round`, `2 rounds`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// An update for a tracker that is still to be written: of what, what it says, and how it stands.
pub(super) fn write(write: &WriteView) -> String {
    let (item, what) = (printable(write.item.as_str()), shortened(&write.what, 60));
    let error = write.error.as_deref().map(printable);
    match (write.parked, error, write.next) {
        (true, error, _) => {
            let error = error.unwrap_or_default();
            format!(
                "{item} was not told \"{what}\": {error} (put it right, then `enact-factory drain --parked`)"
            )
        }
        (false, Some(error), Some(next)) => format!(
            "{item} is told \"{what}\" at {next} again: {error} (`enact-factory drain` tries now)"
        ),
        (false, Some(error), None) => {
            format!("{item} is told \"{what}\" just now; before: {error}")
        }
        (false, None, _) => format!("{item} is told \"{what}\""),
    }
}

/// `512 MiB`, `12.3 GiB`.
pub(super) fn bytes(number: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;
    if number < GIB {
        format!("{} MiB", number / MIB)
    } else {
        format!("{}.{} GiB", number / GIB, number % GIB * 10 / GIB)
    }
}

/// Rows with every column but the last padded to its widest cell, two spaces between, `indent` in front.
pub(super) fn table(rows: &[Vec<String>], indent: &str) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            format!("{indent}{}", line.trim_end())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, elapsed, money, shortened, span, table};
    use crate::surfaces::control::views::UsageView;
    use std::time::Duration;

    #[test]
    fn numbers_are_short_and_never_rounded_to_nothing_known() {
        assert_eq!(elapsed(Duration::from_secs(65)), "1:05");
        assert_eq!(elapsed(Duration::from_secs(7207)), "2:00:07");
        assert_eq!([span(850), span(12_340), span(65_000)], ["850 ms", "12.3 s", "1:05"]);
        assert_eq!([count(950), count(12_345), count(4_560_000)], ["950", "12.3k", "4.5M"]);
        assert_eq!([bytes(5 << 20), bytes(3 << 29)], ["5 MiB", "1.5 GiB"]);
        let usage = |cost_micro_usd, unpriced_calls| UsageView {
            cost_micro_usd,
            unpriced_calls,
            ..UsageView::default()
        };
        assert_eq!(money(&usage(12_345, 0)), "$0.0123");
        assert_eq!(money(&usage(2_000_000, 1)), "at least $2.0000");
        assert_eq!(money(&usage(0, 1)), "price unknown");
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(shortened("a\x1b[2Jb\nc", 40), "a [2Jb c");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let lines = table(&[row(["a", "größer", "x"]), row(["bb", "c", ""])], "  ");
        assert_eq!(lines, ["  a   größer  x", "  bb  c"]);
    }
}
