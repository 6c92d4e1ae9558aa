//! Where everything is, as Microsoft's own clients ask for it.

use serde_json::{Value, json};

/// All addresses.
pub fn all() -> Value {
    let at = |id: &str, name: &str, template: &str| {
        json!({
            "id": id, "area": "wit", "resourceName": name, "routeTemplate": template, "resourceVersion": 4,
            "minVersion": "1.0", "maxVersion": "7.1", "releasedVersion": "7.1",
        })
    };
    let areas = json!({
        "id": "e81700f7-3be2-46de-8624-2eb35882fcaa", "area": "Location", "resourceName": "ResourceAreas",
        "routeTemplate": "_apis/{resource}/{areaId}", "resourceVersion": 1,
        "minVersion": "3.2", "maxVersion": "7.1", "releasedVersion": "0.0",
    });
    let mut value = vec![
        areas,
        at(
            "72c7ddf8-2cdc-4f60-90cd-ab71c14a399b",
            "workItems",
            "{project}/_apis/{area}/{resource}/{id}",
        ),
        at(
            "62d3d110-0047-428c-ad3c-4fe872c91c74",
            "workItems",
            "{project}/_apis/{area}/{resource}/${type}",
        ),
        at(
            "908509b6-4248-4475-a1cd-829139ba419f",
            "workItemsBatch",
            "{project}/_apis/{area}/{resource}",
        ),
        at(
            "1a9c53f7-f243-4447-b110-35ef023636e4",
            "wiql",
            "{project}/{team}/_apis/{area}/{resource}",
        ),
        at(
            "608aac0a-32e1-4493-a863-b9cf4566d257",
            "comments",
            "{project}/_apis/{area}/workItems/{workItemId}/{resource}/{commentId}",
        ),
        at(
            "7c8d7a76-4a09-43e8-b5df-bd792f4ac6aa",
            "workItemTypes",
            "{project}/_apis/{area}/{resource}/{type}",
        ),
        at(
            "7c9d7a76-4a09-43e8-b5df-bd792f4ac6aa",
            "workItemTypeStates",
            "{project}/_apis/{area}/workItemTypes/{type}/states",
        ),
    ];
    value.extend(git());
    json!({ "count": value.len(), "value": value })
}

/// Those of repositories.
fn git() -> impl Iterator<Item = Value> {
    let of_pull = "pullRequests/{pullRequestId}/{resource}";
    [
        ("9946fd70-0d40-406e-b686-b4744cbbcc37", "pullRequests", "{resource}/{pullRequestId}".to_owned()),
        ("f22387e3-984e-4c52-9c6d-fbb8f14c812d", "labels", format!("{of_pull}/{{labelIdOrName}}")),
        ("4b6702c7-aa35-4b89-9c96-b9abf6d3e540", "reviewers", format!("{of_pull}/{{reviewerId}}")),
        ("b5f6bb4f-8d1e-4d79-8d11-4c9172c99c35", "statuses", format!("{of_pull}/{{statusId}}")),
        ("ab6e2e5d-a0b7-4153-b64a-a4efe0d49449", "threads", format!("{of_pull}/{{threadId}}")),
        ("0a637fcc-5370-4ce8-b0e8-98091f5f9482", "workitems", of_pull.to_owned()),
        ("428dd4fb-fda5-4722-af02-9313b80305da", "statuses", "commits/{commitId}/{resource}".to_owned()),
        ("2d874a60-a811-4f62-9c9f-963a6ea0a55b", "refs", "{resource}".to_owned()),
    ]
    .into_iter()
    .map(|(id, name, template)| {
        json!({
            "id": id, "area": "git", "resourceName": name, "resourceVersion": 1,
            "routeTemplate": format!("{{project}}/_apis/{{area}}/repositories/{{repositoryId}}/{template}"),
            "minVersion": "1.0", "maxVersion": "7.1", "releasedVersion": "7.1",
        })
    })
}
