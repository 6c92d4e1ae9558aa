//! Deliveries of trackers to the built daemon: each is a hint to look, and never more.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use enact_factory::http::client::{Client, Request, Settings, Verb};

use crate::support::azure::process::Process;
use crate::support::azure::{Azure, ORGANIZATION, PROJECT, TEAM, TOKEN as AZURE_TOKEN};
use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};
use crate::support::github::{ACCOUNT, FakeGithub, Fault, TOKEN};
use crate::support::judges::emulate;

const SECRET: &str = "a-webhook-secret-0123456789";
const OWN: &str = "factory-bot/demo";
const ITEM: &str = "github/factory-bot/demo#1";

/// A factory that looks at its issues once an hour, unless it is told to.
fn patient(url: &str) -> Factory {
    let mut factory = Factory::new();
    factory.variable("GITHUB_TOKEN", TOKEN);
    factory.variable("GITHUB_WEBHOOK_SECRET", SECRET);
    factory.more_config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n\
         [github]\nbase_url = {url:?}\npoll_interval_ms = 3600000\nreread_interval_ms = 7200000\n\
         write_interval_ms = 0\n[[github.repositories]]\nname = {OWN:?}\nproject = \"demo\"\n"
    );
    let coder = Step::coder("factory-bot/demo#1").write("hello.txt", "hello\n").answer(DONE);
    let critic = Step::critic("factory-bot/demo#1").answer(APPROVE);
    factory.script(&Script::new().step(coder).step(critic));
    factory
}

/// What `status` says.
fn status(factory: &Factory) -> Value {
    let said = factory.cli_ok(&["status", "--json"]);
    let status: Value = serde_json::from_str(&said.out).expect("JSON");
    status["status"].clone()
}

/// What it says of the port.
fn webhooks(factory: &Factory) -> Value {
    status(factory)["webhooks"].clone()
}

fn address(factory: &Factory) -> String {
    webhooks(factory)["address"].as_str().expect("an address").to_owned()
}

/// Delivers something as GitHub does; the status of the answer.
fn deliver(address: &str, delivery: &str, secret: &str, body: &str) -> u16 {
    let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    code.update(body.as_bytes());
    let signature = hex::encode(code.finalize().into_bytes());
    let headers = format!(
        "x-github-event: issues\r\nx-github-delivery: {delivery}\r\nx-hub-signature-256: sha256={signature}"
    );
    post(address, "/hooks/github", &headers, body)
}

fn post(address: &str, path: &str, headers: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status")
}

#[test]
fn a_signed_delivery_makes_the_daemon_look_and_a_false_one_does_not() {
    let server = FakeGithub::start();
    server.people(|world| world.repository(OWN));
    let mut factory = patient(server.url());
    factory.start();
    factory.until("the board was read", BOUND, |_| (server.journal().len() >= 2).then_some(()));
    let address = address(&factory);
    server.people(|world| world.open(OWN, "Add a greeting", "Write hello.txt.", &["ai-factory"]));
    let before = server.journal().len();
    // What the payload says is of no interest: this one claims that the issue is closed.
    let body =
        json!({ "action": "closed", "issue": { "number": 1, "state": "closed" } }).to_string();
    for _ in 0..20 {
        assert_eq!(deliver(&address, "1", "another secret", &body), 401);
    }
    assert_eq!(server.journal().len(), before, "nobody was woken");
    assert_eq!(deliver(&address, "1", SECRET, &body), 202);
    assert_eq!(deliver(&address, "1", SECRET, &body), 200);
    factory.wait_for(&[ITEM], "done");
    factory.wait_until_quiet();
    assert_eq!(factory.repository.merged_log().len(), 1);
    let seen = webhooks(&factory);
    assert_eq!(
        [&seen["accepted"], &seen["repeated"], &seen["refused"], &seen["last_source"]],
        [&json!(1), &json!(1), &json!(20), &json!("github")]
    );
    let said = factory.cli(&["doctor"]).out;
    assert!(said.contains("the last from github at"), "{said}");
    assert!(!factory.logs().contains(SECRET));
    assert!(factory.sigterm().success());
    TcpListener::bind(&address).expect("the port is free again");
}

#[test]
fn a_thousand_deliveries_are_a_few_readings_and_a_pause_that_was_asked_for_is_kept() {
    let server = FakeGithub::start();
    server.people(|world| world.repository(OWN));
    let mut factory = patient(server.url());
    factory.start();
    factory.until("the board was read", BOUND, |_| (server.journal().len() >= 2).then_some(()));
    let address = address(&factory);
    let _before = server.take_journal();
    let began = Instant::now();
    for number in 0..1000 {
        assert_eq!(deliver(&address, &number.to_string(), SECRET, "{}"), 202);
    }
    // One at once, then one in five seconds; each is one request.
    let most = began.elapsed().as_secs() / 5 + 2;
    let readings = server.journal().len() as u64;
    assert!((1..=most).contains(&readings), "{readings} of at most {most}");
    factory.until("the last hint was followed", BOUND, |_| {
        (server.journal().len() as u64 > readings).then_some(())
    });
    server.fail("GET", "/issues", 1, Fault::limited(3600));
    assert_eq!(deliver(&address, "one more", SECRET, "{}"), 202);
    factory.until("the limit was met", BOUND, |factory| {
        status(factory)["problems"].to_string().contains("left alone").then_some(())
    });
    let asked = server.take_journal().len();
    assert!(asked > 0);
    assert_eq!(deliver(&address, "and another", SECRET, "{}"), 202);
    factory.until("it was looked at again", BOUND, |factory| {
        let logs = factory.logs();
        (logs.matches("hinted at").count() >= 4).then_some(())
    });
    assert!(server.journal().is_empty(), "it was asked in its pause: {:?}", server.journal());
}

#[test]
fn deliveries_of_a_github_of_other_peoples_making_are_taken() {
    let seed = format!(
        "tokens:\n  {TOKEN}:\n    login: {ACCOUNT}\n    scopes: [repo, user]\n\
         github:\n  users:\n    - login: {ACCOUNT}\n  repos:\n    - owner: {ACCOUNT}\n      name: demo\n      auto_init: true\n"
    );
    let Some(server) = emulate(&seed) else { return };
    let mut factory = patient(&server.url);
    factory.start();
    let address = address(&factory);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ask = |request: Request| -> Value {
        runtime.as_ref().expect("a runtime").block_on(async {
            let authorization = Some(format!("Bearer {TOKEN}").into());
            let client = Client::new(Settings { authorization, ..Settings::new(&server.url) });
            let reply = client.expect("a client").send(&request).await.expect("an answer");
            assert!(reply.succeeded(), "{}: {}", reply.status, reply.text());
            reply.json().expect("JSON")
        })
    };
    let below = |path: &str| Request::new(Verb::Post, &format!("repos/{OWN}/{path}"));
    let hook = |secret: &str| {
        json!({ "name": "web", "active": true, "events": ["issues", "issue_comment"], "config": {
            "url": format!("http://{address}/hooks/github"), "content_type": "json", "secret": secret } })
    };
    let _wrong = ask(below("hooks").json(&hook("somebody else's")));
    let _right = ask(below("hooks").json(&hook(SECRET)));
    let issue = json!({ "title": "Greet", "body": "Write hello.txt.", "labels": ["ai-factory"] });
    let _made = ask(below("issues").json(&issue));
    factory.wait_for(&[ITEM], "done");
    factory.wait_until_quiet();
    let seen = webhooks(&factory);
    assert!(seen["accepted"].as_u64() >= Some(1) && seen["refused"].as_u64() >= Some(1), "{seen}");
    let issue = ask(Request::new(Verb::Get, &format!("repos/{OWN}/issues/1")));
    assert_eq!(issue["state"], "closed");
    assert_eq!(factory.repository.merged_log().len(), 1);
}

#[test]
fn a_delivery_of_azure_devops_makes_the_daemon_look() {
    let azure = Azure::start(Process::Agile);
    let mut factory = Factory::new();
    let variables = [
        ("AZDO_ORG", ORGANIZATION),
        ("AZDO_PROJECT", PROJECT),
        ("AZDO_TEAM_ID", TEAM),
        ("AZDO_PAT", AZURE_TOKEN),
        ("AZDO_WEBHOOK_USER", "hooks"),
        ("AZDO_WEBHOOK_PASSWORD", "open sesame"),
    ];
    for (name, value) in variables {
        factory.variable(name, value);
    }
    factory.more_config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[azdo]\nbase_url = {:?}\npoll_interval = \"1h\"\n\
         trusted_authors = [\"@example.org\"]\nlane = \"autopilot\"\n",
        azure.base()
    );
    let coder = Step::coder("1").write("a.txt", "1\n").answer(DONE);
    factory.script(&Script::new().step(coder).step(Step::critic("1").answer(APPROVE)));
    factory.start();
    factory.until("the board was read", BOUND, |_| (!azure.journal().is_empty()).then_some(()));
    let address = address(&factory);
    azure.create(Process::Agile.story(), &[("System.Title", json!("Greet"))]);
    let event = json!({
        "subscriptionId": "6b2d7f0e-6b0c-4f4f-9d5e-2f3f6a1b0c9d", "notificationId": 7,
        "eventType": "workitem.created", "publisherId": "tfs", "resource": { "id": 1, "rev": 1,
        "fields": { "System.Title": "Something else" } }, "resourceVersion": "1.0"
    });
    let deliver = |login: &str| {
        let headers = format!("content-type: application/json\r\nauthorization: Basic {login}");
        post(&address, "/hooks/azure-devops", &headers, &event.to_string())
    };
    assert_eq!(deliver("aG9va3M6d3Jvbmc="), 401);
    assert_eq!(deliver("aG9va3M6b3BlbiBzZXNhbWU="), 202);
    assert_eq!(deliver("aG9va3M6b3BlbiBzZXNhbWU="), 200);
    factory.wait_for(&["azdo/1"], "done");
    assert_eq!(factory.repository.merged_log().len(), 1);
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let mut factory = Factory::new();
    factory.variable("GITHUB_WEBHOOK_SECRET", SECRET);
    factory.more_config = format!("[http]\nlisten = \"{address}\"\n");
    factory.configure();
    let said = factory.cli(&["start"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(&format!("cannot listen on {address}")), "{said:?}");
    assert!(said.err.contains("http.listen"), "{said:?}");
    let doctor = factory.cli(&["doctor"]);
    assert!(doctor.code == 1 && doctor.out.contains("cannot be listened on"), "{doctor:?}");
}

#[test]
fn an_address_that_others_reach_must_be_meant() {
    let mut factory = Factory::new();
    factory.variable("GITHUB_WEBHOOK_SECRET", SECRET);
    factory.more_config = "[http]\nlisten = \"0.0.0.0:3847\"\n".to_owned();
    factory.configure();
    let said = factory.cli(&["validate"]);
    assert!(said.code != 0 && format!("{said:?}").contains("allow_remote"), "{said:?}");
    factory.more_config.push_str("allow_remote = true\n");
    factory.configure();
    let said = factory.cli_ok(&["validate"]);
    assert!(!said.out.contains(SECRET), "{said:?}");
}
