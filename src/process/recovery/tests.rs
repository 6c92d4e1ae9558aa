use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{end_marked, find_marked};
use crate::process::capture::Capture;
use crate::process::identity::{ProcessIdentity, alive};
use crate::process::marker::instance_prefix;
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

#[tokio::test]
async fn invariant_10_what_an_earlier_daemon_left_is_found_by_its_mark_and_ended() {
    let place = tempfile::tempdir().unwrap();
    let marked =
        stubborn("left").replacen("setsid", "ENACT_FACTORY_RUN=recovery-test:r1 setsid", 1);
    let other =
        stubborn("other").replacen("setsid", "ENACT_FACTORY_RUN=recovery-test2:r1 setsid", 1);
    let capture = shell(&format!("{marked} {other} echo > ready; wait"), place.path());
    let cancel = CancellationToken::new();
    let check = async {
        until(|| place.path().join("ready").exists()).await;
        let left = ProcessIdentity::of(noted_pid(place.path(), "left")).unwrap();
        let prefix = instance_prefix("recovery-test");
        assert_eq!(find_marked(&prefix).unwrap(), [left.clone()]);
        let ended = end_marked(&prefix, &[], Duration::from_millis(50)).await.unwrap();
        assert_eq!(ended.ended, [left.clone()]);
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
        let prefix = instance_prefix("recovery-test-nobody");
        let reused = ProcessIdentity { pid: recorded.pid, start_time: "another boot:1".to_owned() };
        let ended = end_marked(&prefix, &[reused], Duration::ZERO).await.unwrap();
        assert_eq!(ended.ended, []);
        assert!(alive(&recorded));
        let ended = end_marked(&prefix, &[recorded.clone()], Duration::ZERO).await.unwrap();
        assert_eq!(ended.ended, [recorded.clone()]);
        assert!(!alive(&recorded));
    };
    let (captured, ()) = tokio::join!(capture.run(&cancel), check);
    assert!(captured.unwrap().exit.code.is_some());
}
