use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::super::conversation::Call;
use super::{Effect, Outcome, Toolbox, bounded};
use crate::process::marker::VARIABLE;

struct Place {
    directory: TempDir,
    toolbox: Toolbox,
}

impl Place {
    /// `<directory>/tree`, a git repository with one commit, and `<directory>/secret` outside of it.
    fn new(read_only: bool) -> Self {
        let directory = TempDir::new().expect("a directory");
        let root = directory.path().canonicalize().expect("a real path");
        let tree = root.join("tree");
        fs::create_dir_all(tree.join("src")).expect("directories");
        fs::write(root.join("secret"), "outside").expect("a file");
        fs::write(tree.join("src/main.rs"), "fn main() {\n    println!(\"hello\");\n}\n")
            .expect("a file");
        fs::write(tree.join(".gitignore"), "ignored/\n").expect("a file");
        git(&tree, &["init", "--quiet", "-b", "main"]);
        git(&tree, &["add", "."]);
        git(
            &tree,
            &["-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-qm", "first"],
        );
        let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
        let mark = format!("test:{}", std::process::id());
        let environment = BTreeMap::from([
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), root.display().to_string()),
            // What a command leaves behind is found by it.
            (VARIABLE.to_owned(), format!("{mark}-{}", root.display())),
        ]);
        let toolbox = Toolbox::new(&tree, environment, read_only, 4000, CancellationToken::new())
            .expect("a worktree");
        Self { directory, toolbox }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("tree").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    async fn call(&self, name: &str, arguments: &Value) -> Outcome {
        let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
        let call = Call { id: "c".to_owned(), name: name.to_owned(), arguments, free_form: false };
        self.toolbox.call(&call).await
    }

    async fn shell(&self, command: &str) -> Outcome {
        self.call("shell", &json!({ "command": command })).await
    }

    #[track_caller]
    fn told(outcome: &Outcome, failed: bool, parts: &[&str]) {
        assert_eq!(outcome.failed, failed, "{outcome:?}");
        for part in parts {
            assert!(outcome.output.contains(part), "{part:?} is not in {}", outcome.output);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test prepares a repository")]
fn git(tree: &std::path::Path, args: &[&str]) {
    let status =
        std::process::Command::new("git").args(args).current_dir(tree).status().expect("git");
    assert!(status.success());
}

#[tokio::test]
async fn a_command_tells_its_exit_code_and_both_outputs_in_order() {
    let place = Place::new(false);
    let outcome = place.shell("echo one; echo two >&2; echo three; exit 3").await;
    Place::told(&outcome, false, &["exit code 3", "one\ntwo\nthree\n"]);
    assert_eq!(outcome.effect, Effect::Unknown);
    Place::told(&place.shell("pwd").await, false, &["exit code 0", "/tree\n"]);
    Place::told(&place.shell("true").await, false, &["(no output)"]);
    Place::told(&place.shell("kill -9 $$").await, false, &["ended by signal 9"]);
    Place::told(&place.shell("printf 'a\\377b'").await, false, &["a\u{FFFD}b"]);
    Place::told(&place.shell("cat").await, false, &["exit code 0"]);
    let cmd = place.call("shell", &json!({ "cmd": "echo alias" })).await;
    Place::told(&cmd, false, &["alias"]);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_everything_it_started() {
    let place = Place::new(false);
    let command = "echo before; (sleep 600; echo never) & echo $! > pid; sleep 600";
    let outcome = place.call("shell", &json!({ "command": command, "timeout_seconds": 1 })).await;
    Place::told(&outcome, false, &["TIMED OUT after 1 s", "before"]);
    assert!(!outcome.output.contains("never"));
    assert_gone(&place.text("pid"));
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it() {
    let place = Place::new(false);
    let command = "setsid sleep 600 >/dev/null 2>&1 & echo $! > pid; echo started";
    let outcome = place.call("shell", &json!({ "command": command })).await;
    Place::told(&outcome, false, &["exit code 0", "started"]);
    assert_gone(&place.text("pid"));
}

#[track_caller]
fn assert_gone(pid: &str) {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim().chars().next();
    assert!(matches!(state, None | Some('Z')), "{stat}");
}

#[tokio::test]
async fn long_outputs_keep_their_ends_and_say_what_is_missing() {
    let place = Place::new(false);
    let outcome = place.call("shell", &json!({ "command": "seq 1 100000" })).await;
    Place::told(&outcome, false, &["\n1\n2\n", "bytes left out]", "\n100000\n"]);
    assert!(outcome.output.len() < 4300, "{}", outcome.output.len());
    assert_eq!(
        bounded("é".repeat(100), 21),
        format!("{}\n[180 bytes left out]\n{}", "é".repeat(5), "é".repeat(5))
    );
    assert_eq!(bounded("short".to_owned(), 5), "short");
}

#[tokio::test]
async fn wrong_calls_are_answered_with_what_would_be_right() {
    let place = Place::new(false);
    let rows = [
        ("nosuch", json!({}), "there is no tool \"nosuch\"; there are shell, read_file"),
        ("shell", json!("{\"command\": "), "they are no JSON"),
        ("shell", json!("[1]"), "they are no JSON object"),
        (
            "shell",
            json!({ "timeout_seconds": 3 }),
            "missing field `command`; expected {\"command\"",
        ),
        ("read_file", json!({ "path": 7 }), "invalid type"),
        ("read_file", json!({ "path": "absent" }), "absent cannot be read"),
        ("read_file", json!({ "path": "src" }), "src is a directory; use list"),
        ("read_file", json!({ "path": "../secret" }), "outside of the worktree"),
        ("read_file", json!({ "path": "src/main.rs", "from": 9 }), "has only 3 lines"),
        ("write_file", json!({ "path": "../new", "content": "x" }), "outside of the worktree"),
        ("write_file", json!({ "path": ".git/hooks/x", "content": "x" }), "belongs to git"),
        ("write_file", json!({ "path": "src", "content": "x" }), "no regular file"),
        ("list", json!({ "path": "/etc" }), "outside of the worktree"),
        ("search", json!({ "pattern": "(" }), "the pattern is wrong"),
        ("search", json!({ "pattern": "x", "path": "absent" }), "there is no absent"),
    ];
    for (name, arguments, expected) in rows {
        let outcome = place.call(name, &arguments).await;
        Place::told(&outcome, true, &[expected]);
        assert_eq!(outcome.effect, Effect::None);
    }
    assert!(!place.directory.path().join("new").exists());
}

#[tokio::test]
async fn files_are_read_in_parts_with_numbers() {
    let place = Place::new(false);
    let outcome = place.call("read_file", &json!({ "path": "src/main.rs" })).await;
    Place::told(&outcome, false, &["src/main.rs: lines 1 to 3 of 3\n", "    2\t    println!"]);
    let many: String = (1..=1000).map(|number| format!("line {number}\n")).collect();
    fs::write(place.path("many"), many).expect("a file");
    let outcome = place.call("read_file", &json!({ "path": "many", "from": 10, "lines": 2 })).await;
    Place::told(
        &outcome,
        false,
        &["lines 10 to 11 of 1000; go on with from = 12", "   11\tline 11\n"],
    );
    let outcome = place.call("read_file", &json!({ "path": "many" })).await;
    assert!(
        outcome.output.len() <= 4100 && outcome.output.contains("go on with from"),
        "{outcome:?}"
    );
    fs::write(place.path("wide"), "x".repeat(10_000)).expect("a file");
    let outcome = place.call("read_file", &json!({ "path": "wide" })).await;
    Place::told(&outcome, false, &["[8000 more bytes]"]);
    for (name, bytes, expected) in [
        ("binary", &b"a\0b"[..], "a binary file of 3 bytes"),
        ("empty", b"", "an empty file"),
        ("latin", b"gr\xF6\xDFer\n", "it is not UTF-8"),
    ] {
        fs::write(place.path(name), bytes).expect("a file");
        let outcome = place.call("read_file", &json!({ "path": name })).await;
        Place::told(&outcome, false, &[expected]);
    }
    let fifo = place.call("shell", &json!({ "command": "mkfifo pipe" })).await;
    Place::told(&fifo, false, &["exit code 0"]);
    let outcome = place.call("read_file", &json!({ "path": "pipe" })).await;
    Place::told(&outcome, true, &["pipe is no regular file"]);
}

#[tokio::test]
async fn directories_are_listed_without_gits_own() {
    let place = Place::new(false);
    symlink("../secret", place.path("link")).expect("a link");
    let outcome = place.call("list", &json!({ "depth": 2 })).await;
    let expected = ".: 4 entries\n.gitignore 9\nlink -> ../secret\nsrc/\nsrc/main.rs 37\n";
    assert_eq!(outcome.output, expected);
    for number in 0..600 {
        fs::write(place.path(&format!("src/{number:03}")), "").expect("a file");
    }
    let outcome = place.call("list", &json!({ "path": "src" })).await;
    Place::told(&outcome, false, &["src: 601 entries"]);
    assert!(outcome.output.contains("left out"), "{outcome:?}");
}

#[tokio::test]
async fn what_git_ignores_is_not_searched_and_links_lead_nowhere() {
    let place = Place::new(false);
    fs::create_dir(place.path("ignored")).expect("a directory");
    for name in ["ignored/file", "new"] {
        fs::write(place.path(name), "say Hello\nand more\n").expect("a file");
    }
    symlink("../secret", place.path("link")).expect("a link");
    let outcome = place.call("search", &json!({ "pattern": "hello", "ignore_case": true })).await;
    assert_eq!(outcome.output, "new:1: say Hello\nsrc/main.rs:2:     println!(\"hello\");");
    let outcome = place.call("search", &json!({ "pattern": "outside" })).await;
    assert_eq!(outcome.output, "no matches");
    let outcome = place.call("search", &json!({ "pattern": "more", "path": "ignored/file" })).await;
    assert_eq!(outcome.output, "ignored/file:2: and more");
    fs::write(place.path("new"), "hit\n".repeat(1000)).expect("a file");
    let outcome = place.call("search", &json!({ "pattern": "hit" })).await;
    Place::told(&outcome, false, &["new:1: hit", "[800 more matches in 1 files left out"]);
}

#[tokio::test]
async fn files_are_written_whole_and_keep_their_rights() {
    let place = Place::new(false);
    let outcome =
        place.call("write_file", &json!({ "path": "a/b/new.sh", "content": "one\n" })).await;
    Place::told(&outcome, false, &["a/b/new.sh: made, 4 bytes and 1 lines"]);
    assert_eq!(outcome.effect, Effect::Edited);
    let file = place.path("a/b/new.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("executable");
    let outcome =
        place.call("write_file", &json!({ "path": "a/b/new.sh", "content": "two\n\n" })).await;
    Place::told(&outcome, false, &["replaced (4 bytes before, 5 bytes and 2 lines now)"]);
    assert_eq!(place.text("a/b/new.sh"), "two\n\n");
    assert_eq!(fs::metadata(file).expect("it").permissions().mode() & 0o777, 0o755);
}

#[tokio::test]
async fn a_patch_is_applied_as_a_whole_or_not_at_all() {
    let place = Place::new(false);
    fs::write(place.path("old"), "old\n").expect("a file");
    let patch = "*** Begin Patch\n*** Update File: src/main.rs\n@@ fn main() {\n-    println!(\"hello\");\n+    greet();\n\
                 *** Add File: src/greet.rs\n+pub fn greet() {}\n*** Delete File: old\n*** End Patch";
    let broken = patch.replace("hello", "goodbye");
    let outcome = place.call("apply_patch", &json!({ "patch": broken })).await;
    Place::told(
        &outcome,
        true,
        &["nothing was changed", "src/main.rs: edit 1", "    2\t    println!(\"hello\");"],
    );
    assert!(place.path("old").exists() && !place.path("src/greet.rs").exists());

    let outcome = place.call("apply_patch", &json!({ "patch": patch })).await;
    Place::told(
        &outcome,
        false,
        &["src/main.rs: changed, 3 lines", "src/greet.rs: made, 1 lines", "old: deleted"],
    );
    assert_eq!(place.text("src/main.rs"), "fn main() {\n    greet();\n}\n");
    assert!(!place.path("old").exists());

    let again = place.call("apply_patch", &json!({ "patch": patch })).await;
    Place::told(&again, true, &["src/greet.rs is there already", "there is no file old", "edit 1"]);
    let rename = "*** Begin Patch\n*** Update File: src/greet.rs\n*** Move to: lib/hello.rs\n@@\n-pub fn greet() {}\n\
                  +pub fn greet() { hello() }\n*** End Patch";
    let outcome = place.call("apply_patch", &json!({ "patch": rename })).await;
    Place::told(&outcome, false, &["src/greet.rs → lib/hello.rs: moved"]);
    assert_eq!(place.text("lib/hello.rs"), "pub fn greet() { hello() }\n");
}

#[tokio::test]
async fn a_patch_cannot_leave_the_worktree_nor_be_misread() {
    let place = Place::new(false);
    symlink("../secret", place.path("link")).expect("a link");
    let rows = [
        ("*** Add File: ../new\n+x", "outside of the worktree"),
        ("*** Update File: link\n@@\n-outside\n+inside", "outside of the worktree"),
        (
            "*** Update File: src/main.rs\n*** Move to: /tmp/x\n@@\n-}\n+ }",
            "outside of the worktree",
        ),
        ("*** Delete File: .git/config", "belongs to git"),
        (
            "*** Delete File: src/main.rs\n*** Delete File: ./src/main.rs",
            "the patch names it twice",
        ),
        ("*** Nothing File: a", "is no `*** Add File: `"),
    ];
    for (patch, expected) in rows {
        let patch = format!("*** Begin Patch\n{patch}\n*** End Patch");
        let outcome = place.call("apply_patch", &json!({ "patch": patch })).await;
        Place::told(&outcome, true, &[expected]);
    }
    let outcome = place.call("apply_patch", &json!({ "patch": "--- a\n+++ b\n" })).await;
    Place::told(&outcome, true, &["does not begin with", "*** Update File: path/to/file"]);
    assert_eq!(fs::read_to_string(place.directory.path().join("secret")).expect("it"), "outside");
    let free = Call {
        id: "c".to_owned(),
        name: "apply_patch".to_owned(),
        arguments: "*** Begin Patch\n*** Add File: free\n+form\n*** End Patch\n".to_owned(),
        free_form: true,
    };
    assert!(!place.toolbox.call(&free).await.failed);
    assert_eq!(place.text("free"), "form\n");
}

#[tokio::test]
async fn a_read_only_turn_has_no_tool_that_writes_and_denies_them_all_the_same() {
    let place = Place::new(true);
    let names: Vec<&str> = place.toolbox.specs().iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["git", "read_file", "list", "search"]);
    let before = place.text("src/main.rs");
    for (name, arguments) in [
        ("shell", json!({ "command": "echo x > src/main.rs" })),
        ("write_file", json!({ "path": "src/main.rs", "content": "x" })),
        (
            "apply_patch",
            json!({ "patch": "*** Begin Patch\n*** Delete File: src/main.rs\n*** End Patch" }),
        ),
    ] {
        let outcome = place.call(name, &arguments).await;
        Place::told(
            &outcome,
            true,
            &["denied: this turn may only read", "git, read_file, list, search"],
        );
    }
    let denied = place.call("git", &json!({ "args": ["commit", "-am", "x"] })).await;
    Place::told(&denied, true, &["denied: git commit is none of"]);
    let denied = place.call("git", &json!({ "args": ["diff", "--output=src/main.rs"] })).await;
    Place::told(&denied, true, &["denied: \"--output=src/main.rs\""]);
    assert_eq!(place.text("src/main.rs"), before);
    let log = place.call("git", &json!({ "args": ["log", "--oneline", "-n1"] })).await;
    Place::told(&log, false, &["first"]);
    let wrong = place.call("git", &json!({ "args": ["show", "HEAD:absent"] })).await;
    Place::told(&wrong, false, &["exit code 128"]);
}

#[tokio::test]
async fn whether_the_worktree_changed_is_known() {
    let place = Place::new(false);
    assert_eq!(place.toolbox.is_changed().await, Some(false));
    fs::write(place.path("new"), "").expect("a file");
    assert_eq!(place.toolbox.is_changed().await, Some(true));
}
