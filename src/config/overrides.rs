//! `ENACT_FACTORY_<SECTION>__<KEY>` variables as a layer above the file.

use std::collections::BTreeMap;

use figment::value::{Dict, Tag, Value};

use super::document::nearest;
use super::schema::{Key, Shape, join};
use super::sources::{Place, Source, Sources};

/// How the name of every override begins.
pub const PREFIX: &str = "ENACT_FACTORY_";

/// The overrides among `variables`. Only names with a double underscore count, so that other variables of the product
/// are left alone; one that names no key is a mistake.
pub(super) fn read(
    variables: &BTreeMap<String, String>,
    keys: &'static [Key],
    sources: &mut Sources,
) -> Dict {
    let mut layer = Dict::new();
    for (variable, value) in variables {
        let Some(name) = variable.strip_prefix(PREFIX).filter(|name| name.contains("__")) else {
            continue;
        };
        let segments: Vec<String> = name.split("__").map(str::to_lowercase).collect();
        let place = Place::Variable(variable.clone());
        match resolve(&segments, keys) {
            Ok(path) => {
                let source =
                    Source { filled: true, hidden: true, ..Source::new(place.clone(), place) };
                let joined = path.iter().fold(String::new(), |parent, name| join(&parent, name));
                sources.insert(&joined, source);
                insert(&mut layer, &path, value);
            }
            Err((message, hint)) => {
                sources.problem_at(&place, &segments.join("."), message, hint);
            }
        }
    }
    layer
}

/// The canonical names on the way to the key that is meant.
fn resolve(
    segments: &[String],
    keys: &'static [Key],
) -> Result<Vec<String>, (&'static str, Option<String>)> {
    let mut path = Vec::with_capacity(segments.len());
    let mut shape = &Shape::Table(keys);
    for segment in segments {
        shape = match shape {
            Shape::Table(keys) => {
                let Some(key) = keys.iter().find(|key| key.is_called(segment)) else {
                    let hint = nearest(segment, keys.iter().map(|key| key.name));
                    return Err(("no such key to override", hint));
                };
                path.push(key.name.to_owned());
                &key.shape
            }
            Shape::Map(_, of) if !segment.is_empty() => {
                path.push(segment.clone());
                of
            }
            Shape::Map(..) | Shape::Value(_) | Shape::Tables(_) => {
                return Err(("no such key to override", None));
            }
        };
    }
    match shape {
        // The case of the names in `set` would be lost, and with it which variable is meant.
        Shape::Value(_) if path.get(2).is_some_and(|name| name == "set") => {
            Err(("variables of agents cannot be overridden", Some("use `env`".to_owned())))
        }
        Shape::Value(_) => Ok(path),
        Shape::Table(_) | Shape::Tables(_) | Shape::Map(..) => {
            Err(("only single values can be overridden", None))
        }
    }
}

fn insert(layer: &mut Dict, path: &[String], value: &str) {
    match path {
        [] => {}
        [name] => {
            layer.insert(name.clone(), Value::from(value));
        }
        [name, rest @ ..] => {
            let inner =
                layer.entry(name.clone()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
