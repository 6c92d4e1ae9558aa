//! `doctor`: is everything there that the factory needs, and what to do about what is not.

mod agents;
mod discord;
mod forges;
mod git;
mod items;
mod lanes;
mod machine;
mod projects;
mod sandbox;
mod state;
mod webhooks;

use clap::Args;
use serde::Serialize;

use super::configuration;
use super::entry::Context;
use super::errors::{self, CliError};
use super::format;
use super::screen::{Screen, Tone};

/// Look at everything the factory needs: git, agents, state directory, clock, disk, configuration, projects, items, lanes,
/// webhooks
///
/// Exit codes: 0 nothing would stop work, 1 something would.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory doctor
  enact-factory doctor --json | jq '.findings[] | select(.verdict != \"ok\")'

JSON: {\"ok\": bool, \"findings\": [{\"area\", \"subject\", \"verdict\" (ok, remark, stops), \"text\", \"remedy\"}]}")]
pub(super) struct Doctor {}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; work goes on.
    Remark,
    /// Nothing, or nothing of this kind, can be worked on.
    Stops,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    area: &'static str,
    subject: String,
    verdict: Verdict,
    text: String,
    remedy: Option<String>,
}

impl Finding {
    fn ok(area: &'static str, subject: impl Into<String>, text: impl Into<String>) -> Self {
        let (subject, text) = (subject.into(), text.into());
        Self { area, subject, verdict: Verdict::Ok, text, remedy: None }
    }

    fn remark(area: &'static str, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Remark, ..Self::ok(area, subject, text) }
    }

    fn stops(area: &'static str, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Stops, ..Self::ok(area, subject, text) }
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

pub(super) async fn execute(context: &Context, _arguments: &Doctor) -> Result<u8, CliError> {
    let mut findings = Vec::new();
    let named = context.config.as_deref();
    let read = configuration::read(named, &context.surroundings);
    let git = git::look(context).await;
    let git_works = git.iter().all(|finding| finding.verdict != Verdict::Stops);
    match read {
        Ok(loaded) => {
            findings.extend(of_configuration(context, &loaded.warnings));
            findings.extend(git);
            let settings = &loaded.settings;
            findings.extend(agents::look(context, settings).await);
            findings.extend(state::look(settings).await);
            findings.extend(machine::look(settings).await);
            findings.extend(sandbox::look(&settings.sandbox));
            if git_works {
                findings.extend(projects::look(context, settings).await);
            }
            findings.extend(items::look(context, settings).await);
            if git_works {
                findings.extend(forges::look(context, settings).await);
            }
            findings.extend(discord::look(settings).await);
            findings.extend(webhooks::look(settings).await);
            findings.extend(lanes::look(context, settings).await);
        }
        Err(report) => {
            findings.extend(report.problems.iter().map(|problem| {
                Finding::stops("configuration", "", problem.to_string())
                    .remedy("correct it; `enact-factory validate` shows all of it")
            }));
            findings.extend(git);
        }
    }
    let ok = findings.iter().all(|finding| finding.verdict != Verdict::Stops);
    show(&context.screen, &findings, ok);
    Ok(if ok { errors::OK } else { errors::FAILURE })
}

fn of_configuration(
    context: &Context,
    warnings: &[crate::config::report::Finding],
) -> Vec<Finding> {
    let file = configuration::locate(context.config.as_deref(), &context.surroundings);
    let first = match file {
        Some(path) => Finding::ok("configuration", path.display().to_string(), "can be used"),
        None => Finding::remark("configuration", "", "there is no file; the defaults hold")
            .remedy("`enact-factory init` writes one to begin with"),
    };
    let remarks = warnings.iter().map(|it| Finding::remark("configuration", "", it.to_string()));
    std::iter::once(first).chain(remarks).collect()
}

fn show(screen: &Screen, findings: &[Finding], ok: bool) {
    if screen.json {
        screen.object(&serde_json::json!({ "ok": ok, "findings": findings }));
        return;
    }
    let width = findings.iter().map(|it| it.area.len()).max().unwrap_or(0);
    for finding in findings {
        let (tone, word) = match finding.verdict {
            Verdict::Ok => (Tone::Good, "ok   "),
            Verdict::Remark => (Tone::Warning, "note "),
            Verdict::Stops => (Tone::Bad, "STOPS"),
        };
        let subject = match finding.subject.as_str() {
            "" => String::new(),
            subject => format!("{}: ", format::printable(subject)),
        };
        screen.line(format!(
            "{}  {:width$}  {subject}{}",
            screen.paint(tone, word),
            finding.area,
            format::printable(&finding.text)
        ));
        if let Some(remedy) = &finding.remedy {
            screen.line(format!("       {:width$}  → {remedy}", ""));
        }
    }
    let stops = findings.iter().filter(|it| it.verdict == Verdict::Stops).count();
    screen.line(match stops {
        0 => "nothing here would stop work".to_owned(),
        1 => "1 problem would stop work".to_owned(),
        many => format!("{many} problems would stop work"),
    });
}
