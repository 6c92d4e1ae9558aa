//! What is sent, as the JSON that Discord takes, within its limits.

use serde_json::{Value, json};

use crate::domain::language::Language;
use crate::locale::fill;

use super::text::{
    DESCRIPTION, FIELD_NAME, FIELD_VALUE, FIELDS, FOOTER, MESSAGE, TITLE, clip, length, split,
};

/// How an answer is meant; shown as its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something to know.
    Plain,
    /// It was done.
    Good,
    /// It was not done.
    Bad,
    /// Somebody has to look.
    Warning,
}

impl Tone {
    fn colour(self) -> u32 {
        match self {
            Self::Plain => 0x0058_65f2,
            Self::Good => 0x0000_ae86,
            Self::Bad => 0x00d8_3c3e,
            Self::Warning => 0x00ff_aa00,
        }
    }
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is called.
    pub name: String,
    /// The value, already harmless.
    pub value: String,
}

/// What can be pressed below a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What comes back when it is pressed.
    pub id: String,
    /// Discord's number of its style.
    pub style: u8,
    /// Whether it can no longer be pressed.
    pub disabled: bool,
}

/// An answer or a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it is meant.
    pub tone: Tone,
    /// One line, already harmless.
    pub title: String,
    /// The text, in Discord's Markdown; what others wrote in it is already harmless.
    pub body: String,
    /// Named values.
    pub fields: Vec<Field>,
    /// What can be pressed.
    pub buttons: Vec<Button>,
    /// One line at the end.
    pub footer: String,
}

/// A message's JSON, and what is attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The JSON.
    pub json: Value,
    /// Name and content of the file.
    pub file: Option<(String, String)>,
}

impl Answer {
    /// An answer with nothing but text.
    #[must_use]
    pub fn new(tone: Tone, title: impl Into<String>, body: impl Into<String>) -> Self {
        let (title, body) = (title.into(), body.into());
        Self { tone, title, body, fields: Vec::new(), buttons: Vec::new(), footer: String::new() }
    }

    /// The same with `first` on top of it.
    #[must_use]
    pub fn after(mut self, first: &str) -> Self {
        self.body = format!("{first}\n\n{}", self.body);
        self
    }

    /// As it is sent. Whatever is too long for an embed goes with it as a file.
    #[must_use]
    pub fn outgoing(&self, language: Language) -> Outgoing {
        let title = clip(&self.title, TITLE);
        let footer = clip(&self.footer, FOOTER);
        let mut used = length(&title) + length(&footer);
        let mut fields = Vec::new();
        let mut whole = self.fields.len() <= FIELDS;
        for field in self.fields.iter().take(FIELDS) {
            let name = clip(&field.name, FIELD_NAME);
            let value = clip(if field.value.is_empty() { "–" } else { &field.value }, FIELD_VALUE);
            whole &= length(&field.value) <= FIELD_VALUE;
            used += length(&name) + length(&value);
            if used > MESSAGE - DESCRIPTION / 2 {
                whole = false;
                break;
            }
            fields.push(json!({ "name": name, "value": value, "inline": true }));
        }
        let room = DESCRIPTION.min(MESSAGE.saturating_sub(used));
        let mut body = self.body.clone();
        if length(&body) > room || !whole {
            let attached = fill(language, "discord.line-attached", &[]);
            let most = room.saturating_sub(length(&attached) + 2);
            let first = split(&body, most).into_iter().next().unwrap_or_default();
            body = format!("{first}\n\n{attached}");
            whole = false;
        }
        let mut embed = json!({ "title": title, "color": self.tone.colour() });
        for (name, value) in [("description", json!(body)), ("fields", json!(fields))] {
            if value.as_str() != Some("") && value.as_array().is_none_or(|list| !list.is_empty()) {
                embed[name] = value;
            }
        }
        if !footer.is_empty() {
            embed["footer"] = json!({ "text": footer });
        }
        let json = json!({
            "embeds": [embed],
            "components": self.components(),
            "allowed_mentions": { "parse": [], "replied_user": false },
        });
        Outgoing { json, file: (!whole).then(|| ("answer.md".to_owned(), self.file())) }
    }

    fn file(&self) -> String {
        let fields = self.fields.iter().map(|field| format!("{}: {}", field.name, field.value));
        let mut parts = vec![format!("# {}", self.title), self.body.clone()];
        parts.extend(fields);
        parts.join("\n\n")
    }

    fn components(&self) -> Value {
        let button = |button: &Button| {
            json!({
                "type": 2,
                "style": button.style,
                "label": clip(&button.label, 80),
                "custom_id": clip(&button.id, 100),
                "disabled": button.disabled,
            })
        };
        let rows = self.buttons.chunks(5).take(5);
        let rows = rows.map(
            |row| json!({ "type": 1, "components": row.iter().map(button).collect::<Vec<_>>() }),
        );
        Value::Array(rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embed(answer: &Answer) -> (Value, Option<(String, String)>) {
        let outgoing = answer.outgoing(Language::En);
        (outgoing.json["embeds"][0].clone(), outgoing.file)
    }

    fn total(embed: &Value) -> usize {
        let text = |value: &Value| length(value.as_str().unwrap_or_default());
        let fields = embed["fields"].as_array().cloned().unwrap_or_default();
        let fields: usize = fields.iter().map(|it| text(&it["name"]) + text(&it["value"])).sum();
        text(&embed["title"])
            + text(&embed["description"])
            + text(&embed["footer"]["text"])
            + fields
    }

    #[test]
    fn thirty_kilobytes_go_as_a_file_and_the_message_says_so() {
        let body = "a line of words\n".repeat(2000);
        assert!(body.len() > 30_000);
        let (embed, file) = embed(&Answer::new(Tone::Plain, "Log", body.clone()));
        assert!(length(embed["description"].as_str().unwrap()) <= DESCRIPTION);
        assert!(embed["description"].as_str().unwrap().ends_with("The whole answer is attached."));
        assert!(file.unwrap().1.contains(&body));
    }

    #[test]
    fn no_limit_is_crossed_whatever_is_put_in() {
        let mut answer = Answer::new(Tone::Plain, "t".repeat(999), "b".repeat(9999));
        let field = Field { name: "n".repeat(999), value: "v".repeat(9999) };
        answer.fields = vec![field; 99];
        answer.footer = "f".repeat(9999);
        let button =
            Button { label: "l".repeat(99), id: "i".repeat(199), style: 2, disabled: false };
        answer.buttons = vec![button; 99];
        let outgoing = answer.outgoing(Language::En);
        let embed = &outgoing.json["embeds"][0];
        assert!(total(embed) <= MESSAGE, "{}", total(embed));
        assert!(embed["fields"].as_array().is_none_or(|fields| fields.len() <= FIELDS));
        let rows = outgoing.json["components"].as_array().unwrap();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row["components"].as_array().unwrap().len() == 5));
        assert!(outgoing.file.is_some());
    }

    #[test]
    fn a_short_answer_is_sent_whole_and_mentions_nobody() {
        let answer = Answer::new(Tone::Good, "Done", "paused");
        let outgoing = answer.outgoing(Language::En);
        assert_eq!(outgoing.file, None);
        assert_eq!(outgoing.json["embeds"][0]["description"], "paused");
        assert_eq!(outgoing.json["allowed_mentions"]["parse"], json!([]));
    }
}
