//! What Discord is told of slash commands, and the line that one of them stands for: the parser gets the same whichever
//! way a command comes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::language::Language;
use crate::locale::text;

use super::catalogue::{Argument, CATALOGUE, Definition, Kind, Suggest};
use super::parse::line;

const SUBCOMMAND: u8 = 1;
const STRING: u8 = 3;
const INTEGER: u8 = 4;
const BOOLEAN: u8 = 5;

/// Every slash command as Discord is told of them.
#[must_use]
pub fn commands() -> Value {
    let mut commands: Vec<Value> = Vec::new();
    for definition in CATALOGUE {
        let (name, sub) = names(definition);
        let Some(sub) = sub else {
            commands.push(described(definition, name, None));
            continue;
        };
        let found = commands.iter_mut().find(|command| command["name"] == name);
        let part = described(definition, sub, Some(SUBCOMMAND));
        match found.and_then(|command| command["options"].as_array_mut()) {
            Some(options) => options.push(part),
            None => commands.push(json!({
                "name": name,
                "type": 1,
                "description": name,
                "contexts": [0, 1],
                "options": [part],
            })),
        }
    }
    Value::Array(commands)
}

fn names(definition: &Definition) -> (&'static str, Option<&'static str>) {
    match definition.slash.split_once(' ') {
        Some((name, sub)) => (name, Some(sub)),
        None => (definition.slash, None),
    }
}

fn described(definition: &Definition, name: &str, kind: Option<u8>) -> Value {
    let key = definition.help();
    json!({
        "name": name,
        "type": kind.unwrap_or(1),
        "description": text(Language::En, &key),
        "description_localizations": { "ko": text(Language::Ko, &key) },
        "options": definition.arguments.iter().map(option).collect::<Vec<_>>(),
    })
}

fn option(argument: &Argument) -> Value {
    let key = format!("discord.arg-{}", argument.name);
    let mut option = json!({
        "name": argument.name,
        "description": text(Language::En, &key),
        "description_localizations": { "ko": text(Language::Ko, &key) },
        "required": argument.required,
        "type": match argument.kind {
            Kind::Count(..) => INTEGER,
            Kind::Flag => BOOLEAN,
            Kind::Word | Kind::Text | Kind::Cron => STRING,
        },
    });
    if let Kind::Count(least, most) = argument.kind {
        option["min_value"] = json!(least);
        option["max_value"] = json!(most);
    } else if argument.suggest != Suggest::Nothing {
        option["autocomplete"] = json!(true);
    }
    option
}

/// The definition that a slash command and its subcommand stand for.
#[must_use]
pub fn definition(name: &str, sub: Option<&str>) -> Option<&'static Definition> {
    CATALOGUE.iter().find(|definition| names(definition) == (name, sub))
}

/// The line that a slash command with these options stands for.
#[must_use]
pub fn typed(definition: &'static Definition, options: &BTreeMap<String, String>) -> String {
    line(definition, |name| {
        let given = options.get(name)?;
        let unset = definition.arguments.iter().any(|argument| {
            argument.name == name && argument.kind == Kind::Flag && given != "true"
        });
        (!unset).then_some(given.as_str())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::parse::parse;
    use super::*;

    #[test]
    fn what_discord_is_told_is_what_it_takes() {
        let commands = commands();
        let commands = commands.as_array().unwrap();
        assert!(commands.len() <= 100, "Discord takes a hundred");
        let named = |value: &Value| {
            let name = value["name"].as_str().unwrap().to_owned();
            let allowed = |letter: char| letter.is_ascii_lowercase() || "-_".contains(letter);
            assert!((1..=32).contains(&name.len()) && name.chars().all(allowed), "{name}");
            let description = value["description"].as_str().unwrap();
            assert!((1..=100).contains(&description.chars().count()), "{name}: {description}");
            name
        };
        let mut seen = BTreeSet::new();
        for command in commands {
            assert!(seen.insert(named(command)), "{command}");
            let options = command["options"].as_array().unwrap();
            assert!(options.len() <= 25);
            for option in options {
                named(option);
                for inner in option["options"].as_array().into_iter().flatten() {
                    named(inner);
                }
            }
            let required = |option: &&Value| option["required"] == json!(true);
            let first = options.iter().take_while(required).count();
            assert_eq!(first, options.iter().filter(required).count(), "required ones come first");
        }
    }

    #[test]
    fn every_text_of_the_catalogue_is_there_in_every_language() {
        for definition in CATALOGUE {
            let arguments = definition.arguments.iter();
            let arguments = arguments.map(|argument| format!("discord.arg-{}", argument.name));
            for key in arguments.chain([definition.help()]) {
                for language in Language::ALL {
                    assert_ne!(text(language, &key), key, "{}", language.word());
                    assert!(text(language, &key).chars().count() <= 100, "{key}");
                }
            }
        }
    }

    #[test]
    fn a_slash_command_is_parsed_as_if_it_had_been_typed() {
        for wanted in CATALOGUE {
            let (name, sub) = names(wanted);
            let found = definition(name, sub).unwrap();
            assert_eq!(found.action, wanted.action);
            let value = |argument: &Argument| match argument.kind {
                Kind::Count(least, _) => least.to_string(),
                Kind::Cron => "*/30 * * * *".to_owned(),
                Kind::Flag => "true".to_owned(),
                Kind::Word => "my shop".to_owned(),
                Kind::Text => "say \"it\"\nin two lines".to_owned(),
            };
            let options = wanted.arguments.iter().map(|it| (it.name.to_owned(), value(it)));
            let options: BTreeMap<String, String> = options.collect();
            let invocation = parse(&typed(found, &options)).unwrap();
            assert_eq!(invocation.definition.action, wanted.action);
            for argument in wanted.arguments {
                let expected =
                    if argument.kind == Kind::Flag { "" } else { &options[argument.name] };
                assert_eq!(invocation.get(argument.name), Some(expected), "{}", wanted.words);
            }
        }
        let off = BTreeMap::from([("pair".to_owned(), "false".to_owned())]);
        let start = definition("auto", Some("start")).unwrap();
        assert_eq!(typed(start, &off), "auto start");
    }
}
