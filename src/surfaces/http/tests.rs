//! Deliveries over a real connection: who is let in, what it costs, and what it never does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::hooks::{Hooks, Secrets};
use super::router;
use super::secrets::Login;
use super::server::{Bounds, HttpServer};
use crate::runtime::clock::SystemClock;
use crate::runtime::hints::{Deliveries, Hints};
use crate::runtime::tasks::Tasks;

const SECRET: &str = "It's a Secret to Everybody";

/// A port with both secrets.
struct Port {
    address: SocketAddr,
    hints: Arc<Hints>,
    stop: CancellationToken,
    tasks: Tasks,
}

impl Port {
    async fn open(bounds: Bounds) -> Self {
        Self::with(bounds, both()).await
    }

    async fn with(bounds: Bounds, secrets: Secrets) -> Self {
        let server = HttpServer::bind(([127, 0, 0, 1], 0).into(), bounds).await.unwrap();
        let address = server.address();
        let hints = Arc::new(Hints::default());
        hints.open(address.to_string(), secrets.sources());
        let hooks = Hooks::new(secrets, Arc::clone(&hints), Arc::new(SystemClock), bounds);
        let stop = CancellationToken::new();
        let mut tasks = Tasks::default();
        tasks.spawn("port", server.serve(router(Arc::new(hooks)), stop.clone()));
        Self { address, hints, stop, tasks }
    }

    fn deliveries(&self) -> Deliveries {
        self.hints.deliveries().unwrap()
    }

    /// Sends one request and reads everything that is answered.
    async fn say(&self, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!(
            "{head}\r\nhost: factory\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Whoever is refused for its head may be hung up on before its body is through.
        let _refused = stream.write_all(body).await;
        answer(&mut stream).await
    }

    async fn github(&self, delivery: &str, event: &str, signature: &str, body: &[u8]) -> String {
        let signature = match signature {
            "" => String::new(),
            given => format!("\r\nx-hub-signature-256: {given}"),
        };
        let head = format!(
            "POST /hooks/github HTTP/1.1\r\nx-github-delivery: {delivery}\r\nx-github-event: {event}{signature}"
        );
        self.say(&head, body).await
    }

    async fn azure(&self, authorization: &str, body: &str) -> String {
        let head = format!("POST /hooks/azure-devops HTTP/1.1\r\nauthorization: {authorization}");
        self.say(&head, body.as_bytes()).await
    }
}

fn both() -> Secrets {
    let password = SecretString::from("open sesame");
    Secrets {
        github: Some(SecretString::from(SECRET)),
        azure_devops: Some(Login { user: "hooks".to_owned(), password }),
    }
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is as good as an end.
    let _reset = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    text.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
}

fn signed(body: &[u8]) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    code.update(body);
    format!("sha256={}", hex::encode(code.finalize().into_bytes()))
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// What Azure DevOps delivers when a work item was changed: `resource.id` is the number of the update.
fn azure_event(notification: u64) -> String {
    format!(
        r#"{{"subscriptionId":"6b2d7f0e-6b0c-4f4f-9d5e-2f3f6a1b0c9d","notificationId":{notification},
        "id":"27646e0e-b520-4d2b-9411-bba7524947cd","eventType":"workitem.updated","publisherId":"tfs",
        "message":{{"text":"Bug #5 changed"}},"resource":{{"id":2,"workItemId":5,"rev":2,
        "revisedBy":{{"displayName":"Ann"}},"fields":{{"System.State":{{"oldValue":"New","newValue":"Active"}}}},
        "revision":{{"id":5,"rev":2,"fields":{{"System.Title":"A bug"}}}}}},
        "resourceVersion":"1.0","createdDate":"2026-09-19T13:03:29.2Z"}}"#
    )
}

#[tokio::test]
async fn the_signature_is_the_one_of_githubs_documents() {
    // The example in "Validating webhook deliveries".
    let port = Port::open(Bounds::default()).await;
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(signed(b"Hello, World!"), signature);
    assert_eq!(status(&port.github("1", "issues", signature, b"Hello, World!").await), 202);
    assert!(!port.hints.is_empty());
}

#[tokio::test]
async fn a_wrong_or_missing_secret_is_answered_with_401_and_nothing_else_whatever_was_asked() {
    let port = Port::open(Bounds::default()).await;
    let body = b"{\"action\":\"opened\"}";
    let right = signed(body);
    let mut answers = vec![
        port.github("1", "issues", "", body).await,
        port.github("1", "issues", "sha256=00", body).await,
        port.github("1", "issues", "sha1=aa", body).await,
        port.github("1", "issues", &right[..right.len() - 2], body).await,
        // Tampered with on the way.
        port.github("1", "issues", &right, b"{\"action\":\"closed\"}").await,
        port.azure("", &azure_event(1)).await,
        port.azure("Basic !!!", &azure_event(1)).await,
        // hooks:wrong, :open sesame, hooks
        port.azure("Basic aG9va3M6d3Jvbmc=", &azure_event(1)).await,
        port.azure("Basic Om9wZW4gc2VzYW1l", &azure_event(1)).await,
        port.azure("Bearer aG9va3M6b3BlbiBzZXNhbWU=", &azure_event(1)).await,
        port.say("GET /hooks/github HTTP/1.1", b"").await,
    ];
    assert_eq!(port.deliveries().refused, 11);
    for head in ["GET / HTTP/1.1", "POST /hooks HTTP/1.1", "POST /api/pause HTTP/1.1"] {
        answers.push(port.say(head, b"").await);
    }
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
        assert_eq!(status(answer), 401);
        assert!(answer.trim_end().ends_with("content-length: 0") || !answer.contains("\n\n{"));
    }
    let deliveries = port.deliveries();
    assert_eq!((deliveries.accepted, deliveries.last), (0, None));
    assert!(port.hints.is_empty());
}

#[tokio::test]
async fn without_a_secret_of_its_own_a_tracker_is_refused() {
    let port = Port::with(Bounds::default(), Secrets::default()).await;
    let of_nothing = Hmac::<Sha256>::new_from_slice(b"").unwrap().finalize().into_bytes();
    let signature = format!("sha256={}", hex::encode(of_nothing));
    assert_eq!(status(&port.github("1", "issues", &signature, b"").await), 401);
    // ":"
    assert_eq!(status(&port.azure("Basic Og==", &azure_event(1)).await), 401);
    assert!(port.hints.is_empty());
}

#[tokio::test]
async fn what_comes_again_does_no_harm() {
    let port = Port::open(Bounds::default()).await;
    let body = b"{}";
    for (expected, delivery) in [(202, "a"), (200, "a"), (202, "b"), (200, "a")] {
        assert_eq!(status(&port.github(delivery, "issues", &signed(body), body).await), expected);
    }
    let login = "Basic aG9va3M6b3BlbiBzZXNhbWU=";
    for (expected, notification) in [(202, 1), (200, 1), (202, 2)] {
        assert_eq!(status(&port.azure(login, &azure_event(notification)).await), expected);
    }
    // The names of one tracker's deliveries say nothing about another's, and what has no name is new.
    assert_eq!(status(&port.azure(login, "{}").await), 202);
    assert_eq!(status(&port.azure(login, "{}").await), 202);
    assert_eq!(status(&port.azure(login, "no JSON").await), 400);
    let deliveries = port.deliveries();
    assert_eq!((deliveries.accepted, deliveries.repeated, deliveries.refused), (6, 3, 0));
    assert_eq!(deliveries.last.unwrap().0, "azdo");
}

#[tokio::test]
async fn a_ping_is_answered_and_wakes_nobody() {
    let port = Port::open(Bounds::default()).await;
    let body = b"{\"zen\":\"Keep it logically awesome.\"}";
    assert_eq!(status(&port.github("1", "ping", &signed(body), body).await), 200);
    assert!(port.hints.is_empty());
    assert_eq!(port.deliveries().accepted, 1);
}

#[tokio::test]
async fn a_body_larger_than_may_be_is_refused_announced_or_not() {
    let port = Port::open(Bounds { most: 1000, ..Bounds::default() }).await;
    let body = [b'x'; 1001];
    assert_eq!(status(&port.github("1", "issues", &signed(&body), &body).await), 413);
    assert_eq!(status(&port.github("2", "issues", &signed(&body[1..]), &body[1..]).await), 202);
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    let head = format!(
        "POST /hooks/github HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
         x-hub-signature-256: {}\r\n\r\n",
        signed(&body)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        // It may be hung up on in the middle.
        let _refused = stream.write_all(format!("190\r\n{}\r\n", "x".repeat(400)).as_bytes()).await;
    }
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 413");
}

#[tokio::test]
async fn who_says_nothing_or_too_slowly_is_hung_up_on_and_others_get_through() {
    let patience = Duration::from_millis(300);
    let bounds = Bounds { connections: 4, head: patience, body: patience, ..Bounds::default() };
    let port = Port::open(bounds).await;
    let mut slow = Vec::new();
    for number in 0..8 {
        let mut stream = TcpStream::connect(port.address).await.unwrap();
        let said: &[u8] = match number % 2 {
            0 => b"POST /hooks/github HTTP/1.1\r\nhost: x\r\nx-hub",
            _ => {
                b"POST /hooks/github HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: sha256=00\r\n\
                   content-length: 100\r\n\r\n{"
            }
        };
        stream.write_all(said).await.unwrap();
        slow.push(stream);
    }
    // It waits behind them: when it is through, they have been hung up on.
    assert_eq!(status(&port.github("1", "issues", &signed(b"{}"), b"{}").await), 202);
    for mut stream in slow {
        let answer = answer(&mut stream).await;
        assert!(matches!(status(&answer), 0 | 408), "{answer}");
    }
}

#[tokio::test]
async fn a_thousand_deliveries_are_one_hint() {
    let port = Port::open(Bounds::default()).await;
    let body = b"{}";
    for number in 0..1000 {
        let delivery = number.to_string();
        assert_eq!(status(&port.github(&delivery, "issues", &signed(body), body).await), 202);
    }
    assert_eq!(port.deliveries().accepted, 1000);
    assert!(!port.hints.is_empty());
}

#[tokio::test]
async fn when_the_daemon_stops_the_port_is_free_and_nobody_holds_it_up() {
    let mut port = Port::open(Bounds::default()).await;
    let mut idle = TcpStream::connect(port.address).await.unwrap();
    idle.write_all(b"POST /hooks/github HTTP/1.1\r\n").await.unwrap();
    port.stop.cancel();
    port.tasks.join_all().await;
    HttpServer::bind(port.address, Bounds::default()).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_address() {
    let port = Port::open(Bounds::default()).await;
    let error = HttpServer::bind(port.address, Bounds::default()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", port.address));
}
