//! The addresses of the service, and what it wants of every request.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use base64::Engine as _;
use serde_json::{Value, json};

use super::board::{Board, moment, now};
use super::faults::Fault;
use super::wiql::{Query, World};
use super::{
    Asked, FACTORY, Inner, ORGANIZATION, PROJECT, TEAM, TOKEN, comments, files, locations, patch,
    pulls,
};

/// Most numbers of one batch.
const MOST_IDS: usize = 200;

/// What handlers share.
pub type Shared = (Arc<Mutex<Inner>>, Arc<tokio::sync::Notify>);

/// A refusal in the service's form.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    kind: String,
    text: String,
}

impl Refusal {
    /// A refusal with its status, kind and sentence.
    pub fn new(status: u16, kind: &str, text: &str) -> Self {
        Self { status, kind: kind.to_owned(), text: text.to_owned() }
    }

    /// There is no such item, or it may not be read.
    pub fn missing(id: u64) -> Self {
        let text = format!(
            "TF401232: Work item {id} does not exist, or you do not have permissions to read it."
        );
        Self::new(404, "WorkItemUnauthorizedAccessException", &text)
    }
}

/// One request, taken apart.
pub struct Call<'a> {
    pub method: &'a str,
    /// Parts of the path behind `_apis`, decoded, in lower case.
    pub path: Vec<&'a str>,
    has_team: bool,
    query: Vec<(String, String)>,
    pub version: String,
    kind: String,
    pub body: Value,
}

impl Call<'_> {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Answers every request.
pub async fn answer(
    State((inner, released)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let (response, fault) = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        respond(&mut inner, &method, &uri, &headers, &bytes)
    };
    match fault {
        // Without a word to the panic hook: the connection ends, as it does when a machine dies.
        Some(Fault::CutAfterwards) => std::panic::resume_unwind(Box::new("cut")),
        Some(Fault::Held) => released.notified().await,
        Some(Fault::Status(..) | Fault::SignInPage | Fault::Slow(_) | Fault::Raced) | None => {}
    }
    response
}

fn respond(
    inner: &mut Inner,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> (Response, Option<Fault>) {
    let path = decoded(uri.path()).to_lowercase();
    let mut asked = Asked {
        method: method.as_str().to_owned(),
        path: path.clone(),
        query: uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(bytes).unwrap_or(Value::Null),
        status: 200,
    };
    let fault = inner.faults.next(method.as_str(), &path, asked.writes());
    let response = match fault {
        Some(Fault::Status(status, after)) => {
            let text = format!("TF400733: The request has been canceled ({status}).");
            let refusal = Refusal::new(status, "RequestBlockedException", &text);
            let wait = after.to_string();
            let headers: &[(&str, &str)] = if after > 0 { &[("retry-after", &wait)] } else { &[] };
            refused(&refusal, headers)
        }
        Some(Fault::SignInPage) => page(203),
        Some(Fault::Raced) => refused(
            &Refusal::new(
                409,
                "WorkItemRevisionMismatchException",
                "TF26071: This work item has been changed by someone else since you opened it.",
            ),
            &[],
        ),
        Some(Fault::Slow(after)) => {
            let mut response = routed(inner, &asked, uri, headers, bytes);
            let value = after.to_string().parse().expect("a number");
            response.headers_mut().insert("retry-after", value);
            response
        }
        Some(Fault::CutAfterwards | Fault::Held) | None => {
            routed(inner, &asked, uri, headers, bytes)
        }
    };
    asked.status = response.status().as_u16();
    inner.journal.push(asked);
    (response, fault)
}

fn routed(
    inner: &mut Inner,
    asked: &Asked,
    uri: &Uri,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let token = base64::engine::general_purpose::STANDARD.encode(format!(":{TOKEN}"));
    if header("authorization") != format!("Basic {token}") {
        return match header("x-tfs-fedauthredirect") {
            "Suppress" => refused(
                &Refusal::new(
                    401,
                    "UnauthorizedRequestException",
                    "TF400813: The user is not authorized to access this resource.",
                ),
                &[],
            ),
            _ => page(if asked.method == "GET" { 302 } else { 203 }),
        };
    }
    let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
    let (organization, project, team) =
        (ORGANIZATION.to_lowercase(), PROJECT.to_lowercase(), TEAM.to_lowercase());
    let apis = parts.iter().position(|part| *part == "_apis").unwrap_or(parts.len());
    let area = &parts[..apis];
    let known = match area {
        [first] => *first == organization,
        [first, second] => *first == organization && *second == project,
        [first, second, third] => *first == organization && *second == project && *third == team,
        _ => false,
    };
    if !known || apis == parts.len() {
        let text = format!("TF200016: The following project does not exist: {}.", asked.path);
        return refused(&Refusal::new(404, "ProjectDoesNotExistWithNameException", &text), &[]);
    }
    let query: Vec<(String, String)> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decoded(name), decoded(&value.replace('+', " "))))
        })
        .collect();
    let of_query = query.iter().find(|(name, _)| name == "api-version").map(|(_, it)| it.clone());
    let accept = header("accept").to_owned();
    let of_accept = || {
        accept.split(';').find_map(|it| it.trim().strip_prefix("api-version=").map(str::to_owned))
    };
    let version = of_query.or_else(of_accept).unwrap_or_default();
    let call = Call {
        method: &asked.method,
        path: parts[apis + 1..].to_vec(),
        has_team: area.len() == 3,
        query,
        version,
        kind: header("content-type").to_owned(),
        body: asked.body.clone(),
    };
    match dispatch(inner, &call, bytes) {
        Ok(value) => json_response(200, &value, &[]),
        Err(refusal) => refused(&refusal, &[]),
    }
}

fn dispatch(inner: &mut Inner, call: &Call<'_>, bytes: &Bytes) -> Result<Value, Refusal> {
    // How Microsoft's own clients find out where everything is.
    if call.method == "OPTIONS" && call.path.is_empty() {
        return Ok(locations::all());
    }
    if call.method == "GET" && call.path == ["resourceareas"] {
        return Ok(json!({ "count": 0, "value": [] }));
    }
    if call.version.is_empty() {
        return Err(Refusal::new(
            400,
            "VssVersionNotSpecifiedException",
            "No api-version was supplied for the request.",
        ));
    }
    if let Some(answered) = files::answer(inner, call, &call.path, bytes) {
        return answered;
    }
    let base = format!("{}/{ORGANIZATION}", inner.address);
    let number = |text: &str| {
        text.parse::<u64>().map_err(|_| Refusal::new(404, "", &format!("no number: {text}")))
    };
    match (call.method, call.path.as_slice()) {
        ("GET", ["wit", "workitemtypes"]) => {
            let types = inner.board.process.types().iter();
            let shown: Vec<Value> = types.map(|(name, reference, states)| {
                json!({ "name": name, "referenceName": reference, "isDisabled": false, "states": shown_states(states) })
            }).collect();
            Ok(json!({ "count": shown.len(), "value": shown }))
        }
        ("GET", ["wit", "workitemtypes", kind, "states"]) => {
            let states = inner.board.states(kind);
            let missing = || {
                Refusal::new(
                    404,
                    "WorkItemTypeNotFoundException",
                    &format!("VS402323: Work item type {kind} does not exist"),
                )
            };
            let shown = shown_states(states.ok_or_else(missing)?);
            Ok(json!({ "count": shown.len(), "value": shown }))
        }
        (_, ["git", ..]) => pulls::answer(inner, call),
        ("GET", ["policy", "evaluations"]) => pulls::evaluations(inner, call),
        ("GET", ["identities"]) => Ok(pulls::people(call)),
        ("GET", ["connectiondata"]) => Ok(pulls::connection()),
        ("POST", ["wit", "wiql"]) => wiql(inner, call, &base),
        ("POST", ["wit", "workitemsbatch"]) => batch(inner, call, &base),
        ("GET", ["wit", "workitems", id]) => {
            let id = number(id)?;
            let relations = expands(call.parameter("$expand").unwrap_or("none"));
            inner.board.shown(id, &base, None, relations).ok_or_else(|| Refusal::missing(id))
        }
        ("PATCH", ["wit", "workitems", id]) => {
            let id = number(id)?;
            wants(call, "application/json-patch+json")?;
            edits(inner);
            patch::apply(&mut inner.board, id, &call.body, FACTORY)?;
            let relations = expands(call.parameter("$expand").unwrap_or("none"));
            inner.board.shown(id, &base, None, relations).ok_or_else(|| Refusal::missing(id))
        }
        ("POST", ["wit", "workitems", kind]) => {
            wants(call, "application/json-patch+json")?;
            let kind = kind.strip_prefix('$').unwrap_or(kind);
            create(&mut inner.board, kind, &call.body, &base)
        }
        (_, ["wit", "workitems", id, "comments", rest @ ..]) => {
            let id = number(id)?;
            if !call.version.contains("-preview") {
                return Err(Refusal::new(
                    400,
                    "VssInvalidPreviewVersionException",
                    "The requested version of the resource is under preview. The -preview flag must be supplied in the api-version for such requests.",
                ));
            }
            comments::answer(inner, call, id, rest)
        }
        _ => Err(Refusal::new(
            404,
            "",
            &format!("no such resource: {} {:?}", call.method, call.path),
        )),
    }
}

fn shown_states(states: &[(&str, &str)]) -> Vec<Value> {
    let shown = |(name, category): &(&str, &str)| json!({ "name": name, "color": "007acc", "category": category });
    states.iter().map(shown).collect()
}

fn expands(expand: &str) -> bool {
    ["relations", "all"].contains(&expand.to_lowercase().as_str())
}

/// The content type must be `kind`.
pub fn wants(call: &Call<'_>, kind: &str) -> Result<(), Refusal> {
    if call.kind.split(';').next() == Some(kind) {
        return Ok(());
    }
    let text = format!(
        "The request indicated a Content-Type of \"{}\" for method type \"{}\" which is not supported. Valid content types for this method are: {kind}.",
        call.kind, call.method
    );
    Err(Refusal::new(415, "VssRequestContentTypeNotSupportedException", &text))
}

fn edits(inner: &mut Inner) {
    for (id, fields) in std::mem::take(&mut inner.faults.edits) {
        let fields: Vec<(&str, Value)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        inner.board.edit(id, &fields, super::PERSON);
    }
}

fn wiql(inner: &Inner, call: &Call<'_>, base: &str) -> Result<Value, Refusal> {
    wants(call, "application/json")?;
    let text = call.body["query"].as_str().unwrap_or_default();
    let now = now();
    let iteration = format!("{PROJECT}\\Sprint 1");
    let world = World {
        time_precision: call
            .parameter("timePrecision")
            .is_some_and(|it| it.eq_ignore_ascii_case("true")),
        has_team: call.has_team,
        now,
        iteration: &iteration,
    };
    let query = Query::read(text, &world).map_err(|text| {
        Refusal::new(400, "SyntaxException", &format!("{text} (in {:?})", call.body["query"]))
    })?;
    let most: usize = call.parameter("$top").and_then(|it| it.parse().ok()).unwrap_or(20_000);
    let found = inner.board.items.iter().filter(|(_, item)| query.matches(&item.fields));
    let items: Vec<Value> = found
        .take(most)
        .map(|(id, _)| json!({ "id": id, "url": format!("{base}/_apis/wit/workItems/{id}") }))
        .collect();
    let column = json!({ "referenceName": "System.Id", "name": "ID", "url": format!("{base}/_apis/wit/fields/System.Id") });
    Ok(
        json!({ "queryType": "flat", "queryResultType": "workItem", "asOf": moment(now), "columns": [column], "workItems": items }),
    )
}

fn batch(inner: &Inner, call: &Call<'_>, base: &str) -> Result<Value, Refusal> {
    wants(call, "application/json")?;
    let ids: Option<Vec<u64>> =
        call.body["ids"].as_array().map(|ids| ids.iter().filter_map(Value::as_u64).collect());
    let ids = ids.filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| {
        Refusal::new(400, "VssPropertyValidationException", "VS403474: ids is required")
    })?;
    if ids.len() > MOST_IDS {
        return Err(Refusal::new(
            400,
            "VssPropertyValidationException",
            "VS403474: You can get a maximum of 200 work items at a time",
        ));
    }
    let fields: Option<Vec<String>> = call.body["fields"]
        .as_array()
        .map(|all| all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect());
    let expand = call.body["$expand"].as_str().unwrap_or("none");
    if fields.is_some() && !expand.eq_ignore_ascii_case("none") {
        return Err(Refusal::new(
            400,
            "ConflictingParametersException",
            "The expand parameter can not be used with the fields parameter.",
        ));
    }
    let omits = call.body["errorPolicy"].as_str().is_some_and(|it| it.eq_ignore_ascii_case("omit"));
    let mut shown = Vec::new();
    for id in ids {
        match inner.board.shown(id, base, fields.as_deref(), expands(expand)) {
            Some(item) => shown.push(item),
            None if omits => shown.push(Value::Null),
            None => return Err(Refusal::missing(id)),
        }
    }
    Ok(json!({ "count": shown.len(), "value": shown }))
}

fn create(board: &mut Board, kind: &str, operations: &Value, base: &str) -> Result<Value, Refusal> {
    let name = board
        .process
        .types()
        .iter()
        .map(|(name, _, _)| *name)
        .find(|name| name.eq_ignore_ascii_case(kind));
    let missing = || {
        Refusal::new(
            404,
            "WorkItemTypeNotFoundException",
            &format!("VS402323: Work item type {kind} does not exist"),
        )
    };
    let name = name.ok_or_else(missing)?;
    let id = board.create(None, name, &[], FACTORY).map_err(|text| Refusal::new(400, "", &text))?;
    if let Err(refusal) = patch::apply(board, id, operations, FACTORY) {
        board.items.remove(&id);
        return Err(refusal);
    }
    if let Some(item) = board.items.get_mut(&id) {
        item.rev = 1;
    }
    board.shown(id, base, None, true).ok_or_else(|| Refusal::missing(id))
}

fn refused(refusal: &Refusal, headers: &[(&str, &str)]) -> Response {
    let body = json!({
        "$id": "1", "innerException": null, "message": refusal.text, "typeName": refusal.kind,
        "typeKey": refusal.kind, "errorCode": 0, "eventId": 3000,
    });
    json_response(refusal.status, &body, headers)
}

fn json_response(status: u16, value: &Value, headers: &[(&str, &str)]) -> Response {
    let mut builder = Response::builder().status(status);
    builder = builder.header("content-type", "application/json; charset=utf-8; api-version=7.1");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(value.to_string())).expect("a response")
}

fn page(status: u16) -> Response {
    let builder =
        Response::builder().status(status).header("content-type", "text/html; charset=utf-8");
    let builder =
        if status == 302 { builder.header("location", "https://signin.example/") } else { builder };
    builder.body(Body::from("<html><title>Sign In</title></html>")).expect("a response")
}

/// What `%20` and the like stand for.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
