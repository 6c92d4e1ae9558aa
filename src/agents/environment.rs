//! The environment of an agent process, built from nothing.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::{AgentSettings, Invocation, TEMPORARY};

/// Where programs are looked for when the configuration passes no `PATH` on.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables of an adapter: those that the operator may change, and those that nobody may.
#[derive(Default)]
pub(super) struct Own<'a> {
    /// Given unless the settings say otherwise.
    pub(super) defaults: &'a [(&'a str, &'a str)],
    /// Given in any case.
    pub(super) fixed: &'a [(&'a str, String)],
}

/// The whole environment of the process that does this turn.
pub(super) fn build(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    own: &Own<'_>,
) -> BTreeMap<String, String> {
    let directory = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let mut environment = BTreeMap::new();
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    set("PATH", DEFAULT_PATH.to_owned());
    set("LANG", "C.UTF-8".to_owned());
    set("LC_ALL", "C.UTF-8".to_owned());
    set("TERM", "dumb".to_owned());
    for (name, value) in own.defaults {
        set(name, (*value).to_owned());
    }
    for (name, value) in &settings.env {
        set(name, value.expose_secret().to_owned());
    }
    set("HOME", directory(invocation.home));
    set("PWD", directory(invocation.workspace));
    set("TMPDIR", directory(&invocation.home.join(TEMPORARY)));
    for (name, value) in own.fixed {
        set(name, value.clone());
    }
    let (name, value) = invocation.marker;
    set(name, value.to_owned());
    environment
}
