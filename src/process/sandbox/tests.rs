#![cfg(target_os = "linux")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use super::*;

/// Runs `work` confined.
fn confined<T: Send>(confinement: &Confinement, work: impl FnOnce() -> T + Send) -> T {
    super::confined(confinement, work).unwrap()
}

/// Whether the tests can be run here; says so if not.
fn supported() -> bool {
    let support = support();
    if !support.files || !support.network {
        println!("skipped: Landlock for files and network not found");
    }
    support.files && support.network
}

#[expect(clippy::disallowed_methods, reason = "a confined program, to see what it can do")]
fn shell(script: &str) -> bool {
    Command::new("/bin/sh").args(["-c", script]).status().unwrap().success()
}

#[test]
fn a_confined_process_and_its_children_write_only_where_they_may() {
    if !supported() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
    fs::create_dir_all(inside.join("deep")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("there"), "old").unwrap();
    let writable = vec![inside.clone()];
    let confinement = Confinement { writable, network: Network::Open };
    confined(&confinement, || {
        fs::write(inside.join("deep/new"), "1").unwrap();
        fs::rename(inside.join("deep/new"), inside.join("moved")).unwrap();
        fs::remove_file(inside.join("moved")).unwrap();
        assert!(fs::write(outside.join("new"), "1").is_err());
        assert!(fs::write(outside.join("there"), "new").is_err());
        assert!(fs::remove_file(outside.join("there")).is_err());
        assert_eq!(fs::read_to_string(outside.join("there")).unwrap(), "old", "reading is free");
        let (inside, outside) = (inside.display(), outside.display());
        assert!(shell(&format!("echo 1 > {inside}/child && echo 1 > /dev/null")));
        assert!(!shell(&format!("echo 1 > {outside}/child")));
        assert!(!shell(&format!("ln -s {outside} {inside}/link && echo 1 > {inside}/link/x")));
    });
    assert!(!outside.join("new").exists() && !outside.join("child").exists());
    fs::write(outside.join("new"), "1").unwrap();
}

#[test]
fn a_confined_process_connects_only_to_the_ports_it_may() {
    if !supported() {
        return;
    }
    let allowed = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let [allowed, other] = [&allowed, &other].map(|it| it.local_addr().unwrap());
    let network = Network::Ports(vec![allowed.port()]);
    confined(&Confinement { writable: Vec::new(), network }, || {
        assert!(TcpStream::connect(allowed).is_ok());
        assert!(TcpStream::connect(other).is_err());
        assert!(TcpListener::bind("127.0.0.1:0").is_err());
    });
    assert!(TcpStream::connect(other).is_ok());
}

#[test]
fn a_confined_process_cannot_read_the_environment_of_one_that_is_not() {
    if !supported() {
        return;
    }
    if rustix::process::geteuid().is_root() {
        println!("skipped: root may read every environment, confined or not");
        return;
    }
    let own = format!("/proc/{}/environ", std::process::id());
    assert!(fs::read(&own).is_ok());
    let confinement = Confinement { writable: Vec::new(), network: Network::Open };
    assert!(confined(&confinement, || !shell(&format!("cat {own} > /dev/null 2> /dev/null"))));
}

#[test]
fn a_place_that_is_not_there_is_an_error_and_not_forgotten() {
    if !supported() {
        return;
    }
    let writable = vec![PathBuf::from("/nowhere/at/all")];
    let confinement = Confinement { writable, network: Network::Open };
    let said = super::confined(&confinement, || ()).unwrap_err().to_string();
    assert!(said.contains("/nowhere/at/all"), "{said}");
}

#[test]
fn of_a_worktrees_repository_only_its_own_corner_is_git_s_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let corner = directory.path().join("repository/.git/worktrees/one");
    let worktree = directory.path().join("one");
    fs::create_dir_all(&corner).unwrap();
    fs::create_dir(&worktree).unwrap();
    assert_eq!(git_places(&worktree), Vec::<PathBuf>::new());
    fs::write(worktree.join(".git"), format!("gitdir: {}\n", corner.display())).unwrap();
    assert_eq!(git_places(&worktree), [corner]);
}
