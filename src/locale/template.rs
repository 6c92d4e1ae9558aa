//! Strict templates: `{{ issue.title }}`, `{% if attempt %}…{% else %}…{% endif %}`, `{% for label in issue.labels %}…
//! {% endfor %}`. A variable that is not there, a filter and any other tag are mistakes, with their place. Values are put
//! in as they are: nothing in them is read as a template.

mod reader;

use std::collections::BTreeMap;
use std::fmt;

use reader::Reader;

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Known, and absent: counts as no in a condition, and as no text.
    Nothing,
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Several.
    List(Vec<Self>),
    /// Named parts.
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// Text as a value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Named parts as a value.
    #[must_use]
    pub fn map<const N: usize>(parts: [(&str, Self); N]) -> Self {
        Self::Map(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn holds(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Text(text) => !text.is_empty(),
            Self::Number(_) | Self::Map(_) => true,
            Self::List(items) => !items.is_empty(),
        }
    }
}

/// Why a text is no template, or does not fit what it may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Line, from 1.
    pub line: usize,
    /// Character in that line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right, if that is known.
    pub hint: Option<String>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TemplateError {}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    Variable(Path),
    If { condition: Path, yes: Vec<Self>, no: Vec<Self> },
    For { name: String, list: Path, body: Vec<Self> },
}

/// `issue.title`, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Path {
    parts: Vec<String>,
    at: (usize, usize),
}

type Scope = BTreeMap<String, Value>;

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first thing in it that is no template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { nodes: Reader::new(text).whole()? })
    }

    /// Whether every variable in it, in every branch, is in `sample`, whose lists hold one of each item.
    ///
    /// # Errors
    /// The first one that is not.
    pub fn check(&self, sample: &Scope) -> Result<(), TemplateError> {
        check(&self.nodes, &mut sample.clone())
    }

    /// The text with `values` filled in.
    ///
    /// # Errors
    /// The first variable that has no value.
    pub fn render(&self, values: &Scope) -> Result<String, TemplateError> {
        let mut out = String::new();
        render(&self.nodes, &mut values.clone(), &mut out)?;
        Ok(out)
    }

    /// The first parts of all variables in it, each once, sorted; names bound by a loop are not among them.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        let mut found = Vec::new();
        names(&self.nodes, &mut found);
        found.sort();
        found.dedup();
        found
    }
}

fn names(nodes: &[Node], found: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Variable(path) => found.extend(path.parts.first().cloned()),
            Node::If { condition, yes, no } => {
                found.extend(condition.parts.first().cloned());
                names(yes, found);
                names(no, found);
            }
            Node::For { name, list, body } => {
                found.extend(list.parts.first().cloned());
                let mut inside = Vec::new();
                names(body, &mut inside);
                found.extend(inside.into_iter().filter(|it| it != name));
            }
        }
    }
}

fn check(nodes: &[Node], scope: &mut Scope) -> Result<(), TemplateError> {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Variable(path) => drop(find(scope, path)?),
            Node::If { condition, yes, no } => {
                find(scope, condition)?;
                check(yes, scope)?;
                check(no, scope)?;
            }
            Node::For { name, list, body } => {
                let items = items(find(scope, list)?, list)?;
                let one = items.into_iter().next().unwrap_or(Value::Nothing);
                within(scope, name, one, |scope| check(body, scope))?;
            }
        }
    }
    Ok(())
}

fn render(nodes: &[Node], scope: &mut Scope, out: &mut String) -> Result<(), TemplateError> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Variable(path) => write(find(scope, path)?, out),
            Node::If { condition, yes, no } => {
                let branch = if find(scope, condition)?.holds() { yes } else { no };
                render(branch, scope, out)?;
            }
            Node::For { name, list, body } => {
                for item in items(find(scope, list)?, list)? {
                    within(scope, name, item, |scope| render(body, scope, out))?;
                }
            }
        }
    }
    Ok(())
}

/// Does something while `name` stands for `value`.
fn within<T>(
    scope: &mut Scope,
    name: &str,
    value: Value,
    inside: impl FnOnce(&mut Scope) -> T,
) -> T {
    let before = scope.insert(name.to_owned(), value);
    let done = inside(scope);
    match before {
        Some(before) => scope.insert(name.to_owned(), before),
        None => scope.remove(name),
    };
    done
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Nothing => {}
        Value::Text(text) => out.push_str(text),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(item, out);
            }
        }
        Value::Map(parts) => {
            for (index, (name, value)) in parts.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(name);
                out.push_str(": ");
                write(value, out);
            }
        }
    }
}

fn items(value: &Value, path: &Path) -> Result<Vec<Value>, TemplateError> {
    match value {
        Value::List(items) => Ok(items.clone()),
        Value::Nothing => Ok(Vec::new()),
        Value::Text(_) | Value::Number(_) | Value::Map(_) => {
            Err(path.wrong(format!("`{}` is no list", path.parts.join(".")), None))
        }
    }
}

fn find<'a>(scope: &'a Scope, path: &Path) -> Result<&'a Value, TemplateError> {
    let Some((first, rest)) = path.parts.split_first() else {
        return Err(path.wrong("no variable is named".to_owned(), None));
    };
    let mut value = scope.get(first).ok_or_else(|| path.unknown(first, scope.keys()))?;
    for part in rest {
        value = match value {
            Value::Map(parts) => parts.get(part).ok_or_else(|| path.unknown(part, parts.keys()))?,
            Value::Nothing | Value::Text(_) | Value::Number(_) | Value::List(_) => {
                return Err(path.unknown(part, std::iter::empty()));
            }
        };
    }
    Ok(value)
}

impl Path {
    fn wrong(&self, message: String, hint: Option<String>) -> TemplateError {
        TemplateError { line: self.at.0, column: self.at.1, message, hint }
    }

    fn unknown<'a>(&self, part: &str, known: impl Iterator<Item = &'a String>) -> TemplateError {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let hint = (!known.is_empty()).then(|| format!("there are {}", known.join(", ")));
        let whole = self.parts.join(".");
        let message = if whole == part {
            format!("unknown variable `{part}`")
        } else {
            format!("unknown variable `{whole}`: there is no `{part}`")
        };
        self.wrong(message, hint)
    }
}

#[cfg(test)]
mod tests;
