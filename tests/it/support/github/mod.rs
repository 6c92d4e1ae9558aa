//! A GitHub on loopback: repositories with issues, labels and comments, as strict as the real one where it matters to a
//! client, with faults on request and a journal of everything it was asked.
//!
//! It refuses what GitHub refuses: no `User-Agent`, another API version, a wrong token, bodies with the wrong fields,
//! labels that are not there, issues that were deleted (410) or transferred (301). Listings are paged with `Link`, answer
//! `If-None-Match` with 304, and hold pull requests too. Its clock goes one second with every change, so that nothing in it
//! depends on when a test runs. Contract: GitHub's REST description 2022-11-28; whoever changes it runs the judges.

mod answers;
mod creating;
pub(crate) mod pulls;
mod shown;
pub(crate) mod world;

use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use world::{Issue, World};

/// The account whose token the server takes.
pub(crate) const ACCOUNT: &str = "factory-bot";

/// The token it takes.
pub(crate) const TOKEN: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

/// Longest wait for something that a client is about to do.
const BOUND: Duration = Duration::from_secs(300);

/// One request and what it was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Path without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
    pub(crate) status: u16,
}

impl Call {
    /// Whether it asked for a change.
    pub(crate) fn writes(&self) -> bool {
        self.method != "GET"
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is answered with this and not looked at.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// It is done: only counted.
    Done,
    /// It is done, and the connection breaks before the answer is there.
    DoneUnanswered,
    /// It is done, and the answer comes when the test lets it.
    DoneHeld,
}

impl Fault {
    /// A server that is broken.
    pub(crate) fn broken() -> Self {
        Self::Answer(502, Vec::new(), "<html>Bad gateway</html>".to_owned())
    }

    /// The primary limit, with the seconds to wait.
    pub(crate) fn limited(seconds: u32) -> Self {
        let text = json!({ "message": "API rate limit exceeded for user ID 1." }).to_string();
        Self::Answer(429, vec![("retry-after", seconds.to_string())], text)
    }
}

struct Plan {
    method: &'static str,
    path: String,
    times: u32,
    fault: Fault,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    world: World,
    journal: Vec<Call>,
    faults: Vec<Plan>,
    /// Requests whose answers are held back.
    held: u32,
    released: bool,
}

/// A running server; it ends with the value.
pub(crate) struct FakeGithub {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeGithub {
    /// Starts one without any repositories, on a thread and a runtime of its own.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let thread = std::thread::Builder::new().spawn(move || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("serving"),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        let thread = Some(thread.expect("a thread"));
        Self { url: format!("http://{address}"), shared, stop: Some(stop), thread }
    }

    /// Its address, which is the base of the API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to what is there, as people do.
    pub(crate) fn people<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut inner = self.inner();
        let done = act(&mut inner.world);
        self.shared.changed.notify_all();
        done
    }

    /// An issue as it stands.
    pub(crate) fn issue(&self, repository: &str, number: u64) -> Issue {
        self.inner().world.issue(repository, number).expect("the issue").clone()
    }

    /// The next `times` requests with `method` whose path ends with `path` (or goes on after it, with a `*`) meet `fault`.
    pub(crate) fn fail(&self, method: &'static str, path: &str, times: u32, fault: Fault) {
        let mut inner = self.inner();
        inner.released = false;
        inner.faults.push(Plan { method, path: path.to_owned(), times, fault });
    }

    /// Everything that it was asked so far, and forgets it.
    pub(crate) fn take_journal(&self) -> Vec<Call> {
        std::mem::take(&mut self.inner().journal)
    }

    /// Everything that it was asked so far.
    pub(crate) fn journal(&self) -> Vec<Call> {
        self.inner().journal.clone()
    }

    /// Waits until a request is held back.
    pub(crate) fn await_held(&self) {
        self.until("a request is held back", |inner| inner.held > 0);
    }

    /// Lets everything go that is held back.
    pub(crate) fn release(&self) {
        self.inner().released = true;
        self.shared.changed.notify_all();
    }

    /// Waits until what is there is as `wanted`.
    pub(crate) fn until_world(&self, what: &str, wanted: impl Fn(&World) -> bool) {
        self.until(what, |inner| wanted(&inner.world));
    }

    fn until(&self, what: &str, wanted: impl Fn(&Inner) -> bool) {
        let waiting = |inner: &mut Inner| !wanted(inner);
        let guard = self.inner();
        let (guard, late) = self
            .shared
            .changed
            .wait_timeout_while(guard, BOUND, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "{what}: not within {BOUND:?}; {:#?}", guard.journal.last());
    }
}

impl Drop for FakeGithub {
    fn drop(&mut self) {
        self.release();
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        bytes: bytes.to_vec(),
    };
    let (answer, held) = {
        let mut inner = shared.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = inner.fault(&asked);
        let answer = match &fault {
            Some(Fault::Answer(status, headers, body)) => {
                Answer { status: *status, headers: headers.clone(), body: body.clone() }
            }
            _ => inner.world.answer(&asked),
        };
        inner.journal.push(Call {
            method: asked.method,
            path: asked.path,
            query: asked.query,
            body: serde_json::from_slice(&asked.bytes).unwrap_or(Value::Null),
            status: answer.status,
        });
        let held = matches!(fault, Some(Fault::DoneHeld));
        inner.held += u32::from(held);
        shared.changed.notify_all();
        if matches!(fault, Some(Fault::DoneUnanswered)) {
            // Less than what is promised: the connection ends in the middle of the answer.
            return Response::builder()
                .header("content-length", "9999")
                .body(Body::from("{"))
                .unwrap();
        }
        (answer, held)
    };
    if held {
        let waiting = Arc::clone(&shared);
        tokio::task::block_in_place(move || {
            let guard = waiting.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut guard, _) = waiting
                .changed
                .wait_timeout_while(guard, BOUND, |inner| !inner.released)
                .unwrap_or_else(PoisonError::into_inner);
            guard.held -= 1;
        });
    }
    answer.into_response()
}

impl Inner {
    fn fault(&mut self, asked: &Asked) -> Option<Fault> {
        let plan = self.faults.iter_mut().find(|plan| {
            let fits = match plan.path.strip_suffix('*') {
                Some(path) => asked.path.contains(path),
                None => asked.path.ends_with(&plan.path),
            };
            plan.times > 0 && plan.method == asked.method && fits
        })?;
        plan.times -= 1;
        Some(plan.fault.clone())
    }
}

/// A request.
struct Asked {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What is answered.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    fn into_response(self) -> Response {
        let mut builder = Response::builder().status(self.status);
        builder = builder.header("content-type", "application/json; charset=utf-8");
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        builder.body(Body::from(self.body)).expect("a response")
    }
}
