//! Values against the schema: kinds, bounds, required keys, defaults, paths. What does not fit is reported and gives
//! way to its default, so that one pass finds every mistake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};

use super::document::nearest;
use super::measures::{micro_dollars, milliseconds, span};
use super::schema::{Key, Kind, Presence, Shape, join};
use super::section::{Section, Setting};
use super::sources::Sources;
use super::substitute::substitute;

/// The largest whole number in a configuration: TOML's.
const LARGEST: u64 = i64::MAX as u64;

/// What checking needs besides the values.
pub(super) struct Checker<'a> {
    /// Places and findings.
    pub(super) sources: &'a mut Sources,
    /// For defaults that name variables.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// Where relative paths start.
    pub(super) base: &'a Path,
    /// What `~` stands for.
    pub(super) home: Option<&'a Path>,
}

impl Checker<'_> {
    /// A table with fixed keys, defaults filled in.
    pub(super) fn table(
        &mut self,
        dict: Option<&Dict>,
        keys: &'static [Key],
        parent: &str,
    ) -> Section {
        let mut values = BTreeMap::new();
        for key in keys {
            let path = join(parent, key.name);
            let given = dict.and_then(|dict| dict.get(key.name));
            let value = given.and_then(|value| self.value(value, &key.shape, &path));
            let unset = given.is_none_or(is_empty_text);
            let value = value.or_else(|| self.absent(key, unset, parent, &path));
            values.extend(value.map(|value| (key.name.to_owned(), value)));
        }
        Section { path: parent.to_owned(), values }
    }

    /// What holds for a key that is not given, or wrongly.
    fn absent(
        &mut self,
        key: &'static Key,
        unset: bool,
        parent: &str,
        path: &str,
    ) -> Option<Setting> {
        match (&key.shape, &key.presence) {
            (Shape::Table(keys), _) => Some(Setting::Table(self.table(None, keys, path))),
            (Shape::Map(..), _) => {
                Some(Setting::Table(Section { path: path.to_owned(), values: BTreeMap::new() }))
            }
            (Shape::Value(kind), Presence::Default(default)) => {
                let value = default_value(default, self.variables)?;
                self.kind(&value, kind, path)
            }
            (Shape::Value(_), Presence::Required) => {
                let unreadable = self.sources.get(path).is_some_and(|it| it.unreadable);
                if unset && !unreadable {
                    self.sources.missing(parent, path, "this key is missing");
                }
                None
            }
            (Shape::Value(_), Presence::Optional(_)) | (Shape::Tables(_), _) => None,
        }
    }

    fn value(&mut self, value: &Value, shape: &'static Shape, path: &str) -> Option<Setting> {
        match (shape, value) {
            (Shape::Table(keys), Value::Dict(_, dict)) => {
                Some(Setting::Table(self.table(Some(dict), keys, path)))
            }
            (Shape::Map(_, of), Value::Dict(_, dict)) => {
                let mut values = BTreeMap::new();
                for (name, value) in dict {
                    let value = self.value(value, of, &join(path, name));
                    values.extend(value.map(|value| (name.clone(), value)));
                }
                Some(Setting::Table(Section { path: path.to_owned(), values }))
            }
            (Shape::Tables(keys), Value::Array(_, items)) => {
                let mut tables = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    match item {
                        Value::Dict(_, dict) => tables.push(self.table(Some(dict), keys, &path)),
                        Value::Empty(..) => {}
                        _ => self.misfit(&path, "a table", item, None),
                    }
                }
                Some(Setting::Tables(tables))
            }
            (Shape::Value(kind), _) => self.kind(value, kind, path),
            (Shape::Table(_) | Shape::Map(..), _) => {
                self.misfit(path, "a table", value, Some(format!("write [{path}] above its keys")));
                None
            }
            (Shape::Tables(_), _) => {
                let hint = Some(format!("write [[{path}]] above each"));
                self.misfit(path, "a list of tables", value, hint);
                None
            }
        }
    }

    fn kind(&mut self, value: &Value, kind: &'static Kind, path: &str) -> Option<Setting> {
        // Text out of the environment stands for whatever is wanted: `max_iterations = "${ROUNDS:-3}"`.
        let parsed = match value {
            Value::String(_, text) if self.sources.filled(path) => literal(text, kind),
            _ => None,
        };
        let value = parsed.as_ref().unwrap_or(value);
        let setting = match (kind, value) {
            (kind, value) if is_text(kind) && is_empty_text(value) => return None,
            (Kind::Text | Kind::Secret, Value::String(_, text)) => {
                Some(Setting::Text(text.clone()))
            }
            (Kind::Path, Value::String(_, text)) => self.path(text, path).map(Setting::Path),
            (Kind::Program, Value::String(_, text)) => {
                let bare = !text.contains('/') && text != "~";
                if bare { Some(PathBuf::from(text)) } else { self.path(text, path) }
                    .map(Setting::Path)
            }
            (Kind::Boolean, Value::Bool(_, value)) => Some(Setting::Boolean(*value)),
            (Kind::Count(least, most), Value::Num(..)) => {
                let most = (*most).min(LARGEST);
                whole(value).filter(|it| (*least..=most).contains(it)).map(Setting::Count)
            }
            (Kind::Limit(_) | Kind::Money, Value::String(_, text)) if text == "unlimited" => {
                Some(Setting::Limit(None))
            }
            (Kind::Limit(most), Value::Num(..)) => {
                let most = (*most).min(LARGEST);
                whole(value).filter(|it| (1..=most).contains(it)).map(|it| Setting::Limit(Some(it)))
            }
            (Kind::Money, Value::Num(..)) => {
                micro_dollars(value).map(|it| Setting::Limit(Some(it)))
            }
            (Kind::Span(least, most), Value::String(_, text)) => {
                milliseconds(text).filter(|it| (*least..=*most).contains(it)).map(Setting::Count)
            }
            (Kind::Choice(words, refused), Value::String(_, text)) => {
                return self.choice(text, words, refused, path);
            }
            (Kind::Texts, Value::Array(_, items)) => return Some(self.texts(items, path)),
            _ => None,
        };
        if setting.is_none()
            && !(matches!(kind, Kind::Path | Kind::Program) && value.as_str().is_some())
        {
            let hint = match (kind, value) {
                (Kind::Texts, Value::String(..)) => Some("put it in [ ]".to_owned()),
                _ => None,
            };
            self.misfit(path, &expected(kind), value, hint);
        }
        setting
    }

    fn choice(
        &mut self,
        text: &str,
        words: &[&str],
        refused: &[(&str, &str)],
        path: &str,
    ) -> Option<Setting> {
        if words.contains(&text) {
            return Some(Setting::Text(text.to_owned()));
        }
        match refused.iter().find(|(word, _)| *word == text) {
            Some((word, reason)) => self.sources.problem(path, &format!("{word:?} {reason}"), None),
            None => {
                let hint = nearest(text, words.iter().copied());
                let wanted = format!("one of {}", words.join(", "));
                self.sources.misfit(path, &wanted, &format!("{text:?}"), hint);
            }
        }
        None
    }

    fn texts(&mut self, items: &[Value], path: &str) -> Setting {
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item {
                Value::String(_, text) if !text.trim().is_empty() => texts.push(text.clone()),
                Value::Empty(..) => {}
                _ => self.misfit(&path, "text that is not empty", item, None),
            }
        }
        Setting::Texts(texts)
    }

    /// `~` expanded, relative to the configuration, `.` components dropped.
    fn path(&mut self, text: &str, path: &str) -> Option<PathBuf> {
        let expanded = match (text.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            (Some(rest), None) if rest.is_empty() || rest.starts_with('/') => {
                self.sources.problem(path, "the home directory for ~ is not known", None);
                return None;
            }
            (Some(_), _) => {
                self.sources.problem(path, "~ stands only for your own home directory", None);
                return None;
            }
            (None, _) => PathBuf::from(text),
        };
        if text.contains('\0') {
            self.sources.problem(path, "a path cannot hold a NUL character", None);
            return None;
        }
        Some(self.base.join(expanded).components().collect())
    }

    fn misfit(&mut self, path: &str, wanted: &str, value: &Value, hint: Option<String>) {
        let secret = path.contains(".set.");
        let found = match value {
            Value::Num(..) if secret => "a number".to_owned(),
            Value::Num(_, number) => number
                .to_i128()
                .map(|it| it.to_string())
                .or_else(|| number.to_f64().map(|it| it.to_string()))
                .unwrap_or_else(|| "a number".to_owned()),
            Value::Bool(_, value) => value.to_string(),
            Value::String(..) | Value::Char(..) if secret => "text".to_owned(),
            Value::String(_, text) if text.chars().count() <= 40 => format!("{text:?}"),
            Value::String(..) | Value::Char(..) => "text".to_owned(),
            Value::Dict(..) => "a table".to_owned(),
            Value::Array(..) => "a list".to_owned(),
            Value::Empty(..) => return,
        };
        self.sources.misfit(path, wanted, &found, hint);
    }
}

/// The words for a kind, for mistakes and for the reference page.
pub(super) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret => "text".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Program => "a program".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Count(least, most) if *most >= LARGEST => format!("a whole number from {least}"),
        Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Limit(most) if *most >= LARGEST => {
            "a whole number from 1, or \"unlimited\"".to_owned()
        }
        Kind::Limit(most) => format!("a whole number from 1 to {most}, or \"unlimited\""),
        Kind::Money => "US dollars such as 2.50, or \"unlimited\"".to_owned(),
        Kind::Choice(words, _) => format!("one of {}", words.join(", ")),
        Kind::Span(least, most) => {
            format!(
                "a time such as \"90s\", \"30m\" or \"2h\", from {} to {}",
                span(*least),
                span(*most)
            )
        }
        Kind::Texts => "a list of texts".to_owned(),
    }
}

/// A default as written in the schema, variables filled in.
fn default_value(default: &str, variables: &BTreeMap<String, String>) -> Option<Value> {
    match parse(default)? {
        Value::String(tag, text) => {
            substitute(&text, variables).ok().map(|filled| Value::String(tag, filled.text))
        }
        other => Some(other),
    }
}

/// Text from the environment as the TOML value it stands for, where text itself is not what is wanted.
fn literal(text: &str, kind: &Kind) -> Option<Value> {
    if is_text(kind) { None } else { parse(text) }
}

/// Whether it is written as text.
fn is_text(kind: &Kind) -> bool {
    match kind {
        Kind::Text
        | Kind::Secret
        | Kind::Path
        | Kind::Program
        | Kind::Choice(..)
        | Kind::Span(..) => true,
        Kind::Boolean | Kind::Count(..) | Kind::Limit(_) | Kind::Money | Kind::Texts => false,
    }
}

/// One TOML value: a scalar or a list of texts.
fn parse(text: &str) -> Option<Value> {
    match toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?.remove("value")? {
        toml::Value::String(text) => Some(Value::from(text)),
        toml::Value::Integer(number) => Some(Value::from(number)),
        toml::Value::Float(number) => Some(Value::from(number)),
        toml::Value::Boolean(value) => Some(Value::from(value)),
        toml::Value::Array(items) => {
            let texts: Option<Vec<String>> =
                items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map(Value::from)
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// An empty text is how a variable says "not set".
fn is_empty_text(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty)
}

fn whole(value: &Value) -> Option<u64> {
    value.to_i128().and_then(|number| u64::try_from(number).ok())
}
