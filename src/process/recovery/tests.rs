use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{end_marked, find_marked};
use crate::process::capture::Capture;
use crate::process::identity::{ProcessIdentity, alive};
use crate::process::marker::{self, instance_prefix};
use crate::process::testing::{noted, noted_pid, runs, stubborn, until};

fn shell(script: &str, place: &Path) -> Capture {
    Capture {
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        cwd: place.to_path_buf(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        stdin: None,
        timeout: Duration::from_secs(120),
        max_output: 1000,
    }
}

fn instance(place: &Path) -> String {
    place.file_name().unwrap().to_string_lossy().replace('.', "recovery-test-")
}

#[tokio::test]
async fn invariant_10_what_an_earlier_daemon_left_is_found_by_its_mark_and_ended() {
    let place = tempfile::tempdir().unwrap();
    // Unique, because other copies of this test may run on the same machine.
    let instance = instance(place.path());
    let marked = |name, instance| {
        stubborn(name).replacen("setsid", &format!("{}={instance}:r1 setsid", marker::VARIABLE), 1)
    };
    let other = marked("other", format!("{instance}2"));
    let marked = marked("left", instance.clone());
    let capture = shell(&format!("{marked} {other} echo > ready; wait"), place.path());
    let cancel = CancellationToken::new();
    let check = async {
        until(|| place.path().join("ready").exists()).await;
        let left = ProcessIdentity::of(noted_pid(place.path(), "left")).unwrap();
        let prefix = instance_prefix(&instance);
        assert_eq!(find_marked(&prefix).unwrap(), from_ref(&left));
        let ended = end_marked(&prefix, &[], &[], Duration::from_millis(50)).await.unwrap();
        assert_eq!(ended.ended, from_ref(&left));
        assert!(!alive(&left));
        assert_eq!(find_marked(&prefix).unwrap(), []);
        assert!(runs(noted_pid(place.path(), "other")));
        cancel.cancel();
    };
    let (_cancelled, ()) = tokio::join!(capture.run(&cancel), check);
    assert!(!runs(noted_pid(place.path(), "other")));
}

#[tokio::test]
async fn a_recorded_process_is_ended_only_if_it_is_still_that_one() {
    let place = tempfile::tempdir().unwrap();
    let capture = shell(&format!("{} wait", stubborn("recorded")), place.path());
    let cancel = CancellationToken::new();
    let check = async {
        until(|| noted(place.path(), "recorded").is_some()).await;
        let recorded = ProcessIdentity::of(noted_pid(place.path(), "recorded")).unwrap();
        let prefix = instance_prefix(&instance(place.path()));
        let reused = ProcessIdentity { pid: recorded.pid, start_time: "another boot:1".to_owned() };
        let ended = end_marked(&prefix, &[reused], &[], Duration::ZERO).await.unwrap();
        assert_eq!(ended.ended, []);
        assert!(alive(&recorded));
        let ended = end_marked(&prefix, from_ref(&recorded), &[], Duration::ZERO).await.unwrap();
        assert_eq!(ended.ended, from_ref(&recorded));
        assert!(!alive(&recorded));
    };
    let (captured, ()) = tokio::join!(capture.run(&cancel), check);
    assert!(captured.unwrap().exit.code.is_some());
}
