//! A scripted model server on loopback, for driving the real agent CLIs without a model.
//!
//! It speaks the Anthropic Messages API (`/v1/messages`, streamed and plain, and `count_tokens`) and the
//! OpenAI Responses API (`/v1/responses`, streamed and plain; a WebSocket upgrade is answered 426), the
//! OpenAI Chat Completions API (`/v1/chat/completions`, streamed and plain), and lists models under `…/models`.
//! The agent needs nothing but the URL: Claude Code takes [`ModelServer::url`] as `ANTHROPIC_BASE_URL`, the
//! others take `<url>/v1` as the base URL of a model provider.
//!
//! ```text
//! let server = ModelServer::start();
//! server.script(
//!     Script::new()
//!         // The critic asks for changes once, then approves; it echoes what it finds in its prompt.
//!         .rule(Rule::new(When::critic(), Answer::text(revise_json)).times(1))
//!         .rule(Rule::new(When::critic(), Answer::from_request(|request| Answer::text(approval(request)))))
//!         // The coder writes a file in its first step, says so in the second.
//!         .rule(
//!             Rule::new(When::coder(), Answer::Tools(vec![ToolCall::write("a.txt", "hello\n")]))
//!                 .then(Answer::text("Done.")),
//!         ),
//! );
//! // … run the agent …
//! assert!(server.model_calls()[0].prompt().contains("the goal"));
//! ```
//!
//! How a request is answered:
//! - The **prompt** is the last thing that the CLI's user said; what the CLIs inject in the user's name
//!   (reminders, environment, repository instructions) is not a prompt. The **step** is how many of the
//!   server's tool answers to that prompt have come back with results: 0 for a fresh prompt.
//! - At step 0 the first rule whose condition holds and whose `times` are not used up answers, and that
//!   rule keeps the turn: its second answer is for step 1, and so on; the last answer repeats. A request
//!   that the CLI retries is a new opening and uses up another of the rule's `times`.
//! - A request that no rule answers gets a 400 which says so, and [`ModelServer::unanswered`] lists it.
//!
//! Everything in it is a function of the requests: no clock, no sleep, no randomness. The server stops,
//! and open requests are cut, when the value is dropped.

mod anthropic;
mod chat;
mod openai;
mod request;
mod script;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::sync::oneshot;

pub use request::{Protocol, RecordedRequest};
pub use script::{Answer, Gate, Rule, Script, ToolCall, When};

/// Bytes of a request body that are read at most; the CLIs accept prompts of 10 MB.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Tokens that the server reports for every answered request, whatever was in it, so that a test can
/// compute what a run must have added up to.
pub mod usage {
    /// Input tokens that were neither read from nor written to the cache.
    pub const FRESH_INPUT: u64 = 100;
    /// Input tokens written to the cache (Messages API only; the others count them as input).
    pub const CACHE_WRITE: u64 = 10;
    /// Input tokens read from the cache.
    pub const CACHE_READ: u64 = 20;
    /// Output tokens.
    pub const OUTPUT: u64 = 27;
}

/// A running server; see the module documentation.
pub struct ModelServer {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ModelServer {
    /// Starts a server with an empty script on a free port, on a thread and runtime of its own.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binding a loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("the listener's address");
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for the model server");
            runtime.block_on(async {
                let listener =
                    tokio::net::TcpListener::from_std(listener).expect("a tokio listener");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("serving"),
                    _ = stopped => {}
                }
            });
        });
        Self { url: format!("http://{address}"), shared, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:<port>`, without a trailing slash or `/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Replaces the script, and forgets which rule was answering which turn. Recorded requests stay.
    pub fn script(&self, script: Script) {
        let mut inner = self.shared.lock();
        inner.rules = script.rules;
        inner.turns.clear();
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests.clone()
    }

    /// The requests that asked the model to go on (no token counts, model lists and the like).
    pub fn model_calls(&self) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.protocol.is_some()).collect()
    }

    /// The model calls that no rule answered; a test that expects a complete script asserts it is empty.
    pub fn unanswered(&self) -> Vec<RecordedRequest> {
        self.model_calls().into_iter().filter(|request| request.answer == UNANSWERED).collect()
    }

    /// Waits until the condition over all requests so far holds; false if it does not within the bound.
    /// Woken by each arrival, each answer and each client that goes away.
    pub fn wait_until(
        &self,
        bound: Duration,
        condition: impl Fn(&[RecordedRequest]) -> bool,
    ) -> bool {
        let (inner, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), bound, |inner| !condition(&inner.requests))
            .unwrap_or_else(PoisonError::into_inner);
        condition(&inner.requests)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // The receiver is gone only if serving failed, and then the thread has ended too.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

const UNANSWERED: &str = "no rule";

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    /// Which rule answers a turn, by session and prompt.
    turns: HashMap<(Option<String>, String), usize>,
    requests: Vec<RecordedRequest>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn amend(&self, number: usize, change: impl FnOnce(&mut RecordedRequest)) {
        if let Some(request) = self.lock().requests.get_mut(number - 1) {
            change(request);
        }
        self.changed.notify_all();
    }
}

impl Inner {
    /// The scripted answer, or `None` if no rule has one.
    fn choose(&mut self, request: &RecordedRequest) -> Option<Answer> {
        let turn = (request.session(), request.prompt());
        let step = request.step();
        let kept = (step > 0).then(|| self.turns.get(&turn).copied()).flatten();
        let index = match kept {
            Some(index) => index,
            None => {
                let index = self.rules.iter().position(|rule| rule.opens(request))?;
                self.rules[index].use_up();
                self.turns.insert(turn, index);
                index
            }
        };
        Some(self.rules.get(index)?.answer(step))
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let upgrade = request.headers().contains_key("upgrade");
    let (parts, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return wire::plain(413, error.to_string()),
    };
    let (recorded, answer) = {
        let mut inner = shared.lock();
        let recorded = RecordedRequest::new(inner.requests.len() + 1, &parts, &body, upgrade);
        inner.requests.push(recorded.clone());
        let answer = recorded.protocol.and_then(|_| inner.choose(&recorded));
        (recorded, answer)
    };
    shared.changed.notify_all();
    let Some(protocol) = recorded.protocol else {
        let (description, response) = wire::side_call(&recorded, upgrade);
        shared.amend(recorded.number, |request| request.answer = description.to_owned());
        return response;
    };
    let answer = resolve(&recorded, answer);
    let description = answer.as_ref().map_or(UNANSWERED.to_owned(), Answer::describe);
    shared.amend(recorded.number, |request| request.answer = description);
    let answer = match answer {
        Some(Answer::Held(gate, then)) => {
            gate.passed().await;
            resolve(&recorded, Some(*then))
        }
        other => other,
    };
    match answer {
        Some(Answer::Hang) => {
            let _client = Client { shared: &shared, number: recorded.number };
            std::future::pending().await
        }
        Some(answer) => wire::render(protocol, &recorded, &answer),
        None => wire::failure(
            protocol,
            400,
            "the script of the model server has no rule for this request",
        ),
    }
}

/// Runs an answer that is a function of the request; a panic in it becomes an answer that says so.
fn resolve(request: &RecordedRequest, answer: Option<Answer>) -> Option<Answer> {
    match answer {
        Some(Answer::FromRequest(function)) => {
            let computed = catch_unwind(AssertUnwindSafe(|| function(request)));
            let panicked = || Some(Answer::failure(400, "the scripted answer panicked"));
            computed.map_or_else(|_| panicked(), |answer| resolve(request, Some(answer)))
        }
        other => other,
    }
}

/// Notes, when a request that is left hanging is dropped, that its client went away.
struct Client<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.shared.amend(self.number, |request| request.abandoned = true);
    }
}

fn response(
    status: u16,
    content_type: &str,
    headers: &[(String, String)],
    body: String,
) -> Response {
    let mut builder = Response::builder().status(status);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        builder = builder.header("content-type", content_type);
    }
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(body)).expect("scripted status and headers are valid")
}
