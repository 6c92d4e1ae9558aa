//! Commands of the application: how they are registered, and how a person uses one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::messages::number;
use super::objects;
use super::refusals::{Answer, Reply, few, fine, invalid, refusal, required, short};
use super::world::World;

/// Kinds of options that hold further options.
const NESTED: [u64; 2] = [1, 2];

impl World {
    /// `PUT /applications/{id}/commands` and the same of a guild: these commands and no others.
    pub fn register(&mut self, application: &str, guild: Option<u64>, body: &Value) -> Answer {
        if application != self.application.id.to_string() {
            return Err(refusal(404, 10_002, "Unknown Application"));
        }
        if guild.is_some_and(|id| !self.guilds.contains_key(&id)) {
            return Err(refusal(403, 50_001, "Missing Access"));
        }
        let asked = body.as_array().cloned().unwrap_or_default();
        few(body, 100, &["commands"])?;
        let mut names = BTreeSet::new();
        for (index, command) in asked.iter().enumerate() {
            let index = index.to_string();
            check(command, &[&index])?;
            if !names.insert(command["name"].to_string()) {
                let message = "Application command names must be unique";
                return Err(invalid(
                    &[&index, "name"],
                    "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    message,
                ));
            }
        }
        let before = self.commands.remove(&guild).unwrap_or_default();
        let mut commands = Vec::new();
        for command in asked {
            let known = before.iter().find(|it| it["name"] == command["name"]);
            let id = known.and_then(|it| number(&it["id"])).unwrap_or_else(|| self.id());
            let mut own = command.clone();
            own["options"] = options(&command["options"]);
            if let Some(object) = own.as_object_mut() {
                object.retain(|_, value| !value.is_null());
            }
            own["id"] = json!(id.to_string());
            own["application_id"] = json!(application);
            own["version"] = json!(self.id().to_string());
            own["type"] = json!(command["type"].as_u64().unwrap_or(1));
            own["description"] = json!(command["description"].as_str().unwrap_or_default());
            own["default_member_permissions"] = command["default_member_permissions"].clone();
            own["nsfw"] = json!(false);
            if let Some(guild) = guild {
                own["guild_id"] = json!(guild.to_string());
            }
            commands.push(own);
        }
        self.commands.insert(guild, commands.clone());
        Ok(fine(json!(commands)))
    }

    /// What a person's use of a command says to the bot. `line` is the command with its subcommands, without a slash;
    /// `focused` is the option that is being written.
    pub fn use_of(
        &self,
        guild: Option<u64>,
        line: &str,
        arguments: &[(&str, Value)],
        focused: Option<&str>,
    ) -> Result<Value, String> {
        let mut words = line.trim_start_matches('/').split_whitespace();
        let name = words.next().unwrap_or_default();
        let places = [guild, None];
        let all = places.iter().filter_map(|place| self.commands.get(place)).flatten();
        let mut all = all.filter(|it| it["name"] == name);
        let command = all.next().ok_or_else(|| format!("there is no command /{name}"))?;
        let mut path: Vec<&Value> = Vec::new();
        let mut level = command;
        for word in words {
            let inner = level["options"].as_array().into_iter().flatten();
            let mut inner = inner.filter(|it| it["name"] == word && is_nested(it));
            level = inner.next().ok_or_else(|| format!("/{name} has no {word}"))?;
            path.push(level);
        }
        if level["options"].as_array().into_iter().flatten().any(is_nested) {
            return Err(format!("/{line} lacks a subcommand"));
        }
        let mut resolved = json!({});
        let mut given = self.fill(level, arguments, focused, &mut resolved)?;
        for part in path.iter().rev() {
            given = vec![json!({ "name": part["name"], "type": part["type"], "options": given })];
        }
        let mut data = json!({ "id": command["id"], "name": name, "type": 1, "options": given });
        if let Some(guild) = command.get("guild_id") {
            data["guild_id"] = guild.clone();
        }
        if resolved.as_object().is_some_and(|it| !it.is_empty()) {
            data["resolved"] = resolved;
        }
        Ok(data)
    }

    fn fill(
        &self,
        level: &Value,
        arguments: &[(&str, Value)],
        focused: Option<&str>,
        resolved: &mut Value,
    ) -> Result<Vec<Value>, String> {
        let options = level["options"].as_array().cloned().unwrap_or_default();
        if let Some((name, _)) =
            arguments.iter().find(|(name, _)| options.iter().all(|it| it["name"] != *name))
        {
            return Err(format!("there is no option {name}"));
        }
        let mut given = Vec::new();
        for option in &options {
            let name = option["name"].as_str().unwrap_or_default();
            let Some((_, value)) = arguments.iter().find(|(own, _)| *own == name) else {
                if option["required"] == true && focused.is_none() {
                    return Err(format!("the option {name} is required"));
                }
                continue;
            };
            let is_focused = focused == Some(name);
            if is_focused {
                if option["autocomplete"] != true {
                    return Err(format!("the option {name} has no autocomplete"));
                }
            } else {
                fits(option, name, value)?;
            }
            if let (Some(6), Some(id)) = (option["type"].as_u64(), number(value)) {
                resolved["users"][id.to_string()] = objects::user(self, id);
            }
            let mut own = json!({ "name": name, "type": option["type"], "value": value });
            if is_focused {
                own["focused"] = json!(true);
            }
            given.push(own);
        }
        Ok(given)
    }
}

/// Options without what says nothing, as the service gives them back.
fn options(all: &Value) -> Value {
    let one = |option: &Value| {
        let mut own = option.clone();
        own["options"] = options(&option["options"]);
        let empty = |value: &Value| {
            let list = value.as_array().is_some_and(Vec::is_empty);
            value.is_null() || list || *value == false
        };
        if let Some(object) = own.as_object_mut() {
            object.retain(|_, value| !empty(value));
        }
        own
    };
    json!(all.as_array().into_iter().flatten().map(one).collect::<Vec<Value>>())
}

fn is_nested(option: &Value) -> bool {
    option["type"].as_u64().is_some_and(|kind| NESTED.contains(&kind))
}

/// Whether a client of Discord's would let this value through.
fn fits(option: &Value, name: &str, value: &Value) -> Result<(), String> {
    let right = match option["type"].as_u64() {
        Some(3) => value.is_string(),
        Some(4) => value.is_i64(),
        Some(5) => value.is_boolean(),
        Some(10) => value.is_number(),
        Some(6..=9 | 11) => number(value).is_some(),
        _ => false,
    };
    if !right {
        return Err(format!("{value} is no value of {name}"));
    }
    let choices = option["choices"].as_array().filter(|it| !it.is_empty());
    if choices.is_some_and(|all| all.iter().all(|it| it["value"] != *value)) {
        return Err(format!("{value} is not among the choices of {name}"));
    }
    let beyond = |key: &str, over: fn(f64, f64) -> bool, own: Option<f64>| {
        option[key].as_f64().zip(own).is_some_and(|(bound, own)| over(own, bound))
    };
    #[expect(clippy::cast_precision_loss, reason = "a text of a few thousand signs")]
    let length = value.as_str().map(|text| text.chars().count() as f64);
    if beyond("min_value", |a, b| a < b, value.as_f64())
        || beyond("max_value", |a, b| a > b, value.as_f64())
        || beyond("min_length", |a, b| a < b, length)
        || beyond("max_length", |a, b| a > b, length)
    {
        return Err(format!("{value} is beyond the bounds of {name}"));
    }
    Ok(())
}

/// A command, a subcommand or an option as Discord takes it.
fn check(command: &Value, at: &[&str]) -> Result<(), Reply> {
    let below = |name: &'static str| -> Vec<String> {
        at.iter().copied().chain([name]).map(str::to_owned).collect()
    };
    let path = below("name");
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    required(&command["name"], &path)?;
    let name = command["name"].as_str().unwrap_or_default();
    let sign = |c: char| c == '-' || c == '_' || c.is_alphanumeric();
    if name.chars().count() > 32 || !name.chars().all(sign) || name.to_lowercase() != name {
        let message = "Command name is invalid";
        return Err(invalid(&path, "APPLICATION_COMMAND_INVALID_NAME", message));
    }
    let path = below("description");
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    required(&command["description"], &path)?;
    short(&command["description"], 100, &path)?;
    let path = below("options");
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    few(&command["options"], 25, &path)?;
    let mut optional = false;
    let mut names = BTreeSet::new();
    for (index, option) in command["options"].as_array().into_iter().flatten().enumerate() {
        let index = index.to_string();
        let mut inner = path.clone();
        inner.push(&index);
        check(option, &inner)?;
        few(&option["choices"], 25, &inner)?;
        if option["autocomplete"] == true
            && option["choices"].as_array().is_some_and(|it| !it.is_empty())
        {
            return Err(invalid(
                &inner,
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                "Choices and autocomplete",
            ));
        }
        if !names.insert(option["name"].to_string()) {
            return Err(invalid(
                &inner,
                "APPLICATION_COMMAND_OPTIONS_NAME_INVALID",
                "Option names must be unique",
            ));
        }
        if option["required"] == true && optional {
            let message = "Required options must be placed before non-required options";
            return Err(invalid(&inner, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message));
        }
        optional |= option["required"] != true && !is_nested(option);
    }
    Ok(())
}
