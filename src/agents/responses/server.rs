//! A scripted model server on loopback: answers each connection with the next reply, byte by byte as scripted.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// How long a reader of requests waits before it calls the test hung.
const BOUND: Duration = Duration::from_secs(60);

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ending: Ending,
    after: Option<PathBuf>,
}

/// What comes after the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The connection is closed in order.
    Close,
    /// Nothing, until the client goes away.
    Stall,
    /// The connection is cut although more was promised.
    Cut,
    /// Not even a head is sent.
    Silence,
}

impl Reply {
    /// A JSON answer.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = body.to_string().into_bytes();
        Self { status, headers, body, ending: Ending::Close, after: None }
    }

    /// A stream of these events.
    pub(super) fn stream(events: &[Value]) -> Self {
        let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        Self::raw(text.into_bytes())
    }

    /// A stream of these bytes.
    pub(super) fn raw(body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Self { status: 200, headers, body, ending: Ending::Close, after: None }
    }

    /// A failure in the providers' form.
    pub(super) fn failure(status: u16, kind: &str, message: &str) -> Self {
        Self::json(status, &json!({ "error": { "message": message, "type": kind, "code": kind } }))
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Not before this file is there.
    pub(super) fn after(mut self, file: PathBuf) -> Self {
        self.after = Some(file);
        self
    }

    /// A final message of `/v1/responses`.
    pub(super) fn text(text: &str) -> Self {
        let item = json!({
            "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }],
        });
        Self::items(&[item])
    }

    /// Calls of `/v1/responses`: name and arguments.
    pub(super) fn calls(calls: &[(&str, Value)]) -> Self {
        let items: Vec<Value> = calls
            .iter()
            .enumerate()
            .map(|(index, (name, arguments))| {
                // Text stands for arguments that are no JSON.
                let text = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
                json!({
                    "type": "function_call", "call_id": format!("call_{index}"), "name": name, "arguments": text,
                })
            })
            .collect();
        Self::items(&items)
    }

    /// Any items of `/v1/responses`; each such answer uses 100 tokens of input, 40 of them cached, and 10 of output.
    pub(super) fn items(items: &[Value]) -> Self {
        let mut events =
            vec![json!({ "type": "response.created", "response": { "status": "in_progress" } })];
        events.extend(
            items.iter().map(|item| json!({ "type": "response.output_item.done", "item": item })),
        );
        let usage = json!({
            "input_tokens": 100, "input_tokens_details": { "cached_tokens": 40 }, "output_tokens": 10,
        });
        let response = json!({ "status": "completed", "output": items, "usage": usage });
        events.push(json!({ "type": "response.completed", "response": response }));
        Self::stream(&events)
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// `POST /v1/responses HTTP/1.1` and the headers.
    pub(super) head: String,
    /// The body.
    pub(super) body: Value,
}

/// A running server.
pub(super) struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// The connection that is being answered.
    current: Arc<Mutex<Option<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that gives these replies, one per request; the last one again and again.
    pub(super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let current = Arc::new(Mutex::new(None));
        let (seen, open) = (Arc::clone(&requests), Arc::clone(&current));
        let thread = std::thread::Builder::new()
            .name("model server".to_owned())
            .spawn(move || serve(&listener, &replies, &seen, &open))
            .expect("a thread");
        Self { address, requests, current, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    /// The bodies of all requests.
    pub(super) fn bodies(&self) -> Vec<Value> {
        self.requests().into_iter().map(|request| request.body).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The client may still hold its end open: its runtime may be waiting for this thread.
        if let Some(stream) = self.current.lock().ok().and_then(|mut it| it.take()) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
        // A request for the end.
        if let Ok(mut stream) = TcpStream::connect(&self.address) {
            let _closed = stream.write_all(b"END / HTTP/1.1\r\n\r\n");
        }
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || !matches!(joined, Some(Err(_))), "the server panicked");
    }
}

fn serve(
    listener: &TcpListener,
    replies: &[Reply],
    seen: &Mutex<Vec<Request>>,
    current: &Mutex<Option<TcpStream>>,
) {
    let mut next = 0;
    while let Ok((mut stream, _)) = listener.accept() {
        *current.lock().expect("no panic") = stream.try_clone().ok();
        stream.set_read_timeout(Some(BOUND)).expect("a bound");
        let Some(request) = read(&mut stream) else { continue };
        if request.head.starts_with("END ") {
            return;
        }
        seen.lock().expect("no panic").push(request);
        let reply = &replies[next.min(replies.len() - 1)];
        next += 1;
        // The client may have gone away, which is what some tests are about.
        let _gone = answer(&mut stream, reply);
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
            })
            .unwrap_or(0);
        while bytes.len() < end + 4 + length {
            let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            bytes.extend_from_slice(&buffer[..count]);
        }
        let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
        return Some(Request { head, body });
    }
}

fn answer(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    while reply.after.as_ref().is_some_and(|file| !file.exists()) {
        std::thread::park_timeout(Duration::from_millis(2));
    }
    if reply.ending == Ending::Silence {
        let _until_the_client_goes = stream.read(&mut [0; 16]);
        return stream.shutdown(Shutdown::Both);
    }
    let mut head = format!("HTTP/1.1 {} scripted\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head = format!("{head}{name}: {value}\r\n");
    }
    let promised = match reply.ending {
        Ending::Close => reply.body.len(),
        Ending::Stall | Ending::Cut | Ending::Silence => reply.body.len() + 1000,
    };
    head = format!("{head}content-length: {promised}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(&reply.body)?;
    stream.flush()?;
    if reply.ending == Ending::Stall {
        let _until_the_client_goes = stream.read(&mut [0; 16]);
    }
    stream.shutdown(Shutdown::Both)
}
