use super::*;
use crate::domain::agent::TimeoutKind;
use crate::domain::failure::Failure;
use crate::domain::ids::RunId;

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000)
}

fn failed(class: FailureClass) -> TurnReport {
    TurnReport::not_started(Failure::new(class, "401 invalid key"))
}

fn ended(ending: TurnEnding) -> TurnReport {
    TurnReport { ending, ..failed(FailureClass::Infrastructure) }
}

fn refused() -> Event {
    let (agent, message) = ("coder".to_owned(), "401 invalid key".to_owned());
    Event::AgentRefused { agent, run: RunId(uuid::Uuid::from_u128(1)), turn: 1, message }
}

fn cleared() -> Event {
    Event::AgentCleared { agent: "coder".to_owned(), by: "human:cli:ann".to_owned() }
}

fn accepted() -> Event {
    Event::AgentAccepted { agent: "coder".to_owned() }
}

fn after(events: &[(Event, i64)]) -> OpsState {
    let mut state = OpsState::default();
    events.iter().for_each(|(event, seconds)| state.evolve(event, at(*seconds)));
    state
}

#[test]
fn only_the_first_refusal_is_news() {
    let key = failed(FailureClass::Authentication);
    assert_eq!(OpsState::default().shown("coder", at(1), &key), Some(Shown::Refused));
    let state = after(&[(refused(), 5)]);
    assert_eq!(state.refused().collect::<Vec<_>>(), [("coder", "401 invalid key")]);
    assert_eq!(state.shown("coder", at(1), &key), None);
    assert_eq!(state.shown("coder", at(1), &ended(TurnEnding::Completed)), None);
    assert_eq!(state.shown("critic", at(1), &key), Some(Shown::Refused));
}

#[test]
fn after_somebody_signed_in_a_turn_that_began_since_decides() {
    let key = failed(FailureClass::Authentication);
    let state = after(&[(refused(), 5), (cleared(), 10)]);
    assert_eq!(state.refused().count(), 0);
    for began_before in [&key, &ended(TurnEnding::Completed)] {
        assert_eq!(state.shown("coder", at(9), began_before), None);
    }
    assert_eq!(state.shown("coder", at(10), &key), Some(Shown::Refused));
    let done = ended(TurnEnding::Completed);
    assert_eq!(state.shown("coder", at(10), &done), Some(Shown::Accepted));
    let state = after(&[(refused(), 5), (cleared(), 10), (accepted(), 20)]);
    assert_eq!(state.shown("coder", at(21), &done), None);
    assert_eq!(state.shown("coder", at(9), &key), None, "with the old key");
    assert_eq!(state.shown("coder", at(21), &key), Some(Shown::Refused), "expired again");
}

#[test]
fn what_says_nothing_about_the_key_proves_nothing() {
    let state = after(&[(refused(), 5), (cleared(), 10)]);
    let network = failed(FailureClass::Infrastructure);
    assert_eq!(state.shown("coder", at(11), &network), None);
    let silent = ended(TurnEnding::TimedOut { clock: TimeoutKind::Silence });
    assert_eq!(state.shown("coder", at(11), &silent), None);
    let worked = TurnReport { tool_calls: 1, ..silent };
    assert_eq!(state.shown("coder", at(11), &worked), Some(Shown::Accepted));
    let quota = failed(FailureClass::Quota { until: None });
    assert_eq!(state.shown("coder", at(11), &quota), Some(Shown::Accepted));
}

#[test]
fn a_start_clears_what_was_refused_and_nothing_else() {
    let started =
        Event::DaemonStarted { instance: "two".to_owned(), version: String::new(), epoch: 2 };
    let state = after(&[(refused(), 5), (started.clone(), 30)]);
    let message = "401 invalid key".to_owned();
    let unproven = Login::Unproven { message, since: at(30) };
    assert_eq!(state.logins["coder"], unproven);
    let state = after(&[(refused(), 5), (cleared(), 10), (accepted(), 20), (started, 30)]);
    assert_eq!(state.logins["coder"], Login::Proven { since: at(10) });
    assert_eq!(after(&[(cleared(), 1), (accepted(), 2)]), OpsState::default());
}
