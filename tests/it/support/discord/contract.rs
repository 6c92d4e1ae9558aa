//! Discord's own description of its interface as a judge: what a client of ours sent, and what the service here answered.

use std::collections::HashMap;

use jsonschema::{Registry, Resource, Validator};
use serde_json::{Value, json};

use super::Discord;
use super::world::Asked;
use crate::support::judges::contract_file;

/// The file among the contracts.
const FILE: &str = "discord-openapi.json";
/// What the document is called where it refers to itself.
const NAME: &str = "urn:discord";

/// One side's view of the document.
struct View {
    registry: Registry,
    compiled: HashMap<String, Validator>,
}

impl View {
    fn new(document: &Value) -> Self {
        let resource = Resource::from_contents(document.clone()).expect("a resource");
        let registry = Registry::try_new(NAME, resource).expect("a registry");
        Self { registry, compiled: HashMap::new() }
    }

    /// What is wrong with a body, by the schema at this place of the document.
    fn mistakes(&mut self, place: &str, body: &Value) -> Vec<String> {
        let validator = self.compiled.entry(place.to_owned()).or_insert_with(|| {
            let place = place.replace('{', "%7B").replace('}', "%7D");
            jsonschema::options()
                .with_registry(self.registry.clone())
                .build(&json!({ "$ref": format!("{NAME}#{place}") }))
                .unwrap_or_else(|error| panic!("{place}: {error}"))
        });
        let errors = validator.iter_errors(body);
        errors.map(|error| format!("at {}: {error}", error.instance_path)).collect()
    }
}

impl Discord {
    /// Everything that was asked and answered so far is as Discord describes it; said and skipped where the description
    /// is not there.
    pub fn is_as_described(&self) {
        if let Some(mut contract) = Contract::find() {
            let (wrong, _) = contract.judge(&self.journal());
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }
}

/// The judge.
pub struct Contract {
    document: Value,
    requests: View,
    replies: View,
}

impl Contract {
    /// `None` after saying that the test is skipped.
    pub fn find() -> Option<Self> {
        let text = std::fs::read_to_string(contract_file(FILE)?).expect("a contract");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let mut lenient = document.clone();
        // The rules of the description: a client may write an id as a number.
        lenient["components"]["schemas"]["SnowflakeType"] = json!({ "anyOf": [
            { "type": "string", "pattern": "^(0|[1-9][0-9]*)$" },
            { "type": "integer", "minimum": 0 },
        ]});
        let mut strict = document.clone();
        // Refusals because of a rate have no code in life, though the description asks for one.
        strict["components"]["schemas"]["RatelimitedResponse"]["allOf"][0] =
            json!({ "type": "object", "required": ["message"] });
        // What is wrong with a field is named by a word, in life and in Discord's guide; the description has a number.
        strict["components"]["schemas"]["InnerErrors"]["properties"]["_errors"]["items"] = json!({
            "type": "object",
            "required": ["code", "message"],
            "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
        });
        Some(Self { document, requests: View::new(&lenient), replies: View::new(&strict) })
    }

    /// Everything that is against the description, and how many bodies were looked at.
    pub fn judge(&mut self, journal: &[Asked]) -> (Vec<String>, usize) {
        let mut looked_at = 0;
        let mut wrong = Vec::new();
        for asked in journal.iter().filter(|asked| asked.status != 0) {
            let what = format!("{} {} ({})", asked.method, asked.path, asked.status);
            let Some(place) = self.place(asked) else {
                if asked.status != 404 {
                    wrong.push(format!("{what}: not in the description"));
                }
                continue;
            };
            let mut mistakes = self.query(asked, &place);
            for (side, body, found) in [
                ("request", &asked.body, self.request(asked, &place)),
                ("reply", &asked.reply, self.reply(asked, &place)),
            ] {
                let view = if side == "request" { &mut self.requests } else { &mut self.replies };
                let found: Vec<String> = match found {
                    Some(schema) => {
                        looked_at += 1;
                        view.mistakes(&schema, body)
                    }
                    None if body.is_null() => Vec::new(),
                    None => vec![format!("a body where there should be none: {body}")],
                };
                mistakes.extend(found.into_iter().map(|it| format!("{side} {it}")));
            }
            wrong.extend(mistakes.into_iter().map(|it| format!("{what}: {it}")));
        }
        (wrong, looked_at)
    }

    /// The operation's place in the document: of all paths that fit, the one with the fewest variables.
    fn place(&self, asked: &Asked) -> Option<String> {
        let parts: Vec<&str> = asked.path.split('/').collect();
        let fits = |template: &&String| {
            let own: Vec<&str> = template.split('/').collect();
            own.len() == parts.len()
                && own.iter().zip(&parts).all(|(own, part)| own.starts_with('{') || own == part)
        };
        let method = asked.method.to_lowercase();
        let paths = self.document["paths"].as_object()?;
        let known = paths.iter().filter(|(_, it)| it.get(&method).is_some()).map(|(path, _)| path);
        let best = known.filter(fits).min_by_key(|path| path.matches('{').count())?;
        Some(format!("/paths/{}/{method}", best.replace('/', "~1")))
    }

    fn query(&self, asked: &Asked, place: &str) -> Vec<String> {
        let mut known = Vec::new();
        let path = place.rsplit_once('/').map_or("", |(path, _)| path);
        for place in [path, place] {
            let all = self.document.pointer(place).and_then(|it| it["parameters"].as_array());
            known.extend(all.into_iter().flatten().filter_map(|it| it["name"].as_str()));
        }
        let names = asked.query.split('&').filter_map(|pair| pair.split('=').next());
        let strange = names.filter(|name| !name.is_empty() && !known.contains(name));
        strange.map(|name| format!("unknown parameter {name}")).collect()
    }

    fn request(&self, asked: &Asked, place: &str) -> Option<String> {
        let schema = format!("{place}/requestBody/content/application~1json/schema");
        let takes_files = format!("{place}/requestBody/content/multipart~1form-data");
        let known = self.document.pointer(&schema).is_some();
        let files = asked.content_type.starts_with("multipart/");
        let fits = !files || self.document.pointer(&takes_files).is_some();
        (known && fits && !asked.body.is_null()).then_some(schema)
    }

    fn reply(&self, asked: &Asked, place: &str) -> Option<String> {
        let exact = format!("{place}/responses/{}", asked.status);
        let class = format!("{place}/responses/{}XX", asked.status / 100);
        let response = [exact, class].into_iter().find(|it| self.document.pointer(it).is_some())?;
        let found = self.document.pointer(&response)?;
        let response = match found["$ref"].as_str() {
            Some(elsewhere) => elsewhere.trim_start_matches('#').to_owned(),
            None => response,
        };
        let schema = format!("{response}/content/application~1json/schema");
        self.document.pointer(&schema).is_some().then_some(schema)
    }
}
