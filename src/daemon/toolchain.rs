//! What of this process's environment everything that is started here gets.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// `PATH` and the places where toolchains keep themselves: without them neither checks nor agents could build anything
/// from their private homes. Variables that are not set fall back to the usual place below the home directory.
pub(super) fn toolchain(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const HOMES: [(&str, &str); 8] = [
        ("CARGO_HOME", ".cargo"),
        ("RUSTUP_HOME", ".rustup"),
        ("GOPATH", "go"),
        ("NVM_DIR", ".nvm"),
        ("PYENV_ROOT", ".pyenv"),
        ("VOLTA_HOME", ".volta"),
        ("SDKMAN_DIR", ".sdkman"),
        ("JAVA_HOME", ""),
    ];
    let mut kept = BTreeMap::new();
    if let Some(path) = environment.get("PATH") {
        kept.insert("PATH".to_owned(), path.clone());
    }
    let home = environment.get("HOME").map(PathBuf::from);
    for (name, usual) in HOMES {
        let usual = home.as_ref().filter(|_| !usual.is_empty()).map(|home| home.join(usual));
        let found = environment
            .get(name)
            .cloned()
            .or_else(|| usual.filter(|path| path.is_dir()).map(|path| path.display().to_string()));
        if let Some(value) = found {
            kept.insert(name.to_owned(), value);
        }
    }
    kept
}
