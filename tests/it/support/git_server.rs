//! A git server on the loopback, as forges have them: `git http-backend` behind a look at the credentials.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use tokio::sync::oneshot;

use super::bench::SEARCH_PATH;

/// A running server; it ends with the value.
pub(crate) struct GitServer {
    /// Its address; repositories come below it.
    pub(crate) url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    root: PathBuf,
    /// The header that lets in.
    authorization: String,
    /// Paths, and whether they came with that header.
    asked: Mutex<Vec<(String, bool)>>,
}

impl GitServer {
    /// Serves the repositories of a directory to whoever sends this `Authorization`. `None`, after saying that the test
    /// is skipped, where git has no `http-backend`.
    pub(crate) fn start(root: &Path, authorization: &str) -> Option<Self> {
        let found =
            Command::new("git").arg("--exec-path").env("PATH", SEARCH_PATH).output().ok()?;
        let place = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        if !Path::new(&place).join("git-http-backend").is_file() {
            println!("skipped: git http-backend not found");
            return None;
        }
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            authorization: authorization.to_owned(),
            asked: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let thread = std::thread::Builder::new().spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("serving"),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Some(Self { url, shared, stop: Some(stop), thread: Some(thread.expect("a thread")) })
    }

    /// Paths that were asked for, and whether with the right credentials.
    pub(crate) fn asked(&self) -> Vec<(String, bool)> {
        self.shared.asked.lock().expect("the journal").clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| {
        headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
    };
    let may = header("authorization") == shared.authorization;
    shared.asked.lock().expect("the journal").push((uri.path().to_owned(), may));
    if !may {
        let builder = Response::builder().status(401).header("www-authenticate", "Basic realm=git");
        return builder.body(Body::from("who are you?")).expect("a response");
    }
    let variables = [
        ("PATH", SEARCH_PATH.to_owned()),
        ("HOME", "/nonexistent".to_owned()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_PROJECT_ROOT", shared.root.to_string_lossy().into_owned()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("REMOTE_USER", "factory".to_owned()),
        ("REMOTE_ADDR", "127.0.0.1".to_owned()),
        ("REQUEST_METHOD", method.to_string()),
        ("PATH_INFO", uri.path().to_owned()),
        ("QUERY_STRING", uri.query().unwrap_or_default().to_owned()),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", body.len().to_string()),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
    ];
    tokio::task::block_in_place(|| answered(&variables, &body))
}

fn answered(variables: &[(&str, String)], body: &[u8]) -> Response {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git http-backend");
    let mut input = child.stdin.take().expect("its input");
    let body = body.to_vec();
    let feeding = std::thread::Builder::new().spawn(move || input.write_all(&body).is_ok());
    let output = child.wait_with_output().expect("its answer");
    let _fed = feeding.expect("a thread").join();
    let end = output.stdout.windows(4).position(|it| it == b"\r\n\r\n").expect("headers");
    let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
    let mut builder = Response::builder();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        builder = match name {
            "Status" => builder.status(value[..3].parse::<u16>().expect("a status")),
            _ => builder.header(name, value),
        };
    }
    builder.body(Body::from(output.stdout[end + 4..].to_vec())).expect("a response")
}
