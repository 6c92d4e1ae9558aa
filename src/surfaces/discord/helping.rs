//! What is said to a line that is no command, and what the commands are.

use crate::locale::text;

use super::answers::Wording;
use super::catalogue::{CATALOGUE, Definition, Kind};
use super::message::{Answer, Tone};
use super::parse::{Mistake, nearest_command, parse};
use super::text::{clip, neutral_line};

/// Longest part of a line that is repeated.
const REPEATED: usize = 80;

impl Wording<'_> {
    /// What is answered to a line that is no command.
    #[must_use]
    pub fn mistake(&self, mistake: &Mistake) -> Answer {
        let prefix = ("prefix", self.prefix);
        let mut lines = Vec::new();
        let definition = match mistake {
            Mistake::Nothing => {
                lines.push(self.say("mistake-nothing", &[prefix]));
                None
            }
            Mistake::Unknown { word, nearest } => {
                let word = neutral_line(&clip(word, REPEATED));
                lines.push(self.say("mistake-unknown", &[("word", &word)]));
                lines.push(match nearest {
                    Some(meant) => self.say("mistake-nearest", &[prefix, ("meant", meant)]),
                    None => self.say("mistake-list", &[prefix]),
                });
                None
            }
            Mistake::Missing { definition, argument } => {
                lines.push(self.say("mistake-missing", &[("argument", argument)]));
                Some(definition)
            }
            Mistake::Wrong { definition, argument, text } => {
                let wanted = self.wanted(argument.kind);
                let given = neutral_line(&clip(text, REPEATED));
                let values = [("text", given.as_str()), ("argument", argument.name)];
                let values = [values[0], values[1], ("wanted", wanted.as_str())];
                lines.push(self.say("mistake-wrong", &values));
                Some(definition)
            }
            Mistake::TooMuch { definition, text, nearest } => {
                let given = neutral_line(&clip(text, REPEATED));
                lines.push(self.say("mistake-too-much", &[("text", &given)]));
                let meant = nearest.as_deref();
                lines.extend(
                    meant.map(|meant| self.say("mistake-nearest", &[prefix, ("meant", meant)])),
                );
                Some(definition)
            }
            Mistake::Unclosed { definition } => {
                lines.push(self.say("mistake-unclosed", &[]));
                Some(definition)
            }
        };
        lines.extend(definition.into_iter().flat_map(|definition| self.usage(definition)));
        self.answer(Tone::Bad, "mistake", lines.join("\n"))
    }

    fn wanted(&self, kind: Kind) -> String {
        match kind {
            Kind::Count(least, most) => {
                let (least, most) = (least.to_string(), most.to_string());
                self.say("wanted-count", &[("least", &least), ("most", &most)])
            }
            Kind::Cron => self.say("wanted-cron", &[]),
            Kind::Word | Kind::Text | Kind::Flag => self.say("wanted-word", &[]),
        }
    }

    fn usage(&self, definition: &Definition) -> Vec<String> {
        let prefix = ("prefix", self.prefix);
        let usage = definition.usage();
        let mut lines = vec![self.say("usage", &[prefix, ("usage", &usage)])];
        if !definition.example.is_empty() {
            let example = format!("{} {}", definition.words, definition.example);
            lines.push(self.say("example", &[prefix, ("example", &example)]));
        }
        lines
    }

    /// All commands, or one of them.
    #[must_use]
    pub fn help(&self, wanted: Option<&str>) -> Answer {
        let Some(wanted) = wanted else {
            let lines = CATALOGUE.iter().map(|definition| {
                let key = definition.help();
                let about = text(self.language, &key);
                format!("`{}{}` — {about}", self.prefix, definition.usage())
            });
            return self.answer(Tone::Plain, "help", lines.collect::<Vec<_>>().join("\n"));
        };
        let wanted = wanted.strip_prefix(self.prefix).unwrap_or(wanted);
        let named = |definition: &&Definition| {
            definition.spellings().any(|spelling| spelling.eq_ignore_ascii_case(wanted))
        };
        let found = CATALOGUE.iter().find(named).or_else(|| match parse(wanted) {
            Ok(invocation) => Some(invocation.definition),
            Err(Mistake::Missing { definition, .. }) => Some(definition),
            Err(_) => None,
        });
        let Some(definition) = found else {
            let nearest = nearest_command(wanted);
            return self.mistake(&Mistake::Unknown { word: wanted.to_owned(), nearest });
        };
        let mut lines = vec![text(self.language, &definition.help()).to_owned()];
        lines.extend(self.usage(definition));
        lines.extend(definition.arguments.iter().map(|argument| {
            let about = self.say(&format!("arg-{}", argument.name), &[]);
            format!("`{}` — {about}", argument.name)
        }));
        if !definition.also.is_empty() {
            let also = definition.also.iter().map(|words| format!("`{}{words}`", self.prefix));
            let spellings = also.collect::<Vec<_>>().join(", ");
            lines.push(self.say("also", &[("spellings", &spellings)]));
        }
        lines.push(self.say("slash-name", &[("name", definition.slash)]));
        lines.push(self.say("takes-level", &[("level", definition.level.word())]));
        self.answer(Tone::Plain, "help", lines.join("\n"))
    }
}
