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
    let value = [
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
    json!({ "count": value.len(), "value": value })
}
