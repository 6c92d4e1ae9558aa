//! The file as a layer of values: names brought to their canonical form, variables filled in, every place remembered.

use std::collections::BTreeMap;
use std::ops::Range;

use figment::value::{Dict, Tag, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::schema::{Key, Shape, join, not_here};
use super::secret;
use super::sources::{Place, Source, Sources};
use super::substitute::{Substituted, substitute};

/// Reads `text` as far as it can be read; what cannot is in `sources` as mistakes. Values of secret-looking variables
/// that were filled in are added to `secrets`.
pub(super) fn read(
    text: &str,
    keys: &'static [Key],
    variables: &BTreeMap<String, String>,
    sources: &mut Sources,
    secrets: &mut Vec<String>,
) -> Dict {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, variables, sources, secrets };
    for error in &errors {
        let place = reader.place(error.span().unwrap_or(0..0).start);
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        reader.sources.problem_at(&place, "", &message, None);
    }
    if errors.is_empty() { reader.table(table.get_ref(), keys, "") } else { Dict::new() }
}

struct Reader<'a> {
    text: &'a str,
    variables: &'a BTreeMap<String, String>,
    sources: &'a mut Sources,
    secrets: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// A table whose keys are fixed.
    fn table(&mut self, table: &DeTable<'_>, keys: &'static [Key], parent: &str) -> Dict {
        let mut dict = Dict::new();
        for (written, value) in table {
            let place = self.place(written.span().start);
            let name: &str = written.get_ref();
            let Some(key) = keys.iter().find(|key| key.is_called(name)) else {
                self.unknown(&place, parent, name, keys);
                continue;
            };
            let path = join(parent, key.name);
            if key.name != name {
                let message = format!("`{name}` is understood as `{}`", key.name);
                self.sources.warning_at(&place, &path, &message);
            }
            if self.sources.get(&path).is_some() {
                self.sources.problem_at(&place, &path, "given twice, under two names", None);
                continue;
            }
            if let Some(value) = self.value(value, &key.shape, &path, place) {
                dict.insert(key.name.to_owned(), value);
            }
        }
        dict
    }

    /// A table whose keys are the operator's.
    fn map(&mut self, table: &DeTable<'_>, of: &'static Shape, parent: &str) -> Dict {
        let mut dict = Dict::new();
        for (written, value) in table {
            let place = self.place(written.span().start);
            let name: &str = written.get_ref();
            if let Some(value) = self.value(value, of, &join(parent, name), place) {
                dict.insert(name.to_owned(), value);
            }
        }
        dict
    }

    /// One value as it is written; whether it fits is not asked here.
    fn value(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        shape: &'static Shape,
        path: &str,
        key: Place,
    ) -> Option<Value> {
        let mut source = Source::new(key, self.place(value.span().start));
        let read = match (value.get_ref(), shape) {
            (DeValue::Table(table), Shape::Table(keys)) => {
                self.sources.insert(path, source);
                return Some(Value::Dict(Tag::Default, self.table(table, keys, path)));
            }
            (DeValue::Table(table), Shape::Map(_, of)) => {
                self.sources.insert(path, source);
                return Some(Value::Dict(Tag::Default, self.map(table, of, path)));
            }
            (DeValue::Table(_), Shape::Value(_) | Shape::Tables(_)) => {
                Some(Value::Dict(Tag::Default, Dict::new()))
            }
            (DeValue::Array(items), _) => {
                self.sources.insert(path, source);
                return Some(Value::Array(Tag::Default, self.items(items, shape, path)));
            }
            (DeValue::String(written), _) => {
                source.written = Some(written.clone().into_owned());
                let filled = self.filled(written, value.span(), path);
                source.filled = filled.as_ref().is_some_and(|filled| filled.any);
                source.hidden = filled.as_ref().is_some_and(|filled| !filled.used.is_empty());
                filled.map(|filled| Value::from(filled.text))
            }
            (DeValue::Integer(number), _) => {
                let digits = number.as_str().replace('_', "");
                let parsed = i64::from_str_radix(&digits, number.radix()).ok();
                if parsed.is_none() {
                    self.sources.problem_at(&source.value, path, "the number is too large", None);
                }
                parsed.map(Value::from)
            }
            (DeValue::Float(number), _) => Some(Value::from(
                number.as_str().replace('_', "").parse::<f64>().unwrap_or(f64::NAN),
            )),
            (DeValue::Boolean(value), _) => Some(Value::from(*value)),
            (DeValue::Datetime(_), _) => {
                self.sources.problem_at(&source.value, path, "a date is not expected here", None);
                None
            }
        };
        source.unreadable = read.is_none();
        self.sources.insert(path, source);
        read
    }

    fn items(
        &mut self,
        items: &[Spanned<DeValue<'_>>],
        shape: &'static Shape,
        path: &str,
    ) -> Vec<Value> {
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let place = self.place(item.span().start);
            let value = match (item.get_ref(), shape) {
                (DeValue::Table(table), Shape::Tables(keys)) => {
                    let source = Source::new(place.clone(), place);
                    self.sources.insert(&path, source);
                    Some(Value::Dict(Tag::Default, self.table(table, keys, &path)))
                }
                (DeValue::Array(_), _) => {
                    self.sources.problem_at(&place, &path, "a list inside a list", None);
                    None
                }
                _ => self.value(item, shape, &path, place),
            };
            // A value that cannot be read keeps its seat, so that the numbers of the others stay true.
            values.push(value.unwrap_or_else(|| Value::from(figment::value::Empty::None)));
        }
        values
    }

    /// The text with its variables filled in, if all of them can be.
    fn filled(&mut self, written: &str, span: Range<usize>, path: &str) -> Option<Substituted> {
        let errors = match substitute(written, self.variables) {
            Ok(filled) => {
                let values = filled.used.iter().filter(|name| secret::is_secret_name(name));
                self.secrets.extend(values.filter_map(|name| self.variables.get(name).cloned()));
                return Some(filled);
            }
            Err(errors) => errors,
        };
        let mut from = span.start;
        for error in errors {
            // Escapes can make the value differ from the file; then the start of the value is the best there is.
            let found = self.text.get(from..span.end).and_then(|it| it.find(&error.written));
            let place = self.place(found.map_or(span.start, |offset| from + offset));
            from = found.map_or(from, |offset| from + offset + error.written.len());
            self.sources.problem_at(&place, path, &error.message, error.hint);
        }
        None
    }

    fn unknown(&mut self, place: &Place, parent: &str, name: &str, keys: &'static [Key]) {
        let path = join(parent, name);
        match not_here(&path) {
            Some(message) => self.sources.problem_at(place, &path, message, None),
            None => {
                let hint = nearest(name, keys.iter().map(|key| key.name));
                self.sources.problem_at(place, &path, "unknown key", hint);
            }
        }
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        Place::File(line, before[line_start..].chars().count() + 1)
    }
}

/// "did you mean …?" if one of the words is close enough to be meant, or goes on where `written` ends.
pub(super) fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Option<String> {
    let written = super::schema::snake_case(written);
    let typed = written.chars().count();
    words
        .filter_map(|word| {
            let distance = strsim::damerau_levenshtein(&written, word);
            let length = word.chars().count().min(typed);
            let close = distance <= 1.max(length / 3) && distance < length;
            let begun = typed >= 4 && word.starts_with(&written);
            (close || begun).then_some((distance, word))
        })
        .min()
        .map(|(_, word)| format!("did you mean {word}?"))
}
