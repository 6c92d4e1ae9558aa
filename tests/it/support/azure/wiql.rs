//! The query language, as far as it is understood: one `SELECT [System.Id] FROM WorkItems WHERE … ORDER BY [System.Id]`.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::{FACTORY, PROJECT};

/// What a query is asked about.
pub struct World<'a> {
    /// Whether dates are compared with their time.
    pub time_precision: bool,
    /// Whether a team is named, so that `@CurrentIteration` means something.
    pub has_team: bool,
    /// The moment of the question.
    pub now: DateTime<Utc>,
    /// The iteration of the team.
    pub iteration: &'a str,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Field(String),
    Text(String),
    Number(i64),
    Word(String),
    Sign(String),
}

#[derive(Debug)]
enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare { field: String, operator: String, values: Vec<Operand> },
}

#[derive(Debug, Clone)]
enum Operand {
    Text(String),
    Number(i64),
    Moment(DateTime<Utc>),
}

/// A query that was understood.
pub struct Query {
    condition: Condition,
}

impl Query {
    /// Understands `text`, or says what it does not.
    pub fn read(text: &str, world: &World<'_>) -> Result<Self, String> {
        if text.len() > 32_000 {
            return Err("VS402338: the query text is too long".to_owned());
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens, at: 0, world };
        parser.word("select")?;
        parser.field("System.Id")?;
        parser.word("from")?;
        parser.word("workitems")?;
        parser.word("where")?;
        let condition = parser.any()?;
        parser.word("order")?;
        parser.word("by")?;
        parser.field("System.Id")?;
        match parser.tokens.get(parser.at) {
            None => Ok(Self { condition }),
            Some(token) => Err(format!("TF51006: cannot understand {token:?}")),
        }
    }

    /// Whether an item with these fields is meant.
    pub fn matches(&self, fields: &serde_json::Map<String, Value>) -> bool {
        matches(&self.condition, fields)
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    world: &'a World<'a>,
}

impl Parser<'_> {
    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| "TF51006: the query ends too early".to_owned())
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word)
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if found == sign)
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        match self.next()? {
            Token::Word(found) if found == word => Ok(()),
            found => Err(format!("TF51006: expected {word}, found {found:?}")),
        }
    }

    fn field(&mut self, name: &str) -> Result<(), String> {
        match self.next()? {
            Token::Field(found) if found.eq_ignore_ascii_case(name) => Ok(()),
            found => Err(format!("TF51006: expected [{name}], found {found:?}")),
        }
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut of = vec![self.all()?];
        while self.is_word("or") {
            self.at += 1;
            of.push(self.all()?);
        }
        Ok(Condition::Any(of))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut of = vec![self.one()?];
        while self.is_word("and") {
            self.at += 1;
            of.push(self.one()?);
        }
        Ok(Condition::All(of))
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.is_sign("(") {
            self.at += 1;
            let inner = self.any()?;
            return match self.next()? {
                Token::Sign(sign) if sign == ")" => Ok(inner),
                found => Err(format!("TF51006: expected ), found {found:?}")),
            };
        }
        let Token::Field(field) = self.next()? else {
            return Err("TF51005: the query references a field that does not exist".to_owned());
        };
        let mut operator = match self.next()? {
            Token::Sign(sign) => sign,
            Token::Word(word) => word,
            found => return Err(format!("TF51006: {found:?} is no operator")),
        };
        if operator == "not" {
            self.word("in")?;
            operator = "not in".to_owned();
        }
        let known = ["=", "<>", "<", ">", "<=", ">=", "under", "contains", "in", "not in"];
        if !known.contains(&operator.as_str()) {
            return Err(format!("TF51006: {operator} is no operator"));
        }
        let values = if operator.ends_with("in") && operator != "contains" {
            self.list(&field)?
        } else {
            vec![self.value(&field)?]
        };
        Ok(Condition::Compare { field, operator, values })
    }

    fn list(&mut self, field: &str) -> Result<Vec<Operand>, String> {
        let mut values = Vec::new();
        if !self.is_sign("(") {
            return Err("TF51006: expected a list".to_owned());
        }
        self.at += 1;
        loop {
            values.push(self.value(field)?);
            match self.next()? {
                Token::Sign(sign) if sign == "," => {}
                Token::Sign(sign) if sign == ")" => return Ok(values),
                found => return Err(format!("TF51006: expected , or ), found {found:?}")),
            }
        }
    }

    fn value(&mut self, field: &str) -> Result<Operand, String> {
        let is_date = field.to_lowercase().ends_with("date");
        match self.next()? {
            Token::Text(text) if is_date => self.date(&text),
            Token::Text(text) => Ok(Operand::Text(text)),
            Token::Number(number) => Ok(Operand::Number(number)),
            Token::Word(word) if word == "@project" => Ok(Operand::Text(PROJECT.to_owned())),
            Token::Word(word) if word == "@me" => Ok(Operand::Text(FACTORY.to_owned())),
            Token::Word(word) if word == "@currentiteration" => match self.world.has_team {
                true => Ok(Operand::Text(self.world.iteration.to_owned())),
                false => Err("VS402612: the macro @CurrentIteration needs a team".to_owned()),
            },
            Token::Word(word) if word == "@today" => {
                let mut day = self.world.now.date_naive();
                if self.is_sign("-") {
                    self.at += 1;
                    let Token::Number(days) = self.next()? else {
                        return Err("TF51006: expected a number of days".to_owned());
                    };
                    day -= chrono::Duration::days(days);
                }
                Ok(Operand::Moment(midnight(day)))
            }
            found => Err(format!("TF51006: {found:?} is no value")),
        }
    }

    fn date(&self, text: &str) -> Result<Operand, String> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Operand::Moment(midnight(day)));
        }
        let moment = DateTime::parse_from_rfc3339(text);
        let moment = moment.map_err(|_| format!("TF51013: {text} is no date"))?;
        if !self.world.time_precision {
            return Err("TF51589: you cannot supply a time with the date".to_owned());
        }
        Ok(Operand::Moment(moment.with_timezone(&Utc)))
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '[' => {
                let end = rest.find(']').ok_or("TF51006: a bracket is open")?;
                tokens.push(Token::Field(rest[1..end].to_owned()));
                end + 1
            }
            '\'' => {
                let (value, length) = string(rest)?;
                tokens.push(Token::Text(value));
                length
            }
            '0'..='9' => {
                let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
                tokens.push(Token::Number(rest[..end].parse().map_err(|_| "TF51006: a number")?));
                end
            }
            'a'..='z' | 'A'..='Z' | '@' => {
                let tail = &rest[1..];
                let end = tail
                    .find(|it: char| !it.is_ascii_alphanumeric())
                    .map_or(rest.len(), |at| at + 1);
                tokens.push(Token::Word(rest[..end].to_lowercase()));
                end
            }
            '(' | ')' | ',' | '-' | '=' => {
                tokens.push(Token::Sign(first.to_string()));
                1
            }
            '<' | '>' => {
                let two = rest.get(..2).filter(|it| ["<>", "<=", ">="].contains(it));
                let sign = two.unwrap_or(&rest[..1]);
                tokens.push(Token::Sign(sign.to_owned()));
                sign.len()
            }
            other => return Err(format!("TF51006: cannot understand {other:?}")),
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn string(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            value.push(letter);
        } else if letters.peek().is_some_and(|(_, next)| *next == '\'') {
            value.push('\'');
            letters.next();
        } else {
            return Ok((value, at + 1));
        }
    }
    Err("TF51006: a string is open".to_owned())
}

fn matches(condition: &Condition, fields: &serde_json::Map<String, Value>) -> bool {
    match condition {
        Condition::All(of) => of.iter().all(|one| matches(one, fields)),
        Condition::Any(of) => of.iter().any(|one| matches(one, fields)),
        Condition::Compare { field, operator, values } => {
            let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
            compare(found.map(|(_, value)| value), operator, values)
        }
    }
}

fn compare(value: Option<&Value>, operator: &str, values: &[Operand]) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let orders = || values.iter().map(|operand| order(value, operand));
    match operator {
        "=" | "in" => orders().any(|it| it == Some(Equal)),
        "<>" | "not in" => orders().all(|it| it != Some(Equal)),
        "<" => orders().all(|it| it == Some(Less)),
        ">" => orders().all(|it| it == Some(Greater)),
        "<=" => orders().all(|it| matches!(it, Some(Less | Equal))),
        ">=" => orders().all(|it| matches!(it, Some(Greater | Equal))),
        "under" => under(value, values),
        // On tags, `contains` looks for one whole tag.
        _ => match (value.and_then(Value::as_str), values) {
            (Some(tags), [Operand::Text(tag)]) => {
                tags.split(';').any(|known| known.trim().eq_ignore_ascii_case(tag))
            }
            _ => false,
        },
    }
}

fn under(value: Option<&Value>, values: &[Operand]) -> bool {
    let (Some(path), [Operand::Text(above)]) = (value.and_then(Value::as_str), values) else {
        return false;
    };
    let (path, above) = (path.to_lowercase(), above.to_lowercase());
    path.strip_prefix(&above).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

fn order(value: Option<&Value>, operand: &Operand) -> Option<std::cmp::Ordering> {
    let value = value?;
    match operand {
        Operand::Number(number) => Some(value.as_i64()?.cmp(number)),
        Operand::Moment(moment) => {
            let at = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
            Some(at.with_timezone(&Utc).cmp(moment))
        }
        Operand::Text(text) => {
            let own = value.as_str().or_else(|| value.get("uniqueName")?.as_str())?;
            Some(own.to_lowercase().cmp(&text.to_lowercase()))
        }
    }
}
