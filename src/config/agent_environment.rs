//! `[agents.<name>] env` and `[agents.<name>.set]`: the variables that an agent gets.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::secret::is_secret;
use super::section::Section;
use super::sources::Sources;

/// The variables for the child: those passed on, and those set here.
pub(super) fn environment(
    table: &Section,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> BTreeMap<String, SecretString> {
    let mut env = BTreeMap::new();
    let set = table.table("set");
    let passed = table.texts("env").iter().enumerate().filter_map(|(index, name)| {
        let path = format!("{}[{index}]", table.path_of("env"));
        if !is_variable(name) {
            let hint = format!("names only; values go into [{}]", table.path_of("set"));
            sources.problem(&path, "not the name of a variable", Some(hint));
        } else if set.values.contains_key(name) {
            let message = format!("{name} is passed on and set: only one of the two can be");
            sources.problem(&path, &message, None);
        } else if !variables.contains_key(name) {
            sources.warning(&path, &format!("{name} is not set, so the agent does not get it"));
        }
        Some((name.clone(), variables.get(name)?.clone()))
    });
    let mut values: Vec<(String, String)> = passed.collect();
    for name in set.values.keys() {
        let path = set.path_of(name);
        let value = set.owned(name).unwrap_or_default();
        if !is_variable(name) {
            sources.problem(&path, "not the name of a variable", None);
        }
        if value.contains('\0') {
            sources.problem(&path, "a variable cannot hold a NUL character", None);
        }
        values.push((name.clone(), value));
    }
    for (name, value) in values {
        if is_secret(&name, &value) {
            secrets.push(value.clone());
        }
        env.insert(name, SecretString::from(value));
    }
    env
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}
