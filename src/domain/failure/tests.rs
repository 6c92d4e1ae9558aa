use super::*;

const ALL: [FailureClass; 8] = [
    FailureClass::Agent,
    FailureClass::Infrastructure,
    FailureClass::Throttled { until: None },
    FailureClass::Quota { until: None },
    FailureClass::Authentication,
    FailureClass::Configuration,
    FailureClass::ContextOverflow,
    FailureClass::Cancelled,
];

#[test]
fn only_failed_work_spends_an_attempt_and_only_three_classes_need_a_person() {
    let spending: Vec<&str> =
        ALL.into_iter().filter(|class| class.spends_attempt()).map(FailureClass::word).collect();
    assert_eq!(spending, ["agent"]);
    let human: Vec<&str> =
        ALL.into_iter().filter(|class| class.needs_human()).map(FailureClass::word).collect();
    assert_eq!(human, ["authentication", "configuration", "context overflow"]);
}

#[test]
fn back_off_doubles_from_ten_seconds_to_five_minutes() {
    let seconds: Vec<u64> = (0..9).map(|n| infrastructure_backoff(n).as_secs()).collect();
    assert_eq!(seconds, [10, 10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!(infrastructure_backoff(u32::MAX).as_secs(), 300);
}

#[test]
fn failed_attempts_pause_for_ten_thirty_sixty_and_then_120_minutes() {
    let minutes: Vec<u64> = (1..7).map(|n| attempt_cooldown(n).as_secs() / 60).collect();
    assert_eq!(minutes, [10, 30, 60, 120, 120, 120]);
}
