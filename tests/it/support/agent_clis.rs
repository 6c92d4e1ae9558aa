//! Where `scripts/install-agents` puts the real agent CLIs, for the tests that drive them.

use std::env;
use std::path::PathBuf;

/// The native binary of an agent (`claude`, `codex`), or `None` after saying that the test is skipped.
///
/// Looks in `$ENACT_FACTORY_AGENTS_DIR/bin`, else in the cache directory that `scripts/install-agents` uses.
pub fn find(name: &str) -> Option<PathBuf> {
    let found = directory()
        .map(|directory| directory.join("bin").join(name))
        .filter(|binary| binary.exists());
    if found.is_none() {
        println!("skipped: {name} not found (scripts/install-agents installs it)");
    }
    found
}

fn directory() -> Option<PathBuf> {
    let variable =
        |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("ENACT_FACTORY_AGENTS_DIR").or_else(|| {
        let cache =
            variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
        Some(cache.join("enact-factory").join("agents"))
    })
}
