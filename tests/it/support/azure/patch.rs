//! Changes of work items by JSON Patch, with the service's rules.

use serde_json::Value;

use super::board::{Board, FIELDS};
use super::files;
use super::routes::Refusal;

/// Applies `operations` to item `id`, all or none of them.
pub fn apply(board: &mut Board, id: u64, operations: &Value, who: &str) -> Result<(), Refusal> {
    let Some(operations) = operations.as_array().filter(|all| !all.is_empty()) else {
        return Err(Refusal::new(
            400,
            "VssPropertyValidationException",
            "you must pass a valid patch document in the body of the request",
        ));
    };
    let before = board.items.get(&id).cloned();
    let before = before.ok_or_else(|| Refusal::missing(id))?;
    let mut after = before.clone();
    let mut history = None;
    for operation in operations {
        let op = operation["op"].as_str().unwrap_or_default();
        let path = operation["path"].as_str().unwrap_or_default();
        let value = &operation["value"];
        match (op, path) {
            ("test", "/rev") => {
                if value.as_u64() != Some(before.rev) {
                    let text = format!(
                        "VS403351: Test Operation for path /rev failed, value {} was not equal to test value {value}.",
                        before.rev
                    );
                    return Err(Refusal::new(412, "TestPatchOperationFailedException", &text));
                }
            }
            ("add", "/fields/System.History") => {
                history = value.as_str().map(str::to_owned);
            }
            ("add" | "replace" | "remove", path) if path.starts_with("/fields/") => {
                let name = &path["/fields/".len()..];
                field(op, name, value, &mut after.fields)?;
            }
            ("add", "/relations/-") => files::link(value, &mut after, &board.files)?,
            ("remove", path) if path.starts_with("/relations/") => {
                let at: usize = path["/relations/".len()..].parse().unwrap_or(usize::MAX);
                if at >= after.relations.len() {
                    return Err(Refusal::new(
                        400,
                        "VssPropertyValidationException",
                        "no such relation",
                    ));
                }
                after.relations.remove(at);
            }
            _ => {
                let text = format!("VS402625: the patch operation {op} {path} is not understood");
                return Err(Refusal::new(400, "VssPropertyValidationException", &text));
            }
        }
    }
    rules(board, &after.fields)?;
    files::forbids(board, &before, &after)?;
    board.items.insert(id, after);
    match history {
        Some(text) => {
            board.comment(id, &text, who);
        }
        None => board.saved(id, who),
    }
    Ok(())
}

fn field(
    op: &str,
    name: &str,
    value: &Value,
    fields: &mut serde_json::Map<String, Value>,
) -> Result<(), Refusal> {
    let Some(name) = FIELDS.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
        let text = format!("TF51535: Cannot find field {name}.");
        return Err(Refusal::new(400, "WorkItemTrackingFieldDefinitionNotFoundException", &text));
    };
    if ["System.CreatedBy", "System.CreatedDate"].contains(name) {
        let text = format!("TF401326: Invalid field status 'ReadOnly' for field '{name}'.");
        return Err(Refusal::new(400, "RuleValidationException", &text));
    }
    if op != "add" && !fields.contains_key(*name) {
        let text = format!("VS402626: the field {name} has no value to {op}");
        return Err(Refusal::new(400, "VssPropertyValidationException", &text));
    }
    let is_checkbox = name.ends_with("Complete") || name.ends_with("Passed");
    if op != "remove" && value.is_boolean() != is_checkbox {
        let text = format!("TF401324: the value of field {name} is of the wrong type");
        return Err(Refusal::new(400, "RuleValidationException", &text));
    }
    let is_empty = value.as_str() == Some("");
    if op == "remove" || is_empty {
        fields.remove(*name);
    } else {
        fields.insert((*name).to_owned(), value.clone());
    }
    Ok(())
}

fn rules(board: &Board, fields: &serde_json::Map<String, Value>) -> Result<(), Refusal> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("System.Title").is_empty() {
        let text = "TF401320: Rule Error for field Title. Error code: Required, InvalidEmpty.";
        return Err(Refusal::new(400, "RuleValidationException", text));
    }
    let states = board.states(text("System.WorkItemType")).unwrap_or_default();
    let state = text("System.State");
    if !states.iter().any(|(name, _)| *name == state) {
        let text = format!(
            "The field 'State' contains the value '{state}' that is not in the list of supported values"
        );
        return Err(Refusal::new(400, "RuleValidationException", &text));
    }
    Ok(())
}
