//! A strict, stateful Azure DevOps on the loopback: work items with revisions, links and comments, the processes'
//! types and states, WIQL that is really evaluated, and the ways in which the service refuses or fails.
//!
//! What it does not understand it refuses, so that nothing passes here that would fail there. Everything it was asked
//! is in its journal.

pub mod board;
pub mod comments;
pub mod faults;
pub mod files;
pub mod locations;
pub mod parts;
pub mod patch;
pub mod process;
pub mod pulls;
pub mod routes;
pub mod wiql;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde_json::{Value, json};

use board::{Board, Comment};
use faults::{Fault, Faults, Scope};
use process::Process;
use pulls::Pulls;

/// The organization.
pub const ORGANIZATION: &str = "fabrikam";
/// The project; its name has a blank, as many have.
pub const PROJECT: &str = "Fiber Suite";
/// The team.
pub const TEAM: &str = "Fiber Team";
/// The token that is taken.
pub const TOKEN: &str = "pat-of-the-factory-0123456789abcdef";
/// Whose token that is.
pub const FACTORY: &str = "factory@example.org";
/// A person who works on the board.
pub const PERSON: &str = "ada@example.org";

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, …
    pub method: String,
    /// The path, in lower case.
    pub path: String,
    /// The query as it came.
    pub query: String,
    /// The body, if it was JSON.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
}

impl Asked {
    /// Whether it was meant to change something.
    pub fn writes(&self) -> bool {
        match self.method.as_str() {
            "PATCH" | "DELETE" | "PUT" => true,
            "POST" => !self.path.ends_with("/wiql") && !self.path.ends_with("/workitemsbatch"),
            _ => false,
        }
    }
}

/// What the server holds.
pub struct Inner {
    pub board: Board,
    pub pulls: Pulls,
    pub faults: Faults,
    pub journal: Vec<Asked>,
    pub address: String,
}

/// The service and what people do on its board.
#[derive(Clone)]
pub struct Azure {
    inner: Arc<Mutex<Inner>>,
    released: Arc<tokio::sync::Notify>,
    base: String,
    _stop: Arc<Stop>,
}

/// Ends the server with the last handle.
struct Stop(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(stop) = self.0.take() {
            let _gone = stop.send(());
        }
    }
}

impl Azure {
    /// Starts the service with an empty board of that process, on a thread of its own.
    pub fn start(process: Process) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let base = format!("http://{address}");
        let inner = Inner {
            board: Board::new(process),
            pulls: Pulls::default(),
            faults: Faults::default(),
            journal: Vec::new(),
            address: base.clone(),
        };
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let azure = Self {
            inner: Arc::new(Mutex::new(inner)),
            released: Arc::new(tokio::sync::Notify::new()),
            base,
            _stop: Arc::new(Stop(Some(stop))),
        };
        let state = (Arc::clone(&azure.inner), Arc::clone(&azure.released));
        let app = Router::new().fallback(routes::answer).with_state(state);
        #[expect(clippy::disallowed_methods, reason = "ends with the last handle")]
        let _server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    served = axum::serve(listener, app) => served.expect("a server"),
                    _ = stopped => {}
                }
            });
        });
        azure
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person makes an item; its number.
    pub fn create(&self, kind: &str, fields: &[(&str, Value)]) -> u64 {
        self.inner().board.create(None, kind, fields, PERSON).expect("an item")
    }

    /// A person makes an item with a number of the test's choice, or changes it.
    pub fn put(&self, id: u64, kind: &str, fields: &[(&str, Value)]) {
        let mut inner = self.inner();
        if inner.board.items.contains_key(&id) {
            inner.board.edit(id, fields, PERSON);
        } else {
            inner.board.create(Some(id), kind, fields, PERSON).expect("an item");
        }
    }

    /// A person changes fields of an item; `null` takes a field away.
    pub fn edit(&self, id: u64, fields: &[(&str, Value)]) {
        self.inner().board.edit(id, fields, PERSON);
    }

    /// The item was changed last that long ago.
    pub fn age(&self, id: u64, by: std::time::Duration) {
        let at = board::now() - by;
        let mut inner = self.inner();
        let item = inner.board.items.get_mut(&id).expect("an item");
        item.fields.insert("System.ChangedDate".to_owned(), json!(board::moment(at)));
    }

    /// A person links an item to another, or to a page.
    pub fn link(&self, id: u64, rel: &str, url: &str) {
        self.inner().board.link(id, rel, url);
    }

    /// A person deletes an item.
    pub fn delete(&self, id: u64) {
        self.inner().board.items.remove(&id);
    }

    /// A person writes a comment; its number.
    pub fn comment(&self, id: u64, text: &str) -> u64 {
        self.inner().board.comment(id, text, PERSON)
    }

    /// A person changes a comment, whoever wrote it.
    pub fn rewrite_comment(&self, id: u64, comment: u64, text: &str) {
        let mut inner = self.inner();
        let item = inner.board.items.get_mut(&id).expect("an item");
        let found = item.comments.iter_mut().find(|it| it.id == comment);
        text.clone_into(&mut found.expect("a comment").text);
    }

    /// The comments of an item, oldest first.
    pub fn comments(&self, id: u64) -> Vec<Comment> {
        self.inner().board.items.get(&id).map(|item| item.comments.clone()).unwrap_or_default()
    }

    /// The links of an item: their kinds and addresses.
    pub fn relations(&self, id: u64) -> Vec<(String, String)> {
        self.inner().board.items.get(&id).map(|item| item.relations.clone()).unwrap_or_default()
    }

    /// The files that are attached to an item, by name.
    pub fn attached(&self, id: u64) -> Vec<(String, String)> {
        let inner = self.inner();
        let relations = inner.board.items.get(&id).into_iter().flat_map(|item| &item.relations);
        let files = relations.filter(|(rel, _)| rel == "AttachedFile");
        let read = |(name, bytes): &(String, Vec<u8>)| {
            (name.clone(), String::from_utf8_lossy(bytes).into_owned())
        };
        files.filter_map(|(_, url)| inner.board.files.get(url).map(read)).collect()
    }

    /// Nothing may be moved to these states from now on.
    pub fn forbid(&self, states: &[&str]) {
        self.inner().board.forbidden = states.iter().map(|it| (*it).to_owned()).collect();
    }

    /// Somebody else copies a comment, word for word, to the same or another item.
    pub fn copy_comment(&self, from: u64, comment: usize, to: u64) {
        let text = self.comments(from)[comment].text.clone();
        self.comment(to, &text);
    }

    /// A field of an item as it is now.
    pub fn field(&self, id: u64, name: &str) -> Value {
        let inner = self.inner();
        inner
            .board
            .items
            .get(&id)
            .and_then(|it| it.fields.get(name))
            .cloned()
            .unwrap_or(json!(null))
    }

    /// Names of the states that an item has had, without repeats.
    pub fn states(&self, id: u64) -> Vec<String> {
        self.inner().board.items.get(&id).map(|item| item.states.clone()).unwrap_or_default()
    }

    /// Something goes wrong `times` times with requests of this kind.
    pub fn fail(&self, scope: Scope, times: u32, fault: Fault) {
        self.inner().faults.add(scope, times, fault);
    }

    /// Nothing goes wrong any more, and held answers are given.
    pub fn recover(&self) {
        self.inner().faults.clear();
        self.released.notify_waiters();
    }

    /// A person changes an item just before the next change of it arrives.
    pub fn edit_before_next_patch(&self, id: u64, fields: &[(&str, Value)]) {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.inner().faults.edits.push((id, fields.collect()));
    }

    /// People do something in the repository.
    pub fn repository<T>(&self, act: impl FnOnce(&mut Pulls) -> T) -> T {
        act(&mut self.inner().pulls)
    }

    /// Everything that was asked, in order.
    pub fn journal(&self) -> Vec<Asked> {
        self.inner().journal.clone()
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.inner().journal.clear();
    }
}
