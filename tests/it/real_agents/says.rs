//! What the model says, and to whom.

use serde_json::{Value, json};

use crate::support::model_server::{Answer, RecordedRequest, Rule, ToolCall, When};

/// What the coder says when it is done.
pub const DONE: &str = "Done.\n```json\n{\"summary\": \"did it\", \"no_change_reason\": null, \"question\": null}\n```";

/// Whether a prompt is about an item.
pub fn is_of(prompt: &str, item: &str) -> bool {
    prompt.contains(&format!("Work item {item}:"))
}

/// Whether a prompt is that of the `coder` or of the `critic`.
pub fn is_stage(prompt: &str, stage: &str) -> bool {
    prompt.contains(&format!("You are the {stage} of an automated pipeline."))
}

/// The coder of an item is asked.
pub fn coder(item: &str) -> When {
    of(item, "coder")
}

/// The critic of an item is asked.
pub fn critic(item: &str) -> When {
    of(item, "critic")
}

fn of(item: &str, stage: &str) -> When {
    let (item, stage) = (item.to_owned(), stage.to_owned());
    When::holds(move |request| {
        let prompt = request.prompt();
        is_of(&prompt, &item) && is_stage(&prompt, &stage)
    })
}

/// Whoever goes on with the conversation of an item that was cut short is asked.
pub fn goes_on(item: &str) -> When {
    When::prompt(&format!("Your turn at work item {item} was cut short"))
}

/// Only in this round.
pub fn round(when: When, round: u32) -> When {
    when.and(When::prompt(&format!("Round {round} of ")))
}

/// The tool calls, then the end of the turn.
pub fn work(when: When, calls: Vec<ToolCall>) -> Rule {
    Rule::new(when, Answer::Tools(calls)).then(Answer::text(DONE))
}

/// Writes `<item>.txt`, then ends the turn.
pub fn writes(item: &str) -> Rule {
    let call = ToolCall::write(&format!("{item}.txt"), &format!("made for {item}\n"));
    work(coder(item), vec![call])
}

/// An approval that answers so many criteria.
pub fn approve(criteria: usize) -> Answer {
    let answers: Vec<Value> = (1..=criteria)
        .map(|number| json!({ "criterion": number, "met": true, "evidence": "read the diff" }))
        .collect();
    verdict("APPROVE", Vec::new(), answers)
}

/// A verdict with one finding.
pub fn objects(word: &str, problem: &str, fix: &str) -> Answer {
    let finding = json!({
        "severity": "major", "file": "README.md", "line": 1, "problem": problem, "fix": fix,
    });
    verdict(word, vec![finding], Vec::new())
}

fn verdict(word: &str, findings: Vec<Value>, criteria: Vec<Value>) -> Answer {
    let word = word.to_owned();
    Answer::from_request(move |request| {
        let (nonce, commit) = bound_to(request);
        let object = json!({
            "nonce": nonce, "verdict": word, "commit": commit, "findings": findings, "criteria": criteria,
        });
        Answer::text(format!("I looked at it.\n```json\n{object}\n```\n"))
    })
}

/// The nonce and the commit that a critic was given.
pub fn bound_to(request: &RecordedRequest) -> (String, String) {
    let prompt = request.prompt();
    let (_, review) = prompt.split_once("# Under review").unwrap_or_default();
    let line = |label: &str| {
        let line = review.lines().find_map(|line| line.strip_prefix(label));
        line.unwrap_or_default().trim().to_owned()
    };
    (line("Nonce:"), line("Commit:"))
}
