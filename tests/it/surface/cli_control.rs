//! The daemon and its control socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::factory::{APPROVED, Factory, Talk, eventually};

#[test]
fn a_second_daemon_is_refused_and_told_who_holds_the_directory() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let ended = factory.run(&["start"]).code(75);
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(said.contains(&format!("process {}", daemon.process())), "{said}");
    assert!(said.contains("hint: one daemon per state directory"), "{said}");
    assert!(Talk::to(&factory.state()).is_some(), "the first one lost its socket");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_socket_is_for_its_owner_alone_and_goes_with_the_daemon() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let mode =
        |name: &str| fs::metadata(factory.state().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("control.sock"), 0o600);
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("factory.db"), 0o600);
    assert_eq!(daemon.stop(), Some(0));
    assert!(!factory.state().join("control.sock").exists());
}

#[test]
fn a_socket_left_by_a_killed_daemon_is_replaced_and_does_not_look_like_a_daemon() {
    let factory = Factory::with_script(APPROVED);
    drop(factory.start());
    assert!(factory.state().join("control.sock").exists());
    assert!(factory.json(&["status"])["daemon"].is_null());
    let daemon = factory.start();
    assert_eq!(factory.json(&["status"])["daemon"]["process"], daemon.process());
    assert!(daemon.said().contains("the daemon before went down"), "{}", daemon.said());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_state_directory_with_a_long_path_has_its_socket_elsewhere() {
    let factory = Factory::with_script(APPROVED);
    let long = "d".repeat(120);
    let config = fs::read_to_string(factory.path("config.toml")).unwrap();
    let config = config.replace("\"state\"", &format!("\"{long}\""));
    fs::write(factory.path("config.toml"), config).unwrap();
    let ended = factory.run(&["pause"]).code(1);
    assert!(String::from_utf8_lossy(&ended.get_output().stderr).contains("nothing on record"));
    let mut child =
        factory.command(&["start"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let root = factory.path(&long);
    eventually("the daemon can be talked to", || Talk::to(&root).is_some());
    let socket = fs::read_to_string(root.join("control.path")).unwrap();
    let directory = std::path::Path::new(&socket).parent().unwrap().to_owned();
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(factory.json(&["status"])["daemon"]["process"], child.id());
    super::factory::signal(&child, rustix::process::Signal::TERM);
    assert!(child.wait().unwrap().success());
    assert!(!std::path::Path::new(&socket).exists());
    fs::remove_dir(directory).unwrap();
}

#[test]
fn a_bad_client_is_told_so_and_hurts_nobody() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let state = factory.state();
    let mut talk = Talk::to(&state).unwrap();
    talk.send("not json");
    assert_eq!(talk.receive().unwrap()["code"], "malformed");
    talk.send(&json!({ "protocol": 99, "request": { "kind": "ping" } }).to_string());
    let answer = talk.receive().unwrap();
    assert_eq!(answer["code"], "protocol");
    assert!(answer["message"].as_str().unwrap().contains("protocol 1"), "{answer}");
    let answer = talk.ask(&json!({ "kind": "dance" }));
    assert_eq!(answer["code"], "malformed");
    let submit = json!({ "kind": "submit", "command": { "command": "pause" }, "actor": "a\nb" });
    assert_eq!(talk.ask(&submit)["code"], "malformed");
    let silent: Vec<Talk> = (0..20).map(|_| Talk::to(&state).unwrap()).collect();
    let mut flood = Talk::to(&state).unwrap();
    flood.send(&"x".repeat(2 * 1024 * 1024));
    assert_eq!(flood.receive().unwrap()["code"], "too_large");
    assert!(flood.receive().is_none(), "what cannot be understood any more is hung up on");
    let pong = talk.ask(&json!({ "kind": "ping", "version": "0" }));
    assert_eq!((&pong["kind"], &pong["process"]), (&"pong".into(), &daemon.process().into()));
    drop(silent);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn too_many_clients_are_told_so_and_there_is_room_again_when_they_leave() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let state = factory.state();
    // The place of whoever looked whether the daemon is up may be given back only now.
    let mut crowd: Vec<Talk> = Vec::new();
    eventually("all places are taken", || {
        let mut talk = Talk::to(&state).unwrap();
        if talk.ask(&json!({ "kind": "ping", "version": "0" }))["kind"] == "pong" {
            crowd.push(talk);
        }
        crowd.len() == 64
    });
    let mut one_more = Talk::to(&state).unwrap();
    assert_eq!(one_more.receive().unwrap()["code"], "busy");
    let ended = factory.run(&["status"]).code(1);
    assert!(String::from_utf8_lossy(&ended.get_output().stderr).contains("too many clients"));
    drop(crowd);
    eventually("there is room again", || {
        factory.command(&["status"]).output().unwrap().status.success()
    });
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn followers_get_every_event_once_and_in_order_and_the_end() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let mut follower = Talk::to(&factory.state()).unwrap();
    let request = json!({ "kind": "follow", "after": 0 });
    follower.send(&json!({ "protocol": 1, "request": request }).to_string());
    assert_eq!(follower.receive().unwrap()["event"]["type"], "ops.daemon_started");
    factory.run(&["pause"]).code(0);
    let paused = follower.receive().unwrap();
    assert_eq!(paused["event"]["type"], "ops.paused");
    assert_eq!(paused["event"]["actor"], "human:cli:tester");
    assert_eq!(paused["event"]["gseq"], 2);
    factory.run(&["resume"]).code(0);
    assert_eq!(follower.receive().unwrap()["event"]["gseq"], 3);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(follower.receive().unwrap()["event"]["type"], "ops.daemon_stopped");
    assert_eq!(follower.receive().unwrap()["kind"], "end");
    assert!(follower.receive().is_none());
}

#[test]
fn commands_go_to_the_running_daemon() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let reply = factory.json(&["turbo", "2"]);
    assert_eq!((&reply["accepted"], &reply["daemon"]), (&true.into(), &true.into()));
    assert!(factory.json(&["status"])["status"]["turbo_until"].is_string());
    let reply = factory.json(&["approve", "nobody"]);
    assert_eq!(reply["accepted"], false);
    factory.run(&["heartbeat"]).code(0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_changed_configuration_counts_and_one_with_mistakes_does_not() {
    let factory = Factory::with_script(APPROVED);
    let items = factory.path("items");
    fs::create_dir(&items).unwrap();
    fs::write(items.join("A-1.md"), "+++\ntitle = \"First\"\n+++\nDo it.\n").unwrap();
    let repository = factory.path("repository").display().to_string();
    let project = format!(
        "[local]\ndirectory = \"items\"\n[[projects]]\nname = \"demo\"\npath = \"{repository}\"\n"
    );
    factory.configure(&project);
    let mut child = factory
        .command(&["start"])
        .stderr(fs::File::create(factory.path("daemon.log")).unwrap())
        .spawn()
        .unwrap();
    let said = || fs::read_to_string(factory.path("daemon.log")).unwrap();
    eventually("the item is seen", || {
        Talk::to(&factory.state()).is_some()
            && factory.json(&["status"])["status"]["items"][0]["id"] == "local/A-1"
    });
    factory.configure(&format!("{project}[pace]\nwindow = 1\n"));
    super::factory::signal(&child, rustix::process::Signal::HUP);
    eventually("the mistake is reported", || said().contains("the old one is kept"));
    factory.configure(&format!("{project}[autonomous]\nenabled = true\n"));
    super::factory::signal(&child, rustix::process::Signal::HUP);
    eventually("the item is done", || {
        factory.json(&["status"])["status"]["items"][0]["status"] == "done"
    });
    super::factory::signal(&child, rustix::process::Signal::TERM);
    assert!(child.wait().unwrap().success());
}
