//! What a message may be: lengths, numbers of parts, and what must be there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::refusals::{Reply, few, invalid, refusal, required, short};
use super::world::Upload;

/// Most bytes of all files of a message.
const FILES: usize = 10 * 1024 * 1024;

/// Refuses what Discord refuses. `before` is the message that is changed.
pub fn check(body: &Value, files: &[Upload], before: Option<&Value>) -> Result<(), Reply> {
    short(&body["content"], 2_000, &["content"])?;
    few(&body["embeds"], 10, &["embeds"])?;
    embeds(&body["embeds"])?;
    components(&body["components"])?;
    if files.len() > 10 {
        return Err(refusal(
            400,
            30_015,
            "Maximum number of attachments in a message reached (10)",
        ));
    }
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > FILES {
        return Err(refusal(413, 40_005, "Request entity too large"));
    }
    let left = |name: &str| match body.get(name) {
        Some(own) => own.clone(),
        None => before.map(|it| it[name].clone()).unwrap_or_default(),
    };
    let text = left("content").as_str().is_some_and(|text| !text.trim().is_empty());
    let some = |name: &str| left(name).as_array().is_some_and(|list| !list.is_empty());
    let kept = before.is_some() && body.get("attachments").is_none() && some("attachments");
    if !text && !some("embeds") && !some("components") && files.is_empty() && !kept {
        return Err(refusal(400, 50_006, "Cannot send an empty message"));
    }
    Ok(())
}

fn embeds(embeds: &Value) -> Result<(), Reply> {
    let mut all = 0;
    for (index, embed) in embeds.as_array().into_iter().flatten().enumerate() {
        let index = index.to_string();
        let at = |parts: &[&'static str]| -> Vec<String> {
            let parts = parts.iter().map(|part| (*part).to_owned());
            ["embeds".to_owned(), index.clone()].into_iter().chain(parts).collect()
        };
        let measured = [
            (&embed["title"], 256, at(&["title"])),
            (&embed["description"], 4_096, at(&["description"])),
            (&embed["footer"]["text"], 2_048, at(&["footer", "text"])),
            (&embed["author"]["name"], 256, at(&["author", "name"])),
        ];
        for (text, most, path) in measured {
            short(text, most, &path.iter().map(String::as_str).collect::<Vec<&str>>())?;
            all += length(text);
        }
        few(&embed["fields"], 25, &["embeds", &index, "fields"])?;
        for (number, field) in embed["fields"].as_array().into_iter().flatten().enumerate() {
            let number = number.to_string();
            for (name, most) in [("name", 256), ("value", 1_024)] {
                let path = ["embeds", &index, "fields", &number, name];
                required(&field[name], &path)?;
                short(&field[name], most, &path)?;
                all += length(&field[name]);
            }
        }
        let link = embed["url"].as_str().unwrap_or("https://");
        if !link.starts_with("http://") && !link.starts_with("https://") {
            let path = ["embeds", &index, "url"];
            return Err(invalid(&path, "URL_TYPE_INVALID_URL", "Not a well formed URL."));
        }
    }
    if all > 6_000 {
        let message = "Embed size exceeds maximum size of 6000";
        return Err(invalid(&["embeds"], "MAX_EMBED_SIZE_EXCEEDED", message));
    }
    Ok(())
}

fn length(text: &Value) -> usize {
    text.as_str().map_or(0, |text| text.chars().count())
}

fn components(rows: &Value) -> Result<(), Reply> {
    few(rows, 5, &["components"])?;
    let mut ids = BTreeSet::new();
    for (row_index, row) in rows.as_array().into_iter().flatten().enumerate() {
        let row_index = row_index.to_string();
        if row["type"] != 1 {
            let path = ["components", &row_index, "type"];
            return Err(invalid(
                &path,
                "UNION_TYPE_CHOICES",
                "Value of field \"type\" must be one of (1,).",
            ));
        }
        few(&row["components"], 5, &["components", &row_index, "components"])?;
        let parts = row["components"].as_array().into_iter().flatten();
        for (index, part) in parts.enumerate() {
            let index = index.to_string();
            let at = |name: &'static str| {
                ["components", row_index.as_str(), "components", index.as_str(), name]
                    .map(str::to_owned)
            };
            let path = at("custom_id");
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let is_link = part["type"] == 2 && part["style"] == 5;
            if is_link {
                if part["url"].is_null() {
                    return Err(invalid(
                        &path[..4],
                        "BUTTON_COMPONENT_URL_REQUIRED",
                        "A url is required",
                    ));
                }
            } else {
                required(&part["custom_id"], &path)?;
                short(&part["custom_id"], 100, &path)?;
                let id = part["custom_id"].as_str().unwrap_or_default();
                if !ids.insert(id.to_owned()) {
                    let message = "Component custom id cannot be duplicated";
                    return Err(invalid(&path, "COMPONENT_CUSTOM_ID_DUPLICATED", message));
                }
            }
            let path = at("label");
            short(&part["label"], 80, &path.iter().map(String::as_str).collect::<Vec<&str>>())?;
            let path = at("options");
            few(&part["options"], 25, &path.iter().map(String::as_str).collect::<Vec<&str>>())?;
        }
    }
    Ok(())
}
