//! `init`: writes the commented configuration.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::Args;

use super::configuration::FILE;
use super::entry::Context;
use super::errors::{self, CliError};

/// Write a commented config.toml: every key with its default
///
/// Refuses to overwrite a file. The file is readable by its owner only, because keys may be put into it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory init                                            config.toml in the working directory
  enact-factory --config ~/.config/enact-factory/config.toml init

JSON: {\"written\": path}")]
pub(super) struct Init {}

pub(super) fn execute(context: &Context, _arguments: &Init) -> Result<u8, CliError> {
    let path = context.config.clone().unwrap_or_else(|| PathBuf::from(FILE));
    let absolute = context.surroundings.cwd.join(&path);
    if let Some(parent) = absolute.parent() {
        std::fs::create_dir_all(parent).map_err(|error| {
            CliError::failure(format!("cannot make the directory {}: {error}", parent.display()))
        })?;
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&absolute);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            CliError::failure(format!("{} is there already and was left as it is", path.display()))
                .hint("move it away first, or write elsewhere with `--config PATH`")
        }
        _ => CliError::failure(format!("cannot write {}: {error}", path.display())),
    })?;
    file.write_all(crate::config::scaffold().as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| CliError::failure(format!("cannot write {}: {error}", path.display())))?;
    if context.screen.json {
        context.screen.object(&serde_json::json!({ "written": absolute }));
        return Ok(errors::OK);
    }
    context.screen.line(format!("wrote {}", path.display()));
    context.screen.line("next: name a repository under [[projects]], then `enact-factory doctor`");
    Ok(errors::OK)
}
