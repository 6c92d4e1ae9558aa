use std::ffi::OsString;

use crate::agents::fixtures::{
    PROMPT, arguments, assert_caged, command_line, exited, failure, invocation, judge, killed,
    settings,
};
use crate::agents::{AgentError, AgentSettings, FileBody, ProcessEnd, adapter};
use crate::domain::agent::{AgentKind, ExitEvidence, Stage, TurnEnding};
use crate::domain::failure::FailureClass;

const OWN: &[&str] = &[
    "ENACT_STAGE",
    "ENACT_ROUND",
    "ENACT_ITEM",
    "ENACT_SESSION",
    "ENACT_MODEL",
    "ENACT_ANSWER_FILE",
    "ENACT_READ_ONLY",
    "ENACT_EFFORT",
];

fn command(args: &[&str]) -> AgentSettings {
    let args = args.iter().map(|word| (*word).to_owned()).collect();
    AgentSettings { args, ..settings(AgentKind::Command) }
}

#[test]
fn the_template_is_filled_and_the_prompt_goes_to_standard_input() {
    let settings =
        command(&["--m={model}", "{stage}", "{workspace}/{answer_file}", "{other} {", "{session}"]);
    let line = command_line(&settings, Stage::Coder);
    assert_caged(&line, OWN);
    assert_eq!(
        arguments(&line),
        [
            "--m=the-model",
            "coder",
            "/state/worktree//state/turn/answer.md",
            "{other} {",
            "11111111-2222-4333-8444-555555555555"
        ]
    );
    assert_eq!(line.stdin.text(), Some(PROMPT));
    assert!(line.files.is_empty());
    assert_eq!(line.env["ENACT_ITEM"], "DEMO-1");
    assert_eq!(
        (line.env["ENACT_STAGE"].as_str(), line.env["ENACT_ROUND"].as_str()),
        ("coder", "2")
    );
}

#[test]
fn a_template_with_a_prompt_file_gets_a_private_file_and_a_closed_input() {
    let line = command_line(&command(&["-f", "{prompt_file}"]), Stage::Coder);
    assert_caged(&line, OWN);
    assert_eq!(line.stdin.text(), None);
    let [file] = &line.files[..] else { panic!("one file") };
    assert_eq!(line.args[1], OsString::from(&file.path));
    assert!(file.body == FileBody::Text(PROMPT.to_owned()));
}

#[test]
fn values_are_not_templates() {
    let mut settings = command(&["{model}"]);
    settings.model = Some("{session}".to_owned());
    assert_eq!(arguments(&command_line(&settings, Stage::Coder)), ["{session}"]);
}

#[test]
fn what_is_missing_is_a_configuration_failure() {
    let adapter = adapter(AgentKind::Command);
    let coder = invocation(Stage::Coder);
    let mut settings = command(&["{model}"]);
    settings.model = None;
    let refused = adapter.command_line(&settings, &coder).expect_err("no model");
    assert_eq!(refused.to_failure().class, FailureClass::Configuration);
    settings = command(&[]);
    settings.program = None;
    assert!(matches!(adapter.command_line(&settings, &coder), Err(AgentError::Missing { .. })));
}

#[test]
fn a_critic_needs_somebody_to_vouch_for_the_program() {
    let adapter = adapter(AgentKind::Command);
    let critic = invocation(Stage::Critic);
    let mut settings = command(&[]);
    let refused = adapter.command_line(&settings, &critic).expect_err("nobody vouches");
    assert!(matches!(refused, AgentError::ReadOnlyNotEnforced { .. }), "{refused}");
    settings.read_only_enforced = true;
    let line = adapter.command_line(&settings, &critic).expect("vouched for");
    assert_eq!(line.env["ENACT_READ_ONLY"], "1");
}

#[test]
fn the_answer_is_the_file_or_else_the_output() {
    let lines = ["some text", r#"{"verdict":"APPROVE"}"#];
    let (_, by_output) = judge(AgentKind::Command, &lines, exited(0));
    assert_eq!(by_output.ending, TurnEnding::Completed);
    assert_eq!(by_output.text, "some text\n{\"verdict\":\"APPROVE\"}\n");
    assert_eq!(by_output.usage.unpriced_calls, 1);
    let end = ProcessEnd { answer: Some("in the file".to_owned()), ..exited(0) };
    assert_eq!(judge(AgentKind::Command, &lines, end).1.text, "in the file");
}

#[test]
fn exits_are_judged() {
    let never = ProcessEnd { exit: ExitEvidence::default(), ..exited(0) };
    let rows = [
        (exited(1), FailureClass::Agent),
        (exited(75), FailureClass::Infrastructure),
        (exited(126), FailureClass::Configuration),
        (exited(127), FailureClass::Configuration),
        (killed(11), FailureClass::Infrastructure),
        (never, FailureClass::Configuration),
    ];
    for (end, class) in rows {
        let end = ProcessEnd { stderr_tail: "HTTP 429\nbecause\n", ..end };
        let exit = end.exit;
        let (_, summary) = judge::<&str>(AgentKind::Command, &[], end);
        assert_eq!(failure(&summary).class, class, "{exit:?}");
        assert!(failure(&summary).message.ends_with(": because"));
    }
}

#[test]
fn long_output_keeps_its_end() {
    let line = "é".repeat(1000);
    let mut lines = vec![line.as_str(); 1000];
    lines.push("the end");
    let (_, summary) = judge(AgentKind::Command, &lines, exited(0));
    assert!(summary.text.len() <= super::super::classification::TEXT_LIMIT);
    assert!(summary.text.ends_with("é\nthe end\n"));
}
