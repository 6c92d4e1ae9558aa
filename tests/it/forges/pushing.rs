//! A push over HTTP: the credentials arrive at the server, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use enact_factory::forges::git::GitForge;
use enact_factory::forges::remote::RemoteSettings;
use enact_factory::forges::{Forge as _, ForgeError, Push};

use super::setting::{BRANCH, push, remote, run, wish};
use crate::support::bench::{Bench, SEARCH_PATH};
use crate::support::git_server::GitServer;

const SECRET: &str = "ghp_0123456789secret";

/// A git that writes down its arguments before it is one.
fn noted(bench: &Bench) -> std::path::PathBuf {
    let program = bench.place("noted-git");
    let log = bench.place("arguments");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{}'\nPATH={SEARCH_PATH} exec git \"$@\"\n",
        log.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Whether any file below `folder` has `text` in it.
fn holds(folder: &Path, text: &str) -> bool {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).any(|path| match path.is_dir() {
        true => holds(&path, text),
        false => fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes())),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_the_server_and_neither_into_arguments_nor_into_files() {
    let bench = Bench::new();
    let encoded = STANDARD.encode(format!("x-access-token:{SECRET}"));
    let root = bench.remote();
    let root = root.parent().unwrap();
    let Some(server) = GitServer::start(root, &format!("Basic {encoded}")) else { return };
    let settings = |secret: &str| {
        let mut settings = RemoteSettings {
            address: format!("{}/remote.git", server.url),
            credentials: Some(("x-access-token".to_owned(), secret.to_owned().into())),
            ..remote(&bench)
        };
        settings.git.program = noted(&bench);
        settings
    };
    let first = push(&bench);
    let forge = GitForge::new(settings(SECRET)).unwrap();
    assert!(!forge.push(&first).await.unwrap().already);
    assert!(forge.push(&first).await.unwrap().already);
    let head = bench.work(&run().to_string(), &first.head, "b.txt");
    let second = Push { head: head.clone(), ..first };
    assert!(!forge.push(&second).await.unwrap().already);
    assert_eq!(bench.head_of(BRANCH), Some(head.clone()));
    let pull = forge.open(&wish(&head)).await.unwrap();
    assert_eq!((pull.number, pull.head), (1, head));
    let asked = server.asked();
    assert!(asked.iter().all(|(_, may)| *may), "{asked:?}");
    assert!(asked.iter().any(|(path, _)| path.ends_with("/git-receive-pack")), "{asked:?}");
    for secret in [SECRET, &encoded] {
        assert!(!holds(root, secret), "{secret}");
    }
    assert!(fs::read_to_string(bench.place("arguments")).unwrap().contains("--force-with-lease="));

    let wrong = GitForge::new(settings("wrong")).unwrap();
    let error = wrong.push(&second).await.unwrap_err();
    assert!(matches!(error, ForgeError::Credentials { .. }), "{error:?}");
    let bare = RemoteSettings { credentials: None, ..settings(SECRET) };
    let error = GitForge::new(bare).unwrap().push(&second).await.unwrap_err();
    assert!(matches!(error, ForgeError::Credentials { .. }), "{error:?}");
    drop(server);
    let error = forge.push(&second).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unavailable { .. }), "{error:?}");
}
