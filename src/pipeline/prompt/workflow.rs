//! What a repository's own `WORKFLOW.md` tells a stage: its template, with what may be named in it.

use std::collections::BTreeMap;

use crate::domain::agent::Stage;
use crate::domain::bounds::first_chars;
use crate::locale::template::{Template, Value};

use super::{Context, fenced};

/// Characters of one line that comes from a tracker and stands among the repository's own words.
const LINE_CHARS: usize = 200;

/// The repository's own text for `stage`, if it has one.
pub(super) fn prompt(context: &Context<'_>, stage: Stage) -> Option<String> {
    let text = context.state.workflow.as_ref()?.prompts.get(&stage)?;
    // It was checked against `sample` before it was recorded; a template that still fails is as good as none.
    Template::parse(text).and_then(|template| template.render(&values(context))).ok()
}

/// Everything a template may name, with one of each item in the lists.
#[must_use]
pub fn sample() -> BTreeMap<String, Value> {
    let some = || Value::text("some");
    let list = || Value::List(vec![some()]);
    scope(
        [some(), some(), some(), some(), some(), some(), list(), list(), list()],
        [Value::Number(1), Value::Number(1), Value::Number(1), some()],
    )
}

fn values(context: &Context<'_>) -> BTreeMap<String, Value> {
    let state = context.state;
    let (plan, facts) = (&state.plan, &state.plan.facts);
    let list = |items: &[String]| Value::List(items.iter().map(|item| line(item)).collect());
    let description =
        if plan.body.trim().is_empty() { Value::Nothing } else { fence(context, &plan.body) };
    // As in Symphony, the first attempt has no number.
    let attempt =
        if state.attempt > 1 { Value::Number(i64::from(state.attempt)) } else { Value::Nothing };
    let issue = [
        line(&plan.identifier),
        line(&plan.title),
        description,
        line(&facts.state),
        line(&facts.priority),
        facts.author.as_deref().map_or(Value::Nothing, line),
        list(&facts.labels),
        list(&facts.blocked_by),
        list(&plan.criteria),
    ];
    let run = [
        attempt,
        Value::Number(i64::from(state.round)),
        Value::Number(i64::from(plan.max_rounds)),
        line(plan.project.as_str()),
    ];
    scope(issue, run)
}

fn scope(issue: [Value; 9], run: [Value; 4]) -> BTreeMap<String, Value> {
    const ISSUE: [&str; 9] = [
        "identifier",
        "title",
        "description",
        "state",
        "priority",
        "author",
        "labels",
        "blocked_by",
        "criteria",
    ];
    const RUN: [&str; 4] = ["attempt", "round", "rounds", "project"];
    let issue = ISSUE.into_iter().map(str::to_owned).zip(issue).collect();
    let mut scope: BTreeMap<String, Value> = RUN.into_iter().map(str::to_owned).zip(run).collect();
    scope.insert("issue".to_owned(), Value::Map(issue));
    scope
}

/// Foreign text of one line: it cannot begin a section or close a fence.
fn line(text: &str) -> Value {
    let one = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Value::Text(first_chars(&one, LINE_CHARS))
}

fn fence(context: &Context<'_>, text: &str) -> Value {
    Value::Text(fenced("description", text, context.nonce))
}
