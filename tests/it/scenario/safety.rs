//! What agents see, what is written down, and who may read it.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step};

const OURS: &str = "wh4t-0nly-the-daemon-kn0ws-7f3a";
const THEIRS: &str = "sk-ant-api03-wh4t-the-agent-n33ds-91bc";

fn files_below(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).expect("a directory").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a type");
        found.push(path.clone());
        if kind.is_dir() {
            files_below(&path, found);
        }
    }
}

#[test]
fn secrets_of_the_daemon_reach_neither_the_agent_nor_the_disk() {
    let mut factory = Factory::new();
    factory.variable("DEPLOY_TOKEN", OURS);
    factory.variable("AGENT_KEY", THEIRS);
    factory.more_config = "[agents.stand-in.set]\nSERVICE_KEY = \"${AGENT_KEY}\"".to_owned();
    factory.item("DEMO-40", "", "Add a greeting");
    let leak = format!("My key is {THEIRS}, by the way.");
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-40")
                    .run("env > {{script_dir}}/environment")
                    .say(&leak)
                    .act(format!("{{ tool = {{ name = \"shell\", arguments = {leak:?} }} }}"))
                    .write("greeting.txt", "hello\n")
                    .answer(&format!("{leak}\n{DONE}")),
            )
            .step(Step::critic("DEMO-40").say(&leak).answer(APPROVE)),
    );
    factory.start();
    factory.wait_until_done(&["DEMO-40"]);
    let environment = fs::read_to_string(factory.root().join("environment")).expect("a dump");
    assert!(!environment.contains(OURS) && !environment.contains("DEPLOY_TOKEN"), "{environment}");
    assert!(environment.contains(THEIRS), "what was configured for it is there: {environment}");
    let home = factory.root().join("home").display().to_string();
    assert!(!environment.contains(&format!("HOME={home}\n")), "{environment}");
    factory.sigterm();
    let mut files = Vec::new();
    files_below(&factory.state(), &mut files);
    for path in files.iter().filter(|path| path.is_file()) {
        let bytes = fs::read(path).expect("a file");
        for secret in [OURS, THEIRS] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
    let logs = factory.logs();
    assert!(!logs.contains(OURS) && !logs.contains(THEIRS));
    assert!(!factory.item_file("DEMO-40").contains(THEIRS));
}

#[test]
fn what_the_daemon_keeps_is_for_its_owner_alone() {
    let mut factory = Factory::new();
    factory.item("DEMO-41", "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-41")
                    .note("began")
                    .wait_for("go")
                    .write("a.txt", "1\n")
                    .answer(DONE),
            )
            .step(Step::critic("DEMO-41").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("began");
    assert_private(&factory);
    factory.touch("go");
    factory.wait_until_done(&["DEMO-41"]);
    assert_private(&factory);
}

/// Directories 0700, files and sockets 0600; what is below a worktree belongs to git and the agent.
fn assert_private(factory: &Factory) {
    let mut files = vec![factory.state()];
    files_below(&factory.state(), &mut files);
    let worktrees = factory.state().join("worktrees");
    let mut seen = 0;
    for path in files {
        if path.strip_prefix(&worktrees).is_ok_and(|rest| rest.components().count() > 1) {
            continue;
        }
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        let kind = metadata.file_type();
        assert!(
            kind.is_dir() || kind.is_file() || kind.is_socket(),
            "{} is something odd",
            path.display()
        );
        assert_eq!(mode, expected, "{} is {mode:o}", path.display());
        seen += 1;
    }
    assert!(seen > 10, "the state directory was looked at");
}

#[test]
fn a_confined_agent_writes_in_its_worktree_only_and_a_critic_nowhere() {
    let support = enact_factory::process::sandbox::support();
    if !support.files {
        println!("skipped: Landlock not found");
        return;
    }
    let mut factory = Factory::new();
    let root = factory.root();
    for name in ["notes", "prompts"] {
        fs::create_dir(root.join(name)).expect("a directory");
    }
    let (notes, prompts) = (root.join("notes"), root.join("prompts"));
    factory.more_config =
        format!("[sandbox]\nmode = \"required\"\nwritable = [{notes:?}, {prompts:?}]");
    factory.item("DEMO-45", "", "Add a greeting");
    // What each of them could do is noted where both may write.
    let tries = |who: &str, place: &str, path: &str| {
        format!(
            "if echo x > {path}; then echo yes; else echo no; fi > {{{{script_dir}}}}/notes/{who}-{place}"
        )
    };
    let places = [
        ("repository", "{{script_dir}}/repo/escaped"),
        ("hooks", "{{script_dir}}/repo/.git/hooks/post-merge"),
        ("state", "{{script_dir}}/state/escaped"),
        ("home", "$HOME/note"),
        ("temporary", "$TMPDIR/note"),
        ("worktree", "scratch.txt"),
    ];
    let mut coder = Step::coder("DEMO-45");
    let mut critic = Step::critic("DEMO-45");
    for (place, path) in places {
        coder = coder.run(&tries("coder", place, path));
        critic = critic.run(&tries("critic", place, path));
    }
    factory.script(
        &Script::new()
            .step(coder.run("rm -f scratch.txt").write("greeting.txt", "hello\n").answer(DONE))
            .step(critic.answer(APPROVE)),
    );
    factory.start();
    factory.wait_until_done(&["DEMO-45"]);
    let could = |who: &str, place: &str| {
        fs::read_to_string(notes.join(format!("{who}-{place}"))).expect("a note").trim() == "yes"
    };
    for (place, _) in places {
        let private = matches!(place, "home" | "temporary");
        assert_eq!(could("coder", place), private || place == "worktree", "coder, {place}");
        assert_eq!(could("critic", place), private, "critic, {place}");
    }
    assert_eq!(factory.repository.on_main("greeting.txt").as_deref(), Some("hello"));
    assert_eq!(
        factory.runs("DEMO-45")[0].turns.len(),
        2,
        "the critic is believed: it changed nothing"
    );
    factory.verify_receipts();
}
