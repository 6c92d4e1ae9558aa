use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Script, ignored, silent};
use crate::process::adoption::{become_subreaper, reap_adopted};
use crate::process::agent_process::{Ending, Finished, run};
use crate::process::conversation::{Flow, Line};
use crate::process::process_table;
use crate::process::recovery::end_strays;
use crate::process::testing::{await_note, noted, noted_pid, runs, stubborn, until};

fn assert_gone(script: &Script, finished: &Finished) {
    let pid = noted_pid(script.path(), "grandchild");
    assert!(!runs(pid));
    assert!(finished.leftovers.iter().any(|leftover| leftover.pid == pid), "{finished:?}");
}

#[tokio::test]
async fn invariant_10_a_grandchild_in_its_own_session_is_gone_after_a_normal_exit() {
    // It also holds the output open, which must not be waited for.
    let script = Script::new(&format!("{} echo bye; exit 0", stubborn("grandchild")));
    let (finished, _) = script.run().await;
    assert_eq!((finished.ending, finished.exit.code), (Ending::Exited, Some(0)));
    assert_gone(&script, &finished);
}

#[tokio::test]
async fn invariant_10_a_grandchild_in_its_own_session_is_gone_after_a_timeout() {
    let script = Script::new(&format!("{} exec sleep 1000", stubborn("grandchild")))
        // The clock must not run out before the grandchild is there.
        .limits(|limits| limits.total = Duration::from_secs(3));
    let (finished, _) = script.run().await;
    assert_eq!(finished.ending, Ending::TotalTimeout);
    assert_gone(&script, &finished);
}

#[tokio::test]
async fn invariant_10_a_grandchild_in_its_own_session_is_gone_after_cancelling() {
    let body = format!("{} echo ready; exec sleep 1000", stubborn("grandchild"));
    let script = Script::new(&body);
    let cancel = CancellationToken::new();
    let cancel_when_ready = |_: &Line| {
        cancel.cancel();
        Flow::Continue
    };
    let (finished, _) = script.run_with(&cancel, cancel_when_ready).await;
    assert_eq!(finished.ending, Ending::Cancelled);
    assert_gone(&script, &finished);
}

#[tokio::test]
async fn invariant_10_dropping_a_run_leaves_no_process() {
    let script = Script::new(&format!("{} exec sleep 1000", stubborn("grandchild")));
    let cancel = CancellationToken::new();
    let mut go_on = |_: Line| Flow::Continue;
    tokio::select! {
        finished = run(script.spawn.clone(), &cancel, ignored(), silent(), &mut go_on) => {
            panic!("ended by itself: {finished:?}")
        }
        () = until(|| noted(script.path(), "grandchild").is_some()) => {}
    }
    let pid = noted_pid(script.path(), "grandchild");
    until(|| !runs(pid)).await;
}

#[tokio::test]
async fn a_child_that_cleared_its_environment_is_found_by_descent() {
    let body = format!("env -i {} echo ready; wait", stubborn("grandchild"));
    let script = Script::new(&body);
    let (finished, _) = script.run_with(&CancellationToken::new(), |_| Flow::Stop).await;
    assert_gone(&script, &finished);
}

/// Writes `body` to the file `name` and starts it in a session of its own, with an empty environment, from a process that
/// exits at once: nothing but adoption connects it with its run.
fn detached(name: &str, body: &str) -> String {
    format!(
        "cat > {name}.sh <<'END'\n{body}\nEND\n\
         cat > {name}.outer.sh <<'END'\nsetsid sh {name}.sh &\nexit 0\nEND\n\
         env -i setsid sh {name}.outer.sh\n{}",
        await_note(name)
    )
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_forked_twice_and_cleared_its_environment_is_adopted_and_ended() {
    become_subreaper().unwrap();
    let body = "trap '' TERM; echo $$ > orphan.part; mv orphan.part orphan; exec sleep 1000";
    let script = Script::new(&detached("orphan", body));
    let (finished, _) = script.run().await;
    assert_eq!(finished.exit.code, Some(0));
    let pid = noted_pid(script.path(), "orphan");
    // Of several runs at the same time any may have begotten it; here those are other tests.
    let deadline = Instant::now() + Duration::from_secs(60);
    while runs(pid) {
        assert!(Instant::now() < deadline, "it was never ended");
        let _strays = end_strays().await.unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn adopted_zombies_are_reaped_and_own_children_are_left_to_their_owner() {
    become_subreaper().unwrap();
    let body = "echo $$ > zombie.part; mv zombie.part zombie";
    let script = Script::new(&format!("{} exit 5", detached("zombie", body)));
    let (finished, _) = script.run().await;
    assert_eq!(finished.exit.code, Some(5));
    let pid = noted_pid(script.path(), "zombie");
    until(|| {
        let _reaped = reap_adopted();
        process_table::entry(pid).is_none()
    })
    .await;
}
