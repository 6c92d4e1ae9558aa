//! The one parser: a line that somebody typed, or that a slash command or a button was turned into, becomes an
//! invocation, or a mistake that says what would be right.

use std::collections::BTreeMap;

use super::catalogue::{Argument, CATALOGUE, Definition, Kind};

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Which.
    pub definition: &'static Definition,
    /// What was given, by name. A flag that is set is empty text.
    pub values: BTreeMap<&'static str, String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// Nothing stands after the prefix.
    Nothing,
    /// There is no such command.
    Unknown {
        /// What was typed.
        word: String,
        /// What comes nearest.
        nearest: Option<&'static str>,
    },
    /// An argument is missing.
    Missing {
        /// The command.
        definition: &'static Definition,
        /// The argument.
        argument: &'static str,
    },
    /// An argument is not what it must be.
    Wrong {
        /// The command.
        definition: &'static Definition,
        /// The argument.
        argument: &'static Argument,
        /// What was typed.
        text: String,
    },
    /// There is more than the command takes.
    TooMuch {
        /// The command.
        definition: &'static Definition,
        /// What is too much.
        text: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A quotation mark is missing.
    Unclosed {
        /// The command.
        definition: &'static Definition,
    },
}

impl Invocation {
    /// What was given for an argument.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A number that was given for an argument.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }

    /// The line that is parsed to this again.
    #[must_use]
    pub fn line(&self) -> String {
        line(self.definition, |name| self.get(name))
    }
}

/// A line for a command with arguments that come from elsewhere; it is yet to be parsed.
pub(super) fn line<'a>(
    definition: &Definition,
    given: impl Fn(&'static str) -> Option<&'a str>,
) -> String {
    let mut line = definition.words.to_owned();
    for argument in definition.arguments {
        let Some(value) = given(argument.name) else { continue };
        line.push(' ');
        match argument.kind {
            Kind::Flag => {
                line.push_str("--");
                line.push_str(argument.name);
            }
            Kind::Word | Kind::Count(..) if is_plain(value) => line.push_str(value),
            Kind::Word | Kind::Count(..) | Kind::Text | Kind::Cron => line.push_str(&quoted(value)),
        }
    }
    line
}

fn is_plain(text: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./#:@".contains(letter);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        if letter == '\\' || is_quote(letter) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

/// A word of a line, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    start: usize,
    quoted: bool,
}

/// Takes a line apart at blanks outside of quotation marks. A backslash inside of them takes the next quotation mark or
/// backslash as it is. The second part says whether a quotation mark is missing.
fn tokens(line: &str) -> (Vec<Token>, bool) {
    let mut found = Vec::new();
    let mut letters = line.char_indices().peekable();
    loop {
        while letters.next_if(|(_, letter)| letter.is_whitespace()).is_some() {}
        let Some((start, first)) = letters.peek().copied() else { return (found, false) };
        let mut text = String::new();
        if !is_quote(first) {
            while let Some((_, letter)) = letters.next_if(|(_, letter)| !letter.is_whitespace()) {
                text.push(letter);
            }
            found.push(Token { text, start, quoted: false });
            continue;
        }
        letters.next();
        let mut closed = false;
        while let Some((_, letter)) = letters.next() {
            if is_quote(letter) {
                closed = true;
                break;
            }
            let escaped = (letter == '\\')
                .then(|| letters.next_if(|(_, next)| is_quote(*next) || *next == '\\'))
                .flatten();
            text.push(escaped.map_or(letter, |(_, next)| next));
        }
        found.push(Token { text, start, quoted: true });
        if !closed {
            return (found, true);
        }
    }
}

/// Telephones write other quotation marks than keyboards.
fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '„')
}

/// Words are the same whatever their case and hyphens.
fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "")
}

/// What `line` (without its prefix) asks for.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &str) -> Result<Invocation, Mistake> {
    let (tokens, unclosed) = tokens(line);
    let Some(first) = tokens.first() else { return Err(Mistake::Nothing) };
    let plain = tokens.iter().take_while(|token| !token.quoted);
    let words: Vec<String> = plain.take(2).map(|token| folded(&token.text)).collect();
    let matching = CATALOGUE
        .iter()
        .flat_map(|definition| definition.spellings().map(move |spelling| (definition, spelling)));
    let longest = matching
        .filter(|(_, spelling)| {
            let wanted: Vec<String> = spelling.split(' ').map(folded).collect();
            words.starts_with(&wanted)
        })
        .max_by_key(|(_, spelling)| spelling.split(' ').count());
    let Some((definition, spelling)) = longest else {
        let nearest = nearest_command(&first.text);
        return Err(Mistake::Unknown { word: first.text.clone(), nearest });
    };
    if unclosed {
        return Err(Mistake::Unclosed { definition });
    }
    let rest = tokens.into_iter().skip(spelling.split(' ').count()).collect();
    arguments(definition, rest, line)
}

fn arguments(
    definition: &'static Definition,
    mut rest: Vec<Token>,
    line: &str,
) -> Result<Invocation, Mistake> {
    let mut values = BTreeMap::new();
    for argument in definition.arguments.iter().filter(|argument| argument.kind == Kind::Flag) {
        let flag = |token: &Token| !token.quoted && token.text == format!("--{}", argument.name);
        if let Some(at) = rest.iter().position(flag) {
            rest.remove(at);
            values.insert(argument.name, String::new());
        }
    }
    let mut rest = rest.into_iter().peekable();
    for argument in definition.arguments.iter().filter(|argument| argument.kind != Kind::Flag) {
        let Some(token) = rest.next() else {
            if argument.required {
                return Err(Mistake::Missing { definition, argument: argument.name });
            }
            continue;
        };
        let value = match argument.kind {
            Kind::Text if token.quoted && rest.peek().is_none() => token.text,
            Kind::Text => {
                rest.by_ref().for_each(drop);
                line[token.start..].trim_end().to_owned()
            }
            Kind::Cron if !token.quoted => {
                let fields = std::iter::once(token).chain(rest.by_ref());
                fields.map(|field| field.text).collect::<Vec<_>>().join(" ")
            }
            Kind::Cron | Kind::Word | Kind::Count(..) | Kind::Flag => token.text,
        };
        check(definition, argument, &value)?;
        values.insert(argument.name, value);
    }
    match rest.next() {
        None => Ok(Invocation { definition, values }),
        Some(token) => {
            let nearest = nearest_continuation(definition, &token.text);
            Err(Mistake::TooMuch { definition, text: token.text, nearest })
        }
    }
}

fn check(
    definition: &'static Definition,
    argument: &'static Argument,
    value: &str,
) -> Result<(), Mistake> {
    let right = match argument.kind {
        Kind::Word => !value.trim().is_empty() && !value.starts_with("--"),
        Kind::Text => !value.trim().is_empty(),
        Kind::Count(least, most) => {
            value.parse::<u32>().is_ok_and(|count| (least..=most).contains(&count))
        }
        Kind::Cron => is_cron(value),
        Kind::Flag => true,
    };
    if right {
        Ok(())
    } else {
        Err(Mistake::Wrong { definition, argument, text: value.to_owned() })
    }
}

fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let field = |field: &&str| {
        field.chars().all(|letter| letter.is_ascii_alphanumeric() || "*/,-?#".contains(letter))
    };
    (5..=7).contains(&fields.len()) && fields.iter().all(field)
}

/// The command that `word` comes nearest to, if it comes near to any.
#[must_use]
pub fn nearest_command(word: &str) -> Option<&'static str> {
    let word = folded(word);
    let spellings = CATALOGUE.iter().flat_map(Definition::spellings);
    let near = spellings.map(|spelling| (closeness(&folded(spelling), &word), spelling));
    near.filter(|(close, _)| *close > 0.74)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, spelling)| spelling)
}

/// What may have been meant by a word too much: a longer command, or a flag.
fn nearest_continuation(definition: &Definition, word: &str) -> Option<String> {
    let longer = CATALOGUE.iter().flat_map(Definition::spellings).filter_map(|spelling| {
        let last = spelling.strip_prefix(definition.words)?.strip_prefix(' ')?;
        Some((closeness(last, &word.to_lowercase()), spelling.to_owned()))
    });
    let flags = definition.arguments.iter().filter(|argument| argument.kind == Kind::Flag);
    let flags = flags.map(|argument| {
        let flag = format!("--{}", argument.name);
        (closeness(&flag, word), flag)
    });
    let near = longer.chain(flags).filter(|(close, _)| *close > 0.6);
    near.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, meant)| meant)
}

/// How alike two words are, from 0 to 1.
fn closeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(one, other)
}

#[cfg(test)]
mod tests;
