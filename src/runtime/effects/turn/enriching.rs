//! What goes into a prompt beside the task. Nothing here keeps a turn from starting: what cannot be had is said instead.

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::domain::agent::Stage;
use crate::domain::change::Workspace;
use crate::domain::run::Outcome;
use crate::domain::verdict::StageReport;
use crate::locale;
use crate::pipeline::prompt::enrichment::{Enrichment, RuleFile, SessionNote};
use crate::pipeline::state::RunState;
use crate::workspaces::FileAt;

use super::super::Ports;

/// Largest soul file.
const SOUL_BYTES: u64 = 64 * 1024;

/// Largest file of rules.
const RULE_BYTES: u64 = 64 * 1024;

/// Files of rules that are looked at.
const MOST_RULES: usize = 20;

/// How long all of this may take; agents are waiting.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where repositories keep their rules for agents, in order of precedence. A directory stands for the files in it.
const RULES: [&str; 12] = [
    "AGENTS.md",
    "CLAUDE.md",
    ".claude/CLAUDE.md",
    "CLAUDE.local.md",
    ".github/AGENTS.md",
    ".github/copilot-instructions.md",
    ".cursorrules",
    ".cursor/rules",
    ".windsurfrules",
    ".windsurf/rules",
    ".continue/rules",
    "GEMINI.md",
];

/// Gathers what the run is to be given.
pub(super) async fn gather(ports: &Ports, state: &RunState, workspace: &Workspace) -> Enrichment {
    let plan = &state.plan.context;
    let mut enrichment = Enrichment::default();
    let gathering = async {
        tokio::join!(
            soul(plan.soul.as_deref()),
            rules(ports, state, workspace),
            notes(ports, state, workspace)
        )
    };
    let Ok((soul, rules, notes)) = tokio::time::timeout(PATIENCE, gathering).await else {
        let seconds = PATIENCE.as_secs();
        enrichment.unavailable.push(format!("nothing could be gathered in {seconds} s"));
        return told(state, enrichment);
    };
    enrichment.soul = kept(&mut enrichment.unavailable, "who you are", soul);
    enrichment.rules = kept(&mut enrichment.unavailable, "project rules", rules);
    enrichment.notes = kept(&mut enrichment.unavailable, "earlier runs", notes);
    told(state, enrichment)
}

/// What was found, or nothing with the reason noted.
fn kept<T: Default>(unavailable: &mut Vec<String>, what: &str, found: Result<T, String>) -> T {
    found.unwrap_or_else(|reason| {
        unavailable.push(format!("{what}: {reason}"));
        T::default()
    })
}

fn told(state: &RunState, enrichment: Enrichment) -> Enrichment {
    for reason in &enrichment.unavailable {
        tracing::warn!(run.id = %state.id, "a prompt does without something: {reason}");
    }
    enrichment
}

async fn soul(path: Option<&str>) -> Result<Option<String>, String> {
    let Some(path) = path else { return Ok(None) };
    let failed = |error: std::io::Error| format!("cannot read {path}: {error}");
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    if !file.metadata().await.map_err(failed)?.is_file() {
        return Err(format!("{path} is no file"));
    }
    let mut text = String::new();
    file.take(SOUL_BYTES + 1).read_to_string(&mut text).await.map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > SOUL_BYTES {
        return Err(format!("{path} has more than {SOUL_BYTES} bytes"));
    }
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// From the base commit: what the branch under work says of rules does not count.
async fn rules(
    ports: &Ports,
    state: &RunState,
    workspace: &Workspace,
) -> Result<Vec<RuleFile>, String> {
    if !state.plan.context.project_rules {
        return Ok(Vec::new());
    }
    let repository = Path::new(&state.plan.repository);
    let commit = &workspace.base_commit;
    let found = ports.workspaces.files_at(repository, commit, &RULES, RULE_BYTES).await;
    let mut files = found.map_err(|error| error.to_string())?;
    files.sort_by_key(|file| (precedence(&file.path), file.path.clone()));
    files.truncate(MOST_RULES);
    let mut rules: Vec<RuleFile> = Vec::new();
    for FileAt { path, bytes, text } in files {
        let text = text.map(|text| ports.redactor.redact(&text).into_owned());
        let again = rules.iter().any(|rule| text.is_some() && rule.text == text);
        if !again && bytes > 0 {
            rules.push(RuleFile { path, bytes, text });
        }
    }
    Ok(rules)
}

fn precedence(path: &str) -> usize {
    let place = RULES.iter().position(|rule| {
        path == *rule || path.strip_prefix(rule).is_some_and(|rest| rest.starts_with('/'))
    });
    place.unwrap_or(RULES.len())
}

/// What the newest finished runs in the same repository came to.
async fn notes(
    ports: &Ports,
    state: &RunState,
    _workspace: &Workspace,
) -> Result<Vec<SessionNote>, String> {
    let wanted = usize::try_from(state.plan.context.session_notes).unwrap_or(0);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    // Some runs say nothing about the work: they were cancelled, or only waited.
    let runs = ports.store.recent_runs(&state.plan.repository, wanted.saturating_mul(3)).await;
    let runs = runs.map_err(|error| error.to_string())?;
    let notes = runs.iter().filter(|run| run.id != state.id).filter_map(|run| note(state, run));
    Ok(notes.take(wanted).collect())
}

fn note(state: &RunState, run: &RunState) -> Option<SessionNote> {
    let outcome = run.outcome.as_ref()?;
    let says_something = match outcome {
        Outcome::Succeeded
        | Outcome::Rejected
        | Outcome::AgentFailed
        | Outcome::Stuck { .. }
        | Outcome::TimedOut { .. }
        | Outcome::DeliveryFailed => true,
        Outcome::GateNotRun
        | Outcome::WaitingQuota { .. }
        | Outcome::WaitingHuman
        | Outcome::Throttled { .. }
        | Outcome::InfraFailed
        | Outcome::Cancelled { .. }
        | Outcome::Superseded => false,
    };
    if !says_something {
        return None;
    }
    let finished = run.finished.map(|at| at.to_string()).unwrap_or_default();
    let detail = run.detail.lines().next().unwrap_or_default();
    let values = [
        ("identifier", run.plan.identifier.as_str()),
        ("title", &run.plan.title),
        ("finished", &finished),
        ("outcome", outcome.word()),
        ("detail", detail),
    ];
    let mut text = locale::fill(state.plan.context.language, "common.note-line", &values);
    text.push_str(&summary(run));
    Some(SessionNote { run: run.id.short(), text })
}

/// What was handed on about the work itself: by the stage that sums runs up, or else by the coder.
fn summary(run: &RunState) -> String {
    match run.stage_report(Stage::StageDocumenter) {
        Some(StageReport { summary, points, .. }) => {
            let points = points.iter().map(|point| format!("\n- {point}"));
            std::iter::once(format!("\n{summary}")).chain(points).collect()
        }
        None => {
            let said = run.coder_report.as_ref().map(|report| report.summary.as_str());
            said.filter(|said| !said.is_empty()).map(|said| format!("\n{said}")).unwrap_or_default()
        }
    }
}
