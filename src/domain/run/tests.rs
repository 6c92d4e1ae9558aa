use super::*;

fn plan(escalate_model: Option<&str>) -> StagePlan {
    StagePlan {
        agent: "claude".to_owned(),
        model: Some("small".to_owned()),
        escalate_model: escalate_model.map(str::to_owned),
        escalate_after_round: 3,
        timeout_ms: 1,
        silence_ms: 1,
        effort: None,
        max_turns: None,
        follows_default: false,
    }
}

#[test]
fn the_larger_model_is_used_from_its_round_on() {
    let plan = plan(Some("large"));
    assert_eq!(plan.model_for_round(2), (Some("small"), false));
    assert_eq!(plan.model_for_round(3), (Some("large"), true));
    assert_eq!(plan.model_for_round(9), (Some("large"), true));
}

#[test]
fn without_a_larger_model_nothing_is_escalated() {
    assert_eq!(plan(None).model_for_round(9), (Some("small"), false));
}
