//! From text to the nodes of a template.

use super::{Node, Path, TemplateError};

/// Blocks inside blocks that are read at all.
const DEEPEST: usize = 16;

/// Reads one template from front to back.
pub(super) struct Reader<'a> {
    text: &'a str,
    offset: usize,
}

/// The word of a tag that ended a block, and where it stands.
type End = Option<(String, usize)>;

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// All nodes of the text.
    pub(super) fn whole(mut self) -> Result<Vec<Node>, TemplateError> {
        match self.block(0)? {
            (nodes, None) => Ok(nodes),
            (_, Some((word, at))) => Err(self.wrong(at, format!("`{word}` without a beginning"))),
        }
    }

    /// Reads until the text ends or a tag that begins nothing.
    fn block(&mut self, depth: usize) -> Result<(Vec<Node>, End), TemplateError> {
        if depth > DEEPEST {
            return Err(
                self.wrong(self.offset, format!("more than {DEEPEST} blocks inside each other"))
            );
        }
        let mut nodes = Vec::new();
        loop {
            let rest = &self.text[self.offset..];
            let opening = ["{{", "{%"].iter().filter_map(|it| rest.find(it)).min();
            let Some(opening) = opening else {
                nodes.push(Node::Text(rest.to_owned()));
                self.offset = self.text.len();
                return Ok((nodes, None));
            };
            nodes.push(Node::Text(rest[..opening].to_owned()));
            let at = self.offset + opening;
            self.offset = at;
            if rest[opening..].starts_with("{{") {
                let inside = self.inside("}}")?;
                nodes.push(Node::Variable(self.path(&inside, at)?));
                continue;
            }
            let inside = self.inside("%}")?;
            let words: Vec<&str> = inside.split_whitespace().collect();
            match words.as_slice() {
                ["if", condition] => nodes.push(self.branches(condition, at, depth)?),
                ["for", name, "in", list] => nodes.push(self.repeated(name, list, at, depth)?),
                [end @ ("else" | "endif" | "endfor")] => {
                    return Ok((nodes, Some(((*end).to_owned(), at))));
                }
                _ => {
                    let mut error = self.wrong(at, format!("`{{%{inside}%}}` is not understood"));
                    error.hint = Some("there are if, else, endif, for … in …, endfor".to_owned());
                    return Err(error);
                }
            }
        }
    }

    fn branches(
        &mut self,
        condition: &str,
        at: usize,
        depth: usize,
    ) -> Result<Node, TemplateError> {
        let condition = self.path(condition, at)?;
        let (yes, end) = self.block(depth + 1)?;
        let (no, end) = match end.as_ref().map(|(word, _)| word.as_str()) {
            Some("else") => self.block(depth + 1)?,
            _ => (Vec::new(), end),
        };
        self.closed(end, "endif", at)?;
        Ok(Node::If { condition, yes, no })
    }

    fn repeated(
        &mut self,
        name: &str,
        list: &str,
        at: usize,
        depth: usize,
    ) -> Result<Node, TemplateError> {
        let list = self.path(list, at)?;
        let (body, end) = self.block(depth + 1)?;
        self.closed(end, "endfor", at)?;
        Ok(Node::For { name: name.to_owned(), list, body })
    }

    fn closed(&self, end: End, wanted: &str, at: usize) -> Result<(), TemplateError> {
        match end {
            Some((word, _)) if word == wanted => Ok(()),
            Some((word, place)) => {
                Err(self.wrong(place, format!("`{word}` where `{wanted}` should be")))
            }
            None => Err(self.wrong(at, format!("there is no `{wanted}` to this"))),
        }
    }

    /// What stands between here and `closing`, and goes on behind it.
    fn inside(&mut self, closing: &str) -> Result<String, TemplateError> {
        let rest = &self.text[self.offset + 2..];
        let Some(end) = rest.find(closing) else {
            return Err(self.wrong(self.offset, format!("there is no `{closing}` to this")));
        };
        let inside = rest[..end].to_owned();
        self.offset += 2 + end + closing.len();
        // `{%- … -%}` only asks for less white space.
        let inside = inside.strip_prefix('-').unwrap_or(&inside);
        Ok(inside.strip_suffix('-').unwrap_or(inside).to_owned())
    }

    fn path(&self, written: &str, at: usize) -> Result<Path, TemplateError> {
        let written = written.trim();
        if written.contains('|') {
            return Err(self.wrong(at, format!("unknown filter in `{written}`: there are none")));
        }
        let parts: Vec<String> = written.split('.').map(str::to_owned).collect();
        let is_name = |part: &String| {
            !part.is_empty()
                && part.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-')
        };
        if !parts.iter().all(is_name) {
            return Err(self.wrong(at, format!("`{written}` is no name of a variable")));
        }
        Ok(Path { parts, at: self.position(at) })
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    fn wrong(&self, offset: usize, message: String) -> TemplateError {
        let (line, column) = self.position(offset);
        TemplateError { line, column, message, hint: None }
    }
}
