//! What a critic says: a verdict, findings, and an answer per acceptance criterion.

use serde::{Deserialize, Serialize};

/// The critic's answer. That no answer was readable is not a verdict (see `event::Event::ReviewMissing`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Good enough to deliver.
    Approve,
    /// Another round, with the findings.
    Revise,
    /// Do not continue: the change or the task itself is wrong.
    Reject,
}

impl Verdict {
    /// The word as agents write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "APPROVE",
            Self::Revise => "REVISE",
            Self::Reject => "REJECT",
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Must be fixed before delivery.
    Blocker,
    /// Should be fixed before delivery.
    Major,
    /// Worth fixing.
    Minor,
    /// A remark.
    Note,
}

impl Severity {
    /// The word shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Note => "note",
        }
    }
}

/// One defect the critic (or a failing check) found. Never dropped between rounds until a later review closes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Path inside the repository, when known.
    #[serde(default)]
    pub file: Option<String>,
    /// Line in that file, from 1, when known.
    #[serde(default)]
    pub line: Option<u32>,
    /// What is wrong.
    pub problem: String,
    /// What would make it right.
    #[serde(default)]
    pub fix: Option<String>,
}

/// The critic's answer to one acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionAnswer {
    /// Number of the criterion, from 1, as the prompt numbered it.
    pub criterion: u32,
    /// Whether the change fulfils it.
    pub met: bool,
    /// Where that can be seen.
    pub evidence: String,
}

/// A readable, nonce-bound review of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The verdict.
    pub verdict: Verdict,
    /// The commit the critic says it read; must be the head it was given.
    pub commit: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// One answer per acceptance criterion.
    pub criteria: Vec<CriterionAnswer>,
}

/// What a stage that is no gate hands on: typed, bounded, and never proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageReport {
    /// One or two sentences.
    #[serde(default)]
    pub summary: String,
    /// What it found or did, one thing each: where to look (diagnose), what is tested (tester), which pages changed
    /// (documenter), decisions, risks and what is left to do (stage-documenter).
    #[serde(default)]
    pub points: Vec<String>,
    /// Defects; a tester's blockers ask for another round.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// What came of a stage that a run can do without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StageResult {
    /// It did its work.
    Done {
        /// What it hands on.
        report: StageReport,
    },
    /// It came to nothing; the run goes on without it, and whatever it left in the worktree is not part of the change.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl StageResult {
    /// What it hands on, if anything.
    #[must_use]
    pub fn report(&self) -> Option<&StageReport> {
        match self {
            Self::Done { report } => Some(report),
            Self::Skipped { .. } => None,
        }
    }
}

/// What a coder says of its own turn. Never proof of anything: only its reasons are used, and shown as its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CoderReport {
    /// One or two sentences.
    #[serde(default)]
    pub summary: String,
    /// Why nothing had to be changed, if nothing was.
    #[serde(default)]
    pub no_change_reason: Option<String>,
    /// What only a person can answer, if that stopped it.
    #[serde(default)]
    pub question: Option<String>,
}
