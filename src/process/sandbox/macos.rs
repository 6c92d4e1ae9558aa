//! macOS: a program is confined by being started through `sandbox-exec`, which confines itself and then becomes the
//! program, so that its process id stays what it was.
//!
//! Reviewed, and never run: no machine with macOS was at hand. What is said to `sandbox-exec` is in
//! [`profile`](super::profile), which is tested everywhere; whether the system understands it is tried out by
//! [`support`] before any agent is confined, so that at worst agents are refused (`required`) or run unconfined and say so
//! (`preferred`).

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::profile::{self, Place};
use super::{Confinement, Network, SandboxError, Support};

/// Part of the system, and protected by it.
const SANDBOX_EXEC: &str = "/usr/bin/sandbox-exec";

/// What is to be started so that `program` runs confined.
pub(super) fn command(
    confinement: &Confinement,
    program: PathBuf,
    args: Vec<OsString>,
) -> Result<(PathBuf, Vec<OsString>), SandboxError> {
    let places: Result<Vec<Place>, SandboxError> =
        confinement.writable.iter().map(|path| place(path)).collect();
    let profile = profile::of(&places?, &confinement.network)?;
    let mut all: Vec<OsString> = vec!["-p".into(), profile.into(), program.into()];
    all.extend(args);
    Ok((SANDBOX_EXEC.into(), all))
}

/// Rules are about where a file really is: `/tmp` is a link here.
fn place(path: &Path) -> Result<Place, SandboxError> {
    let refused = |error: std::io::Error| SandboxError::Place {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let path = path.canonicalize().map_err(refused)?;
    Ok(Place { is_directory: path.is_dir(), path })
}

/// Tries out whether a confined shell writes where it may and nowhere else, and whether rules for the network are
/// understood.
pub(super) fn support() -> Support {
    let Ok(directory) = probe_directory() else { return Support { files: false, network: false } };
    let (inside, outside) = (directory.join("in"), directory.join("out"));
    let probed = [&inside, &outside].into_iter().all(|path| fs::create_dir(path).is_ok());
    let can = |network: Network| {
        let confinement = Confinement { writable: vec![inside.clone()], network };
        let wrote = |path: PathBuf| run(&confinement, &path) && path.exists();
        wrote(inside.join("probe")) && !wrote(outside.join("probe"))
    };
    let files = probed && can(Network::Open);
    let _cleared = fs::remove_file(inside.join("probe"));
    let network = files && can(Network::Ports(Vec::new()));
    let _left = fs::remove_dir_all(directory);
    Support { files, network }
}

/// A private directory for this process.
fn probe_directory() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let name = format!("enact-sandbox-{}", std::process::id());
    let path = Path::new("/private/tmp").join(name);
    let _left_by_an_earlier_one = fs::remove_dir_all(&path);
    fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}

/// Whether a confined shell could make the file `path`.
#[expect(clippy::disallowed_methods, reason = "a probe that ends at once, before there are agents")]
fn run(confinement: &Confinement, path: &Path) -> bool {
    let script = vec!["-c".into(), ": > \"$0\"".into(), path.as_os_str().to_owned()];
    let Ok((program, args)) = command(confinement, "/bin/sh".into(), script) else { return false };
    let mut command = Command::new(program);
    command.args(args).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
