//! `validate`: every mistake in the configuration at once.

use clap::Args;
use serde_json::json;

use super::entry::Context;
use super::errors::{self, CliError};
use super::screen::Tone;
use super::{configuration, workflows};

/// Check the configuration: every mistake at once, with its place and what would be right
///
/// Where a repository's own `WORKFLOW.md` counts, that is checked too, as it is on the base branch.
///
/// Exit codes: 0 it can be used, 1 it cannot.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory validate
  enact-factory --config factory/config.toml validate --json

JSON: {\"valid\": bool, \"file\": path or null, \"problems\": [finding], \"warnings\": [finding]}
with finding = {\"file\", \"line\", \"column\", \"variable\", \"key\", \"message\", \"hint\"}")]
pub(super) struct Validate {}

pub(super) async fn execute(context: &Context, _arguments: &Validate) -> Result<u8, CliError> {
    let screen = &context.screen;
    let file = configuration::locate(context.config.as_deref(), &context.surroundings);
    let read = configuration::read(context.config.as_deref(), &context.surroundings);
    let (problems, warnings) = match read {
        Ok(loaded) => {
            let (mistakes, remarks) = workflows::look(context, &loaded.settings).await;
            let mut warnings = loaded.warnings;
            warnings.extend(remarks);
            (mistakes, warnings)
        }
        Err(report) => (report.problems, Vec::new()),
    };
    let valid = problems.is_empty();
    let code = if valid { errors::OK } else { errors::FAILURE };
    if screen.json {
        screen.object(&json!({
            "valid": valid, "file": file, "problems": problems, "warnings": warnings,
        }));
        return Ok(code);
    }
    for problem in &problems {
        screen.line(format!("{} {problem}", screen.paint(Tone::Bad, "error:")));
    }
    for warning in &warnings {
        screen.line(format!("{} {warning}", screen.paint(Tone::Warning, "warning:")));
    }
    let named = file.map_or_else(
        || "no configuration file; the defaults".to_owned(),
        |path| path.display().to_string(),
    );
    if valid {
        screen.line(format!("{named}: can be used"));
    } else {
        let noun = if problems.len() == 1 { "mistake" } else { "mistakes" };
        screen.line(format!("{named}: {} {noun}", problems.len()));
    }
    Ok(code)
}
