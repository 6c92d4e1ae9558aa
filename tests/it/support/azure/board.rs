//! Work items as the service keeps them.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::process::Process;
use super::{FACTORY, PROJECT};

/// Fields that an item can have, besides those that the service sets itself.
pub const FIELDS: &[&str] = &[
    "System.Title",
    "System.State",
    "System.Reason",
    "System.Description",
    "System.Tags",
    "System.AreaPath",
    "System.IterationPath",
    "System.AssignedTo",
    "System.History",
    "System.CreatedDate",
    "System.CreatedBy",
    "Microsoft.VSTS.Common.Priority",
    "Microsoft.VSTS.Common.AcceptanceCriteria",
    "Microsoft.VSTS.TCM.ReproSteps",
    "Custom.OperatorLane",
    "Custom.ImplementationComplete",
    "Custom.ReviewPassed",
];

/// A comment.
#[derive(Debug, Clone)]
pub struct Comment {
    pub id: u64,
    pub text: String,
    pub author: String,
    pub version: u64,
    pub is_deleted: bool,
}

/// A work item.
#[derive(Debug, Clone)]
pub struct Item {
    pub rev: u64,
    pub fields: Map<String, Value>,
    pub relations: Vec<(String, String)>,
    /// What links are said to be, by their addresses.
    pub attributes: BTreeMap<String, Value>,
    pub comments: Vec<Comment>,
    /// States that it has had, in order.
    pub states: Vec<String>,
}

/// A project's work items.
pub struct Board {
    pub process: Process,
    pub items: BTreeMap<u64, Item>,
    /// Files that were uploaded, by address.
    pub files: BTreeMap<String, (String, Vec<u8>)>,
    /// States that no item may be moved to.
    pub forbidden: Vec<String>,
    next_comment: u64,
}

/// Someone, as the service shows people.
pub fn identity(name: &str) -> Value {
    let shown = name.split('@').next().unwrap_or(name);
    json!({ "displayName": shown, "uniqueName": name, "id": format!("id-of-{shown}") })
}

/// The moment by the service's clock.
#[expect(clippy::disallowed_methods, reason = "the service has a clock of its own")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A moment, as the service writes it.
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What the service makes of rich text: nothing that could run, no comments, its own way of writing tags.
pub fn sanitized(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some((before, comment)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept.replace("<br>", "<br />")
        .replace("<hr>", "<hr />")
        .replace("<b>", "<strong>")
        .replace("</b>", "</strong>")
}

impl Board {
    /// A board without items.
    pub fn new(process: Process) -> Self {
        Self {
            process,
            items: BTreeMap::new(),
            files: BTreeMap::new(),
            forbidden: Vec::new(),
            next_comment: 1000,
        }
    }

    /// The states of a type.
    pub fn states(&self, kind: &str) -> Option<&'static [(&'static str, &'static str)]> {
        let found =
            self.process.types().iter().find(|(name, _, _)| name.eq_ignore_ascii_case(kind));
        found.map(|(_, _, states)| *states)
    }

    /// A new item by `who`; why not, if it cannot be.
    pub fn create(
        &mut self,
        id: Option<u64>,
        kind: &str,
        fields: &[(&str, Value)],
        who: &str,
    ) -> Result<u64, String> {
        let states = self.states(kind).ok_or_else(|| format!("no type {kind}"))?;
        let id = id.unwrap_or_else(|| self.items.last_key_value().map_or(1, |(last, _)| last + 1));
        let now = moment(now());
        let mut all = Map::new();
        for (name, value) in [
            ("System.Id", json!(id)),
            ("System.TeamProject", json!(PROJECT)),
            ("System.WorkItemType", json!(kind)),
            ("System.State", json!(states[0].0)),
            ("System.AreaPath", json!(PROJECT)),
            ("System.IterationPath", json!(PROJECT)),
            ("System.CreatedDate", json!(now)),
            ("System.CreatedBy", identity(who)),
            ("System.ChangedDate", json!(now)),
            ("System.ChangedBy", identity(who)),
        ] {
            all.insert(name.to_owned(), value);
        }
        let item = Item {
            rev: 0,
            fields: all,
            relations: Vec::new(),
            attributes: BTreeMap::new(),
            comments: Vec::new(),
            states: Vec::new(),
        };
        self.items.insert(id, item);
        self.edit(id, fields, who);
        Ok(id)
    }

    /// Changes fields, whatever the rules say.
    pub fn edit(&mut self, id: u64, fields: &[(&str, Value)], who: &str) {
        let Some(item) = self.items.get_mut(&id) else { return };
        for (name, value) in fields {
            if value.is_null() {
                item.fields.remove(*name);
            } else {
                item.fields.insert((*name).to_owned(), value.clone());
            }
        }
        self.saved(id, who);
    }

    /// Adds a link.
    pub fn link(&mut self, id: u64, rel: &str, url: &str) {
        let Some(item) = self.items.get_mut(&id) else { return };
        item.relations.push((rel.to_owned(), url.to_owned()));
        self.saved(id, super::PERSON);
    }

    /// Adds a comment; its number.
    pub fn comment(&mut self, id: u64, text: &str, who: &str) -> u64 {
        self.next_comment += 1;
        let comment = Comment {
            id: self.next_comment,
            text: sanitized(text),
            author: who.to_owned(),
            version: 1,
            is_deleted: false,
        };
        if let Some(item) = self.items.get_mut(&id) {
            item.comments.push(comment);
        }
        self.saved(id, who);
        self.next_comment
    }

    /// A new revision by `who`.
    pub fn saved(&mut self, id: u64, who: &str) {
        let Some(item) = self.items.get_mut(&id) else { return };
        item.rev += 1;
        item.fields.insert("System.ChangedDate".to_owned(), json!(moment(now())));
        item.fields.insert("System.ChangedBy".to_owned(), identity(who));
        item.fields.insert("System.CommentCount".to_owned(), json!(item.comments.len()));
        let state = item.fields["System.State"].as_str().unwrap_or_default().to_owned();
        if item.states.last() != Some(&state) {
            item.states.push(state);
        }
    }

    /// An item as the service answers with it.
    pub fn shown(
        &self,
        id: u64,
        base: &str,
        fields: Option<&[String]>,
        relations: bool,
    ) -> Option<Value> {
        let item = self.items.get(&id)?;
        let mut all = item.fields.clone();
        all.insert("System.Rev".to_owned(), json!(item.rev));
        if let Some(fields) = fields {
            let wanted = |name: &String| fields.iter().any(|it| it.eq_ignore_ascii_case(name));
            all.retain(|name, _| wanted(name));
        }
        let url = format!("{base}/_apis/wit/workItems/{id}");
        let mut shown = json!({ "id": id, "rev": item.rev, "fields": all, "url": url });
        if relations && !item.relations.is_empty() {
            let relation = |(rel, url): &(String, String)| {
                let attributes = item.attributes.get(url).cloned();
                let attributes = attributes.unwrap_or_else(|| json!({ "isLocked": false }));
                json!({ "rel": rel, "url": url, "attributes": attributes })
            };
            shown["relations"] = item.relations.iter().map(relation).collect();
        }
        Some(shown)
    }

    /// Whether the factory may change the comment.
    pub fn is_own(comment: &Comment) -> bool {
        comment.author == FACTORY
    }
}
