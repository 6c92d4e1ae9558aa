//! Links, uploaded files, and what is forbidden.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::board::{Board, Item};
use super::pulls::{PROJECT_ID, REPOSITORY, REPOSITORY_ID};
use super::routes::{Call, Refusal, wants};
use super::{Inner, ORGANIZATION, PROJECT};

/// Adds a link to an item.
pub fn link(
    value: &Value,
    item: &mut Item,
    files: &BTreeMap<String, (String, Vec<u8>)>,
) -> Result<(), Refusal> {
    let invalid = |text: &str| Refusal::new(400, "VssPropertyValidationException", text);
    let (Some(rel), Some(url)) = (value["rel"].as_str(), value["url"].as_str()) else {
        return Err(invalid("a relation has rel and url"));
    };
    let parent = "System.LinkTypes.Hierarchy-Reverse";
    if rel == parent && item.relations.iter().any(|(known, _)| known == parent) {
        let text = "TF201036: You cannot add a Parent link because a work item can have only one Parent link.";
        return Err(Refusal::new(400, "WorkItemLinkAddExtraParentException", text));
    }
    let same = |(known, at): &(String, String)| known == rel && at.eq_ignore_ascii_case(url);
    if item.relations.iter().any(same) {
        return Err(Refusal::new(400, "WorkItemResourceLinkException", "Relation already exists."));
    }
    let mut attributes = value["attributes"].clone();
    match rel {
        "AttachedFile" => {
            let (name, _) = files.get(url).ok_or_else(|| invalid("TF26204: no such attachment"))?;
            if attributes["name"].is_null() {
                attributes = json!({ "name": name });
            }
        }
        "ArtifactLink" if !url.starts_with("vstfs:///") => {
            return Err(invalid("VS402323: an artifact link begins with vstfs:///"));
        }
        "Hyperlink" if !url.starts_with("http") => return Err(invalid("no address")),
        _ => {}
    }
    if !attributes.is_null() {
        item.attributes.insert(url.to_owned(), attributes);
    }
    item.relations.push((rel.to_owned(), url.to_owned()));
    Ok(())
}

/// Refuses a move to a state that nothing may be moved to.
pub fn forbids(board: &Board, before: &Item, after: &Item) -> Result<(), Refusal> {
    let state = |item: &Item| item.fields["System.State"].as_str().unwrap_or_default().to_owned();
    let (from, to) = (state(before), state(after));
    if from == to || !board.forbidden.contains(&to) {
        return Ok(());
    }
    let text = "TF401320: Rule Error for field State. Error code: ReadOnly, HasValues, LimitedToValues, InvalidNotOldValue.";
    Err(Refusal::new(400, "RuleValidationException", text))
}

/// Answers what is asked about files and the repository itself, if that is what is asked about.
pub fn answer(
    inner: &mut Inner,
    call: &Call<'_>,
    path: &[&str],
    bytes: &[u8],
) -> Option<Result<Value, Refusal>> {
    match (call.method, path) {
        ("GET", ["git", "repositories", name]) if name.eq_ignore_ascii_case(REPOSITORY) => {
            Some(Ok(json!({
                "id": REPOSITORY_ID, "name": REPOSITORY, "project": { "id": PROJECT_ID, "name": PROJECT },
            })))
        }
        ("POST", ["wit", "attachments"]) => Some(upload(inner, call, bytes)),
        _ => None,
    }
}

fn upload(inner: &mut Inner, call: &Call<'_>, bytes: &[u8]) -> Result<Value, Refusal> {
    wants(call, "application/octet-stream")?;
    let name = call.parameter("fileName").unwrap_or("attachment").to_owned();
    let id = format!("00000000-0000-0000-0000-{:012}", inner.board.files.len() + 1);
    let url =
        format!("{}/{ORGANIZATION}/_apis/wit/attachments/{id}?fileName={name}", inner.address);
    inner.board.files.insert(url.clone(), (name, bytes.to_vec()));
    Ok(json!({ "id": id, "url": url }))
}
