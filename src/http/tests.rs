use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as Asked, State};
use axum::response::Response;
use tokio::time::Instant;

use super::client::{Client, Request, Settings, Verb};
use super::error::HttpError;

/// What the server answers, one after the other, the last one for ever; and what it was asked.
#[derive(Clone)]
struct Service {
    answers: Arc<Mutex<Vec<Response>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn new(answers: Vec<Response>) -> (Self, String) {
        let service = Self {
            answers: Arc::new(Mutex::new(answers)),
            asked: Arc::new(Mutex::new(Vec::new())),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/base/", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(service.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        let _server = tokio::spawn(async move { axum::serve(listener, app).await });
        (service, base)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(service): State<Service>, asked: Asked) -> Response {
    let authorization = asked.headers().get("authorization").map(|value| value.to_str().unwrap());
    let line = format!("{} {} {}", asked.method(), asked.uri(), authorization.unwrap_or("-"));
    service.asked.lock().unwrap().push(line);
    let mut answers = service.answers.lock().unwrap();
    match answers.len() {
        0 => Response::new(Body::from("ok")),
        _ => answers.remove(0),
    }
}

fn status(code: u16, headers: &[(&str, &str)]) -> Response {
    let mut builder = Response::builder().status(code);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from("{}")).unwrap()
}

fn client(base: &str, change: impl FnOnce(&mut Settings)) -> Client {
    let mut settings = Settings::new(base);
    change(&mut settings);
    Client::new(settings).unwrap()
}

#[tokio::test]
async fn a_request_has_its_parts_encoded_and_the_credentials() {
    let (service, base) = Service::new(Vec::new()).await;
    let client = client(&base, |settings| settings.authorization = Some("Basic abc".into()));
    let request = Request::new(Verb::Get, "a/b").below("c d/e").query("$top", &5).query("q", "a&b");
    let reply = client.send(&request).await.unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    assert_eq!(service.asked(), ["GET /base/a/b/c%20d%2Fe?%24top=5&q=a%26b Basic abc"]);
}

#[tokio::test]
async fn reads_are_repeated_while_the_service_is_broken_and_writes_never() {
    let broken = || (0..9).map(|_| status(502, &[])).collect();
    for (verb, times) in [(Verb::Get, 3), (Verb::Search, 3), (Verb::Post, 1), (Verb::Patch, 1)] {
        let (service, base) = Service::new(broken()).await;
        let reply = client(&base, |_| ()).send(&Request::new(verb, "x")).await.unwrap();
        assert_eq!((reply.status, service.asked().len()), (502, times), "{verb:?}");
    }
    let (service, base) = Service::new(vec![status(503, &[]), status(200, &[])]).await;
    let reply = client(&base, |_| ()).send(&Request::new(Verb::Get, "x")).await.unwrap();
    assert_eq!((reply.status, service.asked().len()), (200, 2));
}

#[tokio::test]
async fn a_service_that_wants_to_be_left_alone_is_not_asked_again_before_its_time() {
    let reset = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "784111877")][..];
    let dated = [reset, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")]].concat();
    for refusal in [
        status(429, &[("retry-after", "120")]),
        status(200, &[("retry-after", "120")]),
        status(403, &dated),
        status(200, &dated),
        status(429, &[]),
    ] {
        let said = format!("{refusal:?}");
        let (service, base) = Service::new(vec![refusal]).await;
        let client = client(&base, |_| ());
        let _first = client.send(&Request::new(Verb::Get, "x")).await.unwrap();
        let error = client.send(&Request::new(Verb::Patch, "x")).await.unwrap_err();
        let HttpError::Limited { wait, .. } = &error else { panic!("{error:?} after {said}") };
        assert!((30..=122).contains(&wait.as_secs()), "{wait:?} after {said}");
        assert_eq!(service.asked().len(), 1, "{said}");
        assert!(!error.maybe_done());
    }
}

#[tokio::test]
async fn short_pauses_are_waited_for() {
    let (service, base) = Service::new(vec![status(429, &[("retry-after", "1")])]).await;
    let client = client(&base, |_| ());
    let begun = Instant::now();
    let _first = client.send(&Request::new(Verb::Get, "x")).await.unwrap();
    let second = client.send(&Request::new(Verb::Get, "x")).await.unwrap();
    assert_eq!((second.status, service.asked().len()), (200, 2));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn writes_keep_their_distance_and_reads_do_not_wait_for_them() {
    let (_service, base) = Service::new(Vec::new()).await;
    let client = client(&base, |settings| {
        settings.between_writes = Duration::from_secs(3_600);
        settings.patience = Duration::from_secs(60);
    });
    let write = Request::new(Verb::Post, "x");
    assert_eq!(client.send(&write).await.unwrap().status, 200);
    let error = client.send(&write).await.unwrap_err();
    assert!(matches!(error, HttpError::Limited { .. }), "{error:?}");
    assert_eq!(client.send(&Request::new(Verb::Get, "x")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_service_out_of_reach_is_told_apart_from_one_that_may_have_done_it() {
    // Bound and not accepting: the port is taken, and nobody answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let impatient = client(&base, |settings| settings.timeout = Duration::from_millis(200));
    let error = impatient.send(&Request::new(Verb::Post, "x")).await.unwrap_err();
    assert!(matches!(error, HttpError::TimedOut { .. }) && error.maybe_done(), "{error:?}");
    drop(silent);
    let error = client(&base, |_| ()).send(&Request::new(Verb::Post, "x")).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }) && !error.maybe_done(), "{error:?}");
    assert!(error.to_string().starts_with("127.0.0.1 is out of reach: "), "{error}");
}

#[tokio::test]
async fn answers_are_bounded_and_redirects_are_not_followed() {
    let (service, base) = Service::new(vec![
        status(302, &[("location", "/elsewhere")]),
        Response::new(Body::from("x".repeat(100))),
    ])
    .await;
    let client = client(&base, |settings| settings.most = 99);
    assert_eq!(client.send(&Request::new(Verb::Get, "x")).await.unwrap().status, 302);
    assert_eq!(service.asked().len(), 1);
    let error = client.send(&Request::new(Verb::Get, "x")).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer of 127.0.0.1 is larger than 99 bytes");
}

#[test]
fn an_address_or_a_secret_that_cannot_be_used_is_said_without_showing_the_secret() {
    let refused = |base: &str, secret: Option<&str>| {
        let settings = Settings {
            authorization: secret.map(|secret| secret.to_owned().into()),
            ..Settings::new(base)
        };
        Client::new(settings).err().map(|error| error.to_string())
    };
    assert!(refused("tracker.example/org", None).is_some());
    assert!(refused("ftp://tracker.example", None).unwrap().contains("http://"));
    let complaint = refused("https://tracker.example", Some("Basic hush\nhush")).unwrap();
    assert!(!complaint.contains("hush"), "{complaint}");
    assert_eq!(refused("https://tracker.example/org", Some("Basic abc")), None);
}
