//! `[slots]`: how many runs may be under way at once.

use crate::domain::policy::Slots;

use super::agents::Agents;
use super::schema::{Key, Kind, Shape};
use super::section::{Section, Setting, small};
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::with_default("global", Kind::Count(1, 1000), "4", "Over all projects."),
    Key::with_default(
        "per_project",
        Kind::Count(1, 1000),
        "2",
        "Per project, unless the project has its own number.",
    ),
    Key::group(
        "per_agent",
        Shape::Map("name", &Shape::Value(Kind::Count(1, 1000))),
        "Per agent, by name. The same as `agents.<name>.slots`.",
    ),
];

pub(super) fn read(section: &Section, agents: &Agents, sources: &mut Sources) -> Slots {
    let mut per_agent = agents.slots.clone();
    let table = section.table("per_agent");
    for (name, value) in &table.values {
        let Setting::Count(count) = value else { continue };
        let path = table.path_of(name);
        agents.check_name(name, &path, sources);
        if per_agent.insert(name.clone(), small(*count)).is_some_and(|it| it != small(*count)) {
            let message = format!("agents.{name}.slots says another number");
            sources.problem(&path, &message, Some("keep one of the two".to_owned()));
        }
    }
    Slots {
        global: small(section.count("global")),
        per_project: small(section.count("per_project")),
        per_agent,
    }
}
