//! How the service refuses.

use serde_json::{Value, json};

/// An answer: its status, and its body (`null` for none).
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

/// What a route comes to.
pub type Answer = Result<Reply, Reply>;

/// An answer that things went well.
pub fn fine(body: Value) -> Reply {
    Reply { status: if body.is_null() { 204 } else { 200 }, body }
}

/// A refusal with one of Discord's codes.
pub fn refusal(status: u16, code: u32, message: &str) -> Reply {
    Reply { status, body: json!({ "code": code, "message": message }) }
}

pub fn unknown_channel() -> Reply {
    refusal(404, 10_003, "Unknown Channel")
}

pub fn unknown_message() -> Reply {
    refusal(404, 10_008, "Unknown Message")
}

pub fn missing_access() -> Reply {
    refusal(403, 50_001, "Missing Access")
}

pub fn missing_permissions() -> Reply {
    refusal(403, 50_013, "Missing Permissions")
}

/// A body with a mistake at `path`.
pub fn invalid(path: &[&str], code: &str, message: &str) -> Reply {
    let mistake = json!({ "_errors": [{ "code": code, "message": message }] });
    let errors = path.iter().rev().fold(mistake, |inner, part| json!({ *part: inner }));
    Reply {
        status: 400,
        body: json!({ "code": 50_035, "message": "Invalid Form Body", "errors": errors }),
    }
}

/// A text that is longer than it may be, in code points.
pub fn short(text: &Value, most: usize, path: &[&str]) -> Result<(), Reply> {
    let Some(text) = text.as_str() else { return Ok(()) };
    if text.chars().count() > most {
        let message = format!("Must be {most} or fewer in length.");
        return Err(invalid(path, "BASE_TYPE_MAX_LENGTH", &message));
    }
    Ok(())
}

/// A text that must be there.
pub fn required(text: &Value, path: &[&str]) -> Result<(), Reply> {
    if text.as_str().is_none_or(|text| text.trim().is_empty()) {
        return Err(invalid(path, "BASE_TYPE_REQUIRED", "This field is required"));
    }
    Ok(())
}

/// A list that is longer than it may be.
pub fn few(list: &Value, most: usize, path: &[&str]) -> Result<(), Reply> {
    if list.as_array().is_some_and(|list| list.len() > most) {
        let message = format!("Must be {most} or fewer in length.");
        return Err(invalid(path, "BASE_TYPE_MAX_LENGTH", &message));
    }
    Ok(())
}
