//! The calls to Azure DevOps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::refusal::{Failed, is_json, unanswered};
use super::wire::{
    Comments, Connection, Found, List, RawComment, RawItem, RawState, RawType, RepositoryIds,
    Uploaded,
};
use super::{AzureSettings, SOURCE};
use crate::http::client::{Client, Request, Settings, Verb};
use crate::http::error::HttpError;
use crate::trackers::TrackerError;

/// Work items that one request may ask for (the service's own bound).
pub(super) const MOST_IDS: usize = 200;

/// Comments of one answer, and answers that are read; older comments are not looked at.
const COMMENTS: (usize, usize) = (200, 10);

/// The service, seen from one project.
pub(super) struct Boards {
    http: Client,
    pub(super) organization: String,
    project: String,
    team: Option<String>,
    version: String,
}

impl Boards {
    pub(super) fn new(settings: &AzureSettings) -> Result<Self, HttpError> {
        let http = Client::new(Settings {
            authorization: Some(basic(&settings.token)),
            headers: vec![
                ("accept", "application/json".to_owned()),
                // Or else a wrong token is answered with a page to sign in on.
                ("x-tfs-fedauthredirect", "Suppress".to_owned()),
            ],
            patience: settings.patience,
            ..Settings::new(&settings.base_url)
        })?;
        Ok(Self {
            http,
            organization: settings.organization.clone(),
            project: settings.project.clone(),
            team: settings.team.clone(),
            version: settings.api_version.clone(),
        })
    }

    /// Where people find an item.
    pub(super) fn page_of(&self, base: &str, id: u64) -> String {
        let part = |text: &str| text.replace('%', "%25").replace(' ', "%20");
        let (base, organization) = (base.trim_end_matches('/'), part(&self.organization));
        format!("{base}/{organization}/{}/_workitems/edit/{id}", part(&self.project))
    }

    /// The types of the project with their states.
    pub(super) async fn types(&self) -> Result<Vec<RawType>, Failed> {
        let list: List<RawType> = self
            .ask("read the work item types", self.request(Verb::Get, &["workitemtypes"]))
            .await?;
        let mut types = list.value;
        for found in types.iter_mut().filter(|found| !found.is_disabled && found.states.is_empty())
        {
            let path = ["workitemtypes", &found.name, "states"];
            let states: List<RawState> =
                self.ask("read the states of a type", self.request(Verb::Get, &path)).await?;
            found.states = states.value;
        }
        Ok(types)
    }

    /// The items that `query` finds, at most `most`.
    pub(super) async fn query(&self, query: &str, most: usize) -> Result<Found, Failed> {
        let mut request = Request::new(Verb::Search, "").below(&self.organization);
        request = request.below(&self.project);
        if let Some(team) = &self.team {
            request = request.below(team);
        }
        let request = request.below("_apis").below("wit").below("wiql");
        let request = request.query("api-version", &self.version).query("$top", &most);
        let request = request.query("timePrecision", "true").json(&json!({ "query": query }));
        self.ask("find work items", request).await
    }

    /// The items with these numbers; what is not there any more is left out.
    pub(super) async fn items(
        &self,
        ids: &[u64],
        fields: Option<&[&str]>,
    ) -> Result<Vec<RawItem>, Failed> {
        let mut body = json!({ "ids": ids, "errorPolicy": "omit" });
        match fields {
            Some(fields) => body["fields"] = json!(fields),
            None => body["$expand"] = json!("relations"),
        }
        let request = self.request(Verb::Search, &["workitemsbatch"]).json(&body);
        let list: List<Option<RawItem>> = self.ask("read work items", request).await?;
        Ok(list.value.into_iter().flatten().collect())
    }

    /// One item.
    pub(super) async fn item(&self, id: u64) -> Result<RawItem, Failed> {
        let request = self.request(Verb::Get, &["workitems", &id.to_string()]);
        self.ask("read the work item", request.query("$expand", "relations")).await
    }

    /// Changes an item by JSON Patch.
    pub(super) async fn patch(&self, id: u64, operations: &[Value]) -> Result<RawItem, Failed> {
        let body = Value::from(operations).to_string().into_bytes();
        let request = self.request(Verb::Patch, &["workitems", &id.to_string()]);
        let request =
            request.query("$expand", "relations").body("application/json-patch+json", body);
        self.ask("change the work item", request).await
    }

    /// Makes an item of a type, by JSON Patch.
    pub(super) async fn create(&self, kind: &str, operations: &[Value]) -> Result<RawItem, Failed> {
        let body = Value::from(operations).to_string().into_bytes();
        let request = self.request(Verb::Post, &["workitems", &format!("${kind}")]);
        let request =
            request.query("$expand", "relations").body("application/json-patch+json", body);
        self.ask("create a work item", request).await
    }

    /// What links call an item.
    pub(super) fn address_of(&self, base: &str, id: u64) -> String {
        let (base, organization) = (base.trim_end_matches('/'), &self.organization);
        format!("{base}/{}/_apis/wit/workItems/{id}", organization.replace(' ', "%20"))
    }

    /// All comments of an item that are not deleted, newest first.
    pub(super) async fn comments(&self, id: u64) -> Result<Vec<RawComment>, Failed> {
        let (size, pages) = COMMENTS;
        let mut all = Vec::new();
        let mut more: Option<String> = None;
        for _page in 0..pages {
            let mut request = self.comments_of(Verb::Get, id).query("$top", &size);
            request = request.query("order", "desc");
            if let Some(token) = &more {
                request = request.query("continuationToken", token);
            }
            let page: Comments = self.ask("read comments", request).await?;
            all.extend(page.comments.into_iter().filter(|comment| !comment.is_deleted));
            more = page.more.filter(|token| !token.is_empty());
            if more.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Adds a comment.
    pub(super) async fn add_comment(&self, id: u64, text: &str) -> Result<(), Failed> {
        let request = self.comments_of(Verb::Post, id).json(&json!({ "text": text }));
        let _comment: Value = self.ask("add a comment", request).await?;
        Ok(())
    }

    /// Replaces the text of a comment.
    pub(super) async fn edit_comment(
        &self,
        id: u64,
        comment: u64,
        text: &str,
    ) -> Result<(), Failed> {
        let request = self.comments_of(Verb::Patch, id).below(&comment);
        let _comment: Value =
            self.ask("edit a comment", request.json(&json!({ "text": text }))).await?;
        Ok(())
    }

    /// Uploads a file. It is attached to nothing yet.
    pub(super) async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<Uploaded, Failed> {
        let request = self.request(Verb::Post, &["attachments"]).query("fileName", name);
        self.ask("upload a file", request.body("application/octet-stream", bytes)).await
    }

    /// A repository of the organization; its name and its project's are parts of an address already.
    pub(super) async fn repository(
        &self,
        project: &str,
        name: &str,
    ) -> Result<RepositoryIds, Failed> {
        let plain = |part: &str| part.replace("%20", " ").replace("%25", "%");
        let request = Request::new(Verb::Get, "").below(&self.organization).below(&plain(project));
        let request = request.below("_apis").below("git").below("repositories");
        let request = request.below(&plain(name)).query("api-version", &self.version);
        self.ask("read a repository", request).await
    }

    /// Whose the token is.
    pub(super) async fn whoami(&self) -> Result<String, Failed> {
        let request = Request::new(Verb::Get, "").below(&self.organization);
        let request = request.below("_apis").below("connectionData");
        // It has been a preview in every version so far.
        let version = format!("{}-preview", self.version);
        let connection: Connection =
            self.ask("ask whose the token is", request.query("api-version", &version)).await?;
        Ok(connection.user.id)
    }

    fn comments_of(&self, verb: Verb, id: u64) -> Request {
        let mut request = self.request(verb, &["workItems", &id.to_string(), "comments"]);
        // Comments have been a preview in every version so far.
        let preview = if self.version.starts_with("7.1") { 4 } else { 3 };
        request.query[0].1 = format!("{}-preview.{preview}", self.version);
        request
    }

    fn request(&self, verb: Verb, path: &[&str]) -> Request {
        let request = Request::new(verb, "").below(&self.organization).below(&self.project);
        let request = request.below("_apis").below("wit");
        let request = path.iter().fold(request, |request, part| request.below(*part));
        request.query("api-version", &self.version)
    }

    async fn ask<T: DeserializeOwned>(&self, action: &str, request: Request) -> Result<T, Failed> {
        let reply = self.http.send(&request).await.map_err(|error| unanswered(&error))?;
        if !reply.succeeded() || reply.status == 203 {
            return Err(self.refusal(action, &reply));
        }
        if !is_json(&reply) {
            return Err(self.signed_out(&reply).into());
        }
        reply.json().map_err(|error| {
            Failed::Tracker(TrackerError::Unavailable {
                tracker: SOURCE.to_owned(),
                reason: format!("its answer cannot be read ({error}; tried to {action})"),
            })
        })
    }
}

/// The header for a personal access token: a password without a user.
fn basic(token: &SecretString) -> SecretString {
    format!("Basic {}", STANDARD.encode(format!(":{}", token.expose_secret()))).into()
}
