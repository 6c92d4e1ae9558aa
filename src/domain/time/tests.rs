use super::*;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn days_begin_at_midnight_utc_even_before_the_epoch() {
    assert_eq!(Timestamp(0).utc_day(), 0);
    assert_eq!(Timestamp(86_399_999).utc_day(), 0);
    assert_eq!(Timestamp(86_400_000).utc_day(), 1);
    assert_eq!(Timestamp(-1).utc_day(), -1);
}

#[test]
fn spans_saturate_and_are_never_negative() {
    assert_eq!(Timestamp(i64::MAX).after(DAY), Timestamp(i64::MAX));
    assert_eq!(Timestamp(i64::MIN).before(DAY), Timestamp(i64::MIN));
    assert_eq!(Timestamp(0).after(Duration::MAX), Timestamp(i64::MAX));
    assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    assert_eq!(Timestamp(0).after(DAY).since(Timestamp(0)), DAY);
}

#[test]
fn instants_read_as_rfc_3339_while_the_calendar_lasts() {
    assert_eq!(Timestamp(1_700_000_000_999).to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(Timestamp(i64::MAX).to_string(), format!("{} ms", i64::MAX));
}
