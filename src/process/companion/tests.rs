use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::{Companion, Start};
use crate::process::identity::{ProcessIdentity, alive};
use crate::process::marker::Marker;
use crate::process::recovery::{end_marked, find_marked};
use crate::process::testing::{noted, noted_pid, runs, stubborn, until};

fn marker(place: &Path) -> Marker {
    Marker::new(&place.file_name().unwrap().to_string_lossy().replace('.', "companion-"), "run")
}

fn start(place: &TempDir, script: &str) -> Start {
    Start {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), format!("PATH=/usr/bin:/bin; {script}").into()],
        cwd: place.path().to_owned(),
        marker: marker(place.path()),
        log: fs::File::create(place.path().join("log")).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_its_handle_leaves_it_alone_and_a_later_handle_ends_all_of_it() {
    let place = TempDir::new().unwrap();
    let hidden = stubborn("hidden").replacen("setsid", &format!("{}= setsid", super::VARIABLE), 1);
    let script = format!("read told; echo $told > told; {hidden} echo $$ > own; wait");
    let (companion, input) = start(&place, &script).start().await.unwrap();
    input.give(b"go\n").await;
    until(|| noted(place.path(), "own").is_some()).await;
    assert_eq!(fs::read_to_string(place.path().join("told")).unwrap(), "go\n");
    let identity = companion.identity().clone();
    assert_eq!(identity.pid, noted_pid(place.path(), "own"));
    drop(companion);
    assert!(alive(&identity));
    let mut again = Companion::find(&identity, &marker(place.path())).unwrap();
    let ended = again.end_all().await.unwrap();
    assert!(ended.contains(&identity) && ended.len() >= 2, "{ended:?}");
    again.ended().await.unwrap();
    // It carried no mark: it was found because its parent was.
    assert!(!runs(noted_pid(place.path(), "hidden")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_started_is_found_after_it_was_killed() {
    let place = TempDir::new().unwrap();
    let script = format!("{} echo $$ > own; wait", stubborn("agent"));
    let (mut companion, _input) = start(&place, &script).start().await.unwrap();
    until(|| noted(place.path(), "own").is_some()).await;
    let pid = super::adoption::raw(companion.identity().pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    companion.ended().await.unwrap();
    let agent = ProcessIdentity::of(noted_pid(place.path(), "agent")).unwrap();
    assert!(alive(&agent));
    assert!(companion.end_all().await.unwrap().contains(&agent));
    assert!(!alive(&agent));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_with_its_number_is_not_it() {
    let place = TempDir::new().unwrap();
    let (mut companion, input) = start(&place, "read told").start().await.unwrap();
    let mut other = companion.identity().clone();
    other.start_time.push('0');
    assert!(Companion::find(&other, &marker(place.path())).is_none());
    drop(input);
    companion.ended().await.unwrap();
    assert!(Companion::find(companion.identity(), &marker(place.path())).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn invariant_10_what_an_earlier_daemon_left_is_ended_except_what_is_spared() {
    let place = TempDir::new().unwrap();
    let instance = place.path().file_name().unwrap().to_string_lossy().replace('.', "spared-");
    let begin = |run: &str| {
        let script = format!("{} echo $$ > {run}; wait", stubborn(&format!("agent-{run}")));
        Start { marker: Marker::new(&instance, run), ..start(&place, &script) }
    };
    let (spared, _one) = begin("spared").start().await.unwrap();
    let (mut other, _two) = begin("other").start().await.unwrap();
    until(|| ["spared", "other"].iter().all(|name| noted(place.path(), name).is_some())).await;
    let recorded = [spared.identity().clone(), other.identity().clone()];
    let spare = [(Marker::new(&instance, "spared"), spared.identity().clone())];
    let prefix = format!("{instance}:");
    let ended = end_marked(&prefix, &recorded, &spare, Duration::ZERO).await.unwrap().ended;
    other.ended().await.unwrap();
    assert!(ended.contains(other.identity()) && !ended.contains(spared.identity()), "{ended:?}");
    assert!(!runs(noted_pid(place.path(), "agent-other")));
    assert!(runs(noted_pid(place.path(), "agent-spared")) && alive(spared.identity()));
    let ended = end_marked(&prefix, &[], &[], Duration::ZERO).await.unwrap().ended;
    assert!(ended.contains(spared.identity()));
    assert_eq!(find_marked(&prefix).unwrap(), []);
}
