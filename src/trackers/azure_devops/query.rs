//! The questions to the board, in the service's query language (WIQL).

use super::Filter;
use super::process::Process;

/// Days that an item is still looked at after it was finished.
const CLOSED_DAYS: u32 = 14;

/// The items that `filter` lets in, numbers above `after` only, in the order of their numbers; with `since`, only those
/// changed from then on.
pub(super) fn text(filter: &Filter, process: &Process, after: u64, since: Option<&str>) -> String {
    let mut wanted = vec!["[System.TeamProject] = @project".to_owned()];
    if !filter.area_paths.is_empty() {
        let areas = filter.area_paths.iter();
        let areas =
            areas.map(|path| format!("[System.AreaPath] UNDER {}", quoted(&backslashes(path))));
        wanted.push(format!("({})", areas.collect::<Vec<_>>().join(" OR ")));
    }
    if let Some(iteration) = &filter.iteration {
        let condition = match iteration.strip_prefix('@') {
            // A macro such as @CurrentIteration, which knows the team of the address.
            Some(_) => format!("[System.IterationPath] = {iteration}"),
            None => format!("[System.IterationPath] UNDER {}", quoted(&backslashes(iteration))),
        };
        wanted.push(condition);
    }
    wanted.extend(filter.tags.iter().map(|tag| format!("[System.Tags] CONTAINS {}", quoted(tag))));
    if let Some(person) = &filter.assigned_to {
        let person =
            if person.eq_ignore_ascii_case("@me") { "@Me".to_owned() } else { quoted(person) };
        wanted.push(format!("[System.AssignedTo] = {person}"));
    }
    wanted.push(open_or_recent(filter, process));
    if after > 0 {
        wanted.push(format!("[System.Id] > {after}"));
    }
    if let Some(since) = since {
        wanted.push(format!("[System.ChangedDate] >= {}", quoted(since)));
    }
    let wanted = wanted.join(" AND ");
    format!("SELECT [System.Id] FROM WorkItems WHERE {wanted} ORDER BY [System.Id]")
}

/// The items with this tag, whatever else they are.
pub(super) fn tagged(tag: &str) -> String {
    format!(
        "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.Tags] CONTAINS {} ORDER BY [System.Id]",
        quoted(tag)
    )
}

/// Of every type that is work, what is open or was touched lately. Which states are terminal, each type says itself.
fn open_or_recent(filter: &Filter, process: &Process) -> String {
    let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for item_type in process.work(&filter.types) {
        let terminal = item_type.terminal();
        match groups.iter_mut().find(|(_, known)| *known == terminal) {
            Some((names, _)) => names.push(&item_type.name),
            None => groups.push((vec![&item_type.name], terminal)),
        }
    }
    let open = groups.iter().map(|(names, terminal)| {
        let of_type = format!("[System.WorkItemType] IN ({})", list(names));
        match terminal.as_slice() {
            [] => format!("({of_type})"),
            terminal => format!("({of_type} AND [System.State] NOT IN ({}))", list(terminal)),
        }
    });
    let all: Vec<&str> = groups.iter().flat_map(|(names, _)| names.iter().copied()).collect();
    let recent = format!(
        "([System.WorkItemType] IN ({}) AND [System.ChangedDate] >= @today - {CLOSED_DAYS})",
        list(&all)
    );
    let any: Vec<String> = open.chain([recent]).collect();
    format!("({})", any.join(" OR "))
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn backslashes(path: &str) -> String {
    path.replace('/', "\\")
}

/// A text of the query language.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
