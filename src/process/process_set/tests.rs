use std::path::PathBuf;

use rustix::process::Signal;

use super::{Claim, ProcessSet, signal};
use crate::process::adoption;
use crate::process::leader::{Leader, Program};
use crate::process::process_table::{self, Entry, ProcessTable};
use crate::process::testing::runs;

const LEADER: Entry = Entry {
    pid: 4_000_100,
    parent: 4_000_001,
    group: 4_000_100,
    session: 4_000_001,
    started: 50,
    zombie: false,
    mark: None,
};

fn process(pid: u32, parent: u32, started: u64) -> Entry {
    Entry { pid, parent, group: pid, session: pid, started, ..LEADER }
}

fn living(entries: &[Entry]) -> Vec<u32> {
    let claim = Claim::Led { leader: (LEADER.pid, LEADER.started), mark: Some("a:1".to_owned()) };
    let mut set = ProcessSet::new(claim);
    let members = set.living(&ProcessTable::of(entries.iter().cloned()));
    members.iter().map(|entry| entry.pid).collect()
}

#[test]
fn members_are_found_by_descent_mark_group_and_session() {
    let child = process(4_000_090, LEADER.pid, 60);
    let grandchild = process(4_000_080, child.pid, 61);
    let marked = Entry { mark: Some("a:1".to_owned()), ..process(4_000_110, 1, 62) };
    let in_group = Entry { group: LEADER.pid, ..process(4_000_111, 1, 63) };
    let in_session = Entry { session: child.pid, ..process(4_000_112, 1, 64) };
    let strangers = [
        Entry { mark: Some("a:10".to_owned()), ..process(4_000_120, 1, 65) },
        process(4_000_121, 1, 66),
        // Cannot carry the mark by inheritance: it was there before the run.
        Entry { mark: Some("a:1".to_owned()), ..process(4_000_122, 1, 49) },
    ];
    let members = [LEADER, child, grandchild, marked, in_group, in_session];
    let mut expected: Vec<u32> = members.iter().map(|entry| entry.pid).collect();
    expected.sort_unstable();
    assert_eq!(living(&[&members[..], &strangers].concat()), expected);
}

#[test]
fn zombies_need_no_ending_but_show_descent() {
    let zombie = Entry { zombie: true, ..process(4_000_090, LEADER.pid, 60) };
    let grandchild = process(4_000_080, zombie.pid, 61);
    assert_eq!(living(&[zombie, grandchild.clone()]), [grandchild.pid]);
}

#[test]
fn a_later_process_with_the_number_of_a_member_is_no_member() {
    let reused = Entry { started: 70, ..LEADER };
    let its_child = process(4_000_130, reused.pid, 71);
    assert_eq!(living(&[reused, its_child]), [0u32; 0]);
}

#[test]
fn this_process_and_the_first_are_never_members() {
    let own = process(adoption::own_pid(), LEADER.pid, 60);
    let first = process(1, LEADER.pid, 60);
    assert_eq!(living(&[LEADER, own, first]), [LEADER.pid]);
}

#[tokio::test]
async fn a_process_that_started_at_another_time_is_not_signalled() {
    let program = Program {
        program: PathBuf::from("/bin/sleep"),
        args: vec!["1000".into()],
        cwd: std::env::temp_dir(),
        env: [].into(),
        piped_stdin: false,
        roomy: false,
        confinement: None,
    };
    let (mut leader, _pipes) = Leader::start(program).await.unwrap();
    let pid = leader.identity().unwrap().pid;
    let entry = process_table::entry(pid).unwrap();
    assert!(!signal(&Entry { started: entry.started + 1, ..entry.clone() }, Signal::KILL));
    // Had it been signalled, this second signal would come too late to be the one it died of.
    assert!(signal(&entry, Signal::TERM));
    assert_eq!(leader.wait().await.unwrap().signal, Some(15));
    leader.settle();
    assert!(!runs(pid));
}
