//! YAML as a tree in which everything has its place. Anchors and aliases are refused: a small file must stay small.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::Mistake;

/// Maps and lists inside each other that are read.
const DEEPEST: usize = 16;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Line of the file, from 1.
    pub(super) line: usize,
    /// Character in that line, from 1.
    pub(super) column: usize,
    /// Whether it is text over several lines, which begin on the next one.
    pub(super) block: bool,
    pub(super) content: Content,
}

/// What a value is. Numbers and truths are text here: whoever wants one reads it.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Its text; empty when it is none.
    pub(super) fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::Nothing | Content::List(_) | Content::Map(_) => "",
        }
    }
}

/// Lines before the YAML: the one with `---`.
const BEFORE: usize = 1;

type Events<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Result<Node, Vec<Mistake>> {
    let mut events = Parser::new_from_str(text);
    let mut found = None;
    while let Some((event, span)) = next(&mut events)? {
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
            other if found.is_none() => found = Some(node(other, span, &mut events, 0)?),
            _ => return Err(wrong(span, "there is more than one document".to_owned())),
        }
    }
    let empty = Node { line: 1, column: 1, block: false, content: Content::Nothing };
    Ok(found.unwrap_or(empty))
}

fn next<'a>(events: &mut Events<'a>) -> Result<Option<(Event<'a>, Span)>, Vec<Mistake>> {
    match events.next() {
        None => Ok(None),
        Some(Ok(found)) => Ok(Some(found)),
        Some(Err(error)) => {
            let (line, column) = (error.marker().line() + BEFORE, error.marker().col() + 1);
            let message = format!("this is no YAML: {}", error.info());
            Err(vec![Mistake { line, column, message, hint: None }])
        }
    }
}

fn node(
    event: Event<'_>,
    span: Span,
    events: &mut Events<'_>,
    depth: usize,
) -> Result<Node, Vec<Mistake>> {
    if depth > DEEPEST {
        return Err(wrong(span, "this is nested too deep".to_owned()));
    }
    let mut block = false;
    let content = match event {
        Event::Scalar(text, style, 0, _) => {
            block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            let plain = style == ScalarStyle::Plain;
            match text.as_ref() {
                "" | "~" | "null" if plain => Content::Nothing,
                text => Content::Text(text.to_owned()),
            }
        }
        Event::SequenceStart(0, _) => Content::List(list(events, depth)?),
        Event::MappingStart(0, _) => Content::Map(map(events, depth)?),
        Event::Alias(_)
        | Event::Scalar(..)
        | Event::SequenceStart(..)
        | Event::MappingStart(..) => {
            return Err(wrong(span, "anchors and aliases are not understood".to_owned()));
        }
        Event::Nothing
        | Event::StreamStart
        | Event::StreamEnd
        | Event::DocumentStart(_)
        | Event::DocumentEnd
        | Event::SequenceEnd
        | Event::MappingEnd => return Err(wrong(span, "something is missing here".to_owned())),
    };
    let (line, column) = place(span);
    Ok(Node { line, column, block, content })
}

fn list(events: &mut Events<'_>, depth: usize) -> Result<Vec<Node>, Vec<Mistake>> {
    let mut items = Vec::new();
    while let Some((event, span)) = next(events)? {
        if event == Event::SequenceEnd {
            break;
        }
        items.push(node(event, span, events, depth + 1)?);
    }
    Ok(items)
}

fn map(events: &mut Events<'_>, depth: usize) -> Result<Vec<(Node, Node)>, Vec<Mistake>> {
    let mut entries: Vec<(Node, Node)> = Vec::new();
    while let Some((event, span)) = next(events)? {
        if event == Event::MappingEnd {
            break;
        }
        let key = node(event, span, events, depth + 1)?;
        if entries.iter().any(|(other, _)| other.text() == key.text()) {
            return Err(wrong(span, format!("`{}` is given twice", key.text())));
        }
        let Some((event, span)) = next(events)? else { break };
        let value = node(event, span, events, depth + 1)?;
        entries.push((key, value));
    }
    Ok(entries)
}

fn place(span: Span) -> (usize, usize) {
    (span.start.line() + BEFORE, span.start.col() + 1)
}

fn wrong(span: Span, message: String) -> Vec<Mistake> {
    let (line, column) = place(span);
    vec![Mistake { line, column, message, hint: None }]
}
