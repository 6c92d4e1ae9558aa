//! `${VAR}` and `${VAR:-default}` in text; `$${` is a plain `${`.

use std::collections::BTreeMap;

/// Text with its variables filled in.
pub(super) struct Substituted {
    /// The result.
    pub(super) text: String,
    /// The variables whose value is in it, in order.
    pub(super) used: Vec<String>,
    /// Whether there was anything to fill in, be it with a default.
    pub(super) any: bool,
}

/// What is wrong with one `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubstitutionError {
    /// Byte offset of the `${` in the text.
    pub(super) at: usize,
    /// The text from there, up to the end of the construct: what to look for in the file.
    pub(super) written: String,
    /// What is wrong with it.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: Option<String>,
}

/// Fills in all variables, or says what is wrong with each that cannot be filled in. As in a shell, `:-` also stands
/// in for an empty variable.
pub(super) fn substitute(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Substituted, Vec<SubstitutionError>> {
    let mut result =
        Substituted { text: String::with_capacity(text.len()), used: Vec::new(), any: false };
    let mut errors = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let at = text.len() - rest.len() + start;
        if rest[..start].ends_with('$') {
            result.text.push_str(&rest[..start - 1]);
            result.text.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        result.any = true;
        result.text.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let Some(end) = inside.find('}') else {
            let (written, hint) = (inside_of(&rest[start..]), "write $${ for a plain ${");
            errors.push(error(at, written, "${ without its }".to_owned(), Some(hint)));
            rest = "";
            break;
        };
        let written = &rest[start..start + 2 + end + 1];
        match resolve(&inside[..end], variables) {
            Ok(Filling::Variable { name, value }) => {
                result.text.push_str(value);
                result.used.push(name.to_owned());
            }
            Ok(Filling::Default(value)) => result.text.push_str(value),
            Err((message, hint)) => errors.push(error(at, written, message, hint)),
        }
        rest = &inside[end + 1..];
    }
    result.text.push_str(rest);
    if errors.is_empty() { Ok(result) } else { Err(errors) }
}

/// What comes in the place of one `${…}`.
enum Filling<'a> {
    Variable { name: &'a str, value: &'a str },
    Default(&'a str),
}

/// What comes in the place of what stands between the braces, or what is wrong with it and a hint.
fn resolve<'a>(
    inside: &'a str,
    variables: &'a BTreeMap<String, String>,
) -> Result<Filling<'a>, (String, Option<&'static str>)> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let starts_well = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    if !starts_well || !name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_') {
        let hint = "write ${NAME}, ${NAME:-default}, or $${ for a plain ${";
        return Err((format!("{name:?} is not the name of a variable"), Some(hint)));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err((format!("the default of {name} holds another ${{"), None));
    }
    match (variables.get(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(Filling::Default(default)),
        (Some(value), _) => Ok(Filling::Variable { name, value }),
        (None, Some(default)) => Ok(Filling::Default(default)),
        (None, None) => Err((
            format!("the variable {name} is not set"),
            Some("set it, or give a default as in ${NAME:-default}"),
        )),
    }
}

/// At most the first line, so that a missing brace does not quote half the file.
fn inside_of(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn error(at: usize, written: &str, message: String, hint: Option<&str>) -> SubstitutionError {
    SubstitutionError { at, written: written.to_owned(), message, hint: hint.map(str::to_owned) }
}
