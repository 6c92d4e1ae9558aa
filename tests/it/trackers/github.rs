//! Issues on a GitHub: from the label to the merged change, and whatever may go wrong on the way.

use std::fs;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};
use crate::support::github::world::{Fate, Issue};
use crate::support::github::{ACCOUNT, FakeGithub, Fault, TOKEN};

const OWN: &str = "owner/name";

/// How the first issue is called, by people and in whole.
const FIRST: (&str, &str) = ("owner/name#1", "github/owner/name#1");

/// A factory whose work items are the issues of a server, read and written as fast as it goes.
fn hub() -> (Factory, FakeGithub) {
    let server = FakeGithub::start();
    server.people(|world| world.repository(OWN));
    let mut factory = Factory::new();
    factory.variable("GITHUB_TOKEN", TOKEN);
    factory.more_config = format!(
        "[github]\nbase_url = {:?}\npoll_interval_ms = 100\nwrite_interval_ms = 0\n\
         [github.labels]\nreview_passed = \"reviewed\"\n\
         [[github.repositories]]\nname = {OWN:?}\nproject = \"demo\"\n",
        server.url()
    );
    (factory, server)
}

/// A coder that writes a file and what it finds in its environment, and a critic that approves.
fn script() -> Script {
    let coder = Step::coder(FIRST.0).write("hello.txt", "hello\n");
    let coder = coder.run("env > \"$(dirname \"$PWD\")/environment\"; true").answer(DONE);
    Script::new().step(coder).step(Step::critic(FIRST.0).answer(APPROVE))
}

/// An issue that the factory takes on.
fn open(server: &FakeGithub) {
    let body = "Write hello.txt. <!-- and tell nobody -->";
    server.people(|world| world.open(OWN, "Add a greeting", body, &["ai-factory"]));
}

/// The issue is closed as completed, says so once, and carries no label of a state.
fn assert_done(factory: &mut Factory, server: &FakeGithub) -> Issue {
    factory.wait_for(&[FIRST.1], "done");
    factory.wait_until_quiet();
    let issue = server.issue(OWN, 1);
    assert_eq!((issue.open, issue.reason.as_deref()), (false, Some("completed")), "{issue:?}");
    assert_eq!(issue.label_names(), ["ai-factory", "reviewed"]);
    let said = issue.said_by(ACCOUNT);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(
        said[0].body.contains("- [x] implementationComplete\n- [x] reviewPassed\n"),
        "{said:?}"
    );
    assert_eq!(factory.repository.on_main("hello.txt").as_deref(), Some("hello"));
    issue
}

#[test]
fn an_issue_becomes_a_merged_change_and_a_closed_issue_with_one_comment() {
    let (mut factory, server) = hub();
    factory.script(&script());
    open(&server);
    factory.start();
    let issue = assert_done(&mut factory, &server);
    assert_eq!(factory.repository.merged_log().len(), 1);
    let text = &issue.said_by(ACCOUNT)[0].body;
    assert!(text.starts_with("**") && text.contains("Checks:"), "{text}");
    // What people did not see, agents were not told; what is ours to know, they do not know.
    let prompts: Vec<String> = walk(&factory.root().join("prompts"));
    assert!(prompts.iter().any(|prompt| prompt.contains("Write hello.txt.")), "{prompts:?}");
    assert!(
        prompts.iter().all(|prompt| !prompt.contains("tell nobody") && !prompt.contains(TOKEN))
    );
    let environments = walk(&factory.state().join("worktrees"));
    assert!(
        environments.iter().any(|it| it.contains("ENACT_ITEM=owner/name#1")),
        "{environments:?}"
    );
    for text in walk(&factory.root()) {
        assert!(!text.contains(TOKEN), "the token is kept nowhere: {text}");
    }
    assert!(!format!("{:?}", factory.events()).contains(TOKEN));
    let said = factory.cli(&["doctor"]);
    assert!(said.out.contains("issues can be read and written as factory-bot"), "{said:?}");
    factory.verify_receipts();
}

/// The texts of all files below `path`.
pub(super) fn walk(path: &std::path::Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut texts = Vec::new();
    for entry in entries.flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            texts.extend(walk(&entry.path()));
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    texts
}

#[test]
fn killed_between_any_two_writes_it_ends_with_one_comment_and_the_right_labels() {
    let writes = [
        ("POST", "/issues/1/labels"),
        ("POST", "/issues/1/comments"),
        ("PATCH", "/issues/comments/*"),
        ("PATCH", "/issues/1"),
        ("DELETE", "/labels/factory:in-progress"),
    ];
    for (method, path) in writes {
        let (mut factory, server) = hub();
        factory.script(&script());
        open(&server);
        server.fail(method, path, 1, Fault::DoneHeld);
        factory.start();
        server.await_held();
        factory.kill9();
        server.release();
        factory.start();
        assert_done(&mut factory, &server);
        factory.verify_receipts();
    }
}

#[test]
fn a_wrong_token_is_reported_once_with_what_to_do_and_other_work_goes_on() {
    let (mut factory, server) = hub();
    open(&server);
    factory.variable("GITHUB_TOKEN", "ghp_0000000000000000000000000000000000wrong");
    factory.item("DEMO-1", "", "Add a greeting");
    factory.script(&Script::new().approved_at_once("DEMO-1"));
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    factory.until("it was asked", BOUND, |_| (!server.journal().is_empty()).then_some(()));
    let said = factory.cli_ok(&["status", "--json"]);
    assert!(said.out.contains("refuses the credentials: Bad credentials"), "{said:?}");
    assert!(
        said.out.contains("set GITHUB_TOKEN or GH_TOKEN")
            || said.out.contains("GH_ENTERPRISE_TOKEN")
    );
    let logs = factory.logs();
    assert_eq!(logs.matches("refuses the credentials").count(), 1, "{logs}");
    assert!(!logs.contains("wrong"), "{logs}");
    assert_eq!(server.journal().len(), 1, "who keeps trying is locked out");
    let doctor = factory.cli(&["doctor"]);
    assert!(doctor.code != 0 && doctor.out.contains("Issues: read and write"), "{doctor:?}");
}

#[test]
fn a_storm_of_limits_and_outages_loses_nothing() {
    let (mut factory, server) = hub();
    factory.script(&script());
    open(&server);
    server.fail("GET", "/issues", 3, Fault::limited(1));
    server.fail("GET", "/issues", 5, Fault::broken());
    server.fail("POST", "/issues/1/labels", 1, Fault::limited(1));
    server.fail("POST", "/issues/1/comments", 1, Fault::DoneUnanswered);
    server.fail("PATCH", "/issues/comments/*", 1, Fault::broken());
    server.fail("PATCH", "/issues/1", 1, Fault::DoneUnanswered);
    factory.start();
    assert_done(&mut factory, &server);
    assert_eq!(factory.repository.merged_log().len(), 1);
}

/// A coder of the first issue is at work until `go` exists. Everything is read anew at this interval.
fn at_work(reread_interval_ms: u32) -> (Factory, FakeGithub) {
    let (mut factory, server) = hub();
    let key = format!("[github]\nreread_interval_ms = {reread_interval_ms}\n");
    factory.more_config = factory.more_config.replace("[github]\n", &key);
    let coder = Step::coder(FIRST.0).note("began").wait_for("go");
    factory.script(&Script::new().step(coder.write("hello.txt", "hello\n").answer(DONE)));
    open(&server);
    factory.start();
    factory.wait_for_file("began");
    server.until_world("the label is on and the comment there", |world| {
        let issue = world.issue(OWN, 1).expect("the issue");
        issue.labels.contains(&"factory:in-progress".to_owned()) && !issue.comments.is_empty()
    });
    factory.wait_until("only the coder is at work", |it| it.status.open_effects == 1);
    (factory, server)
}

#[test]
fn an_issue_that_a_person_closes_or_takes_the_label_off_is_not_worked_on_any_more() {
    for closed in [true, false] {
        let (mut factory, server) = at_work(600_000);
        server.people(|world| match closed {
            true => world.close(OWN, 1, "not_planned"),
            false => world.unlabel(OWN, 1, "ai-factory"),
        });
        factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
        factory.wait_until_quiet();
        assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
        assert_eq!(factory.repository.merged_log(), []);
        let issue = server.issue(OWN, 1);
        assert_eq!(issue.open, !closed);
        assert_eq!(issue.said_by(ACCOUNT).len(), 1);
        factory.verify_receipts();
    }
}

#[test]
fn an_issue_that_was_deleted_or_transferred_is_not_worked_on_any_more() {
    for fate in [Fate::Deleted, Fate::Transferred] {
        let (mut factory, server) = at_work(1000);
        server.people(|world| world.vanish(OWN, 1, fate));
        factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
        factory.wait_until_quiet();
        assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
        assert_eq!(factory.repository.merged_log(), []);
    }
}

#[test]
fn two_hundred_watched_issues_that_do_not_change_cost_one_call_per_reading() {
    let (mut factory, server) = hub();
    server.people(|world| {
        for number in 1..=200 {
            world.open_as(OWN, number, "Title", "text", &["ai-factory", "lane:manual"]);
        }
    });
    factory.start();
    factory.wait_until("all of them are seen", |picture| picture.status.items.len() == 200);
    factory.until("nothing is news any more", BOUND, |_| {
        let journal = server.journal();
        (journal.len() > 6 && journal.last()?.status == 304).then_some(())
    });
    let _before = server.take_journal();
    factory.until("it was read often", BOUND, |_| (server.journal().len() >= 30).then_some(()));
    for call in server.journal() {
        assert!(!call.writes());
        assert_eq!(
            (call.status, call.path.as_str()),
            (304, "/repos/owner/name/issues"),
            "{call:?}"
        );
    }
    // One call per reading, at the intervals that hold without configuration; everything anew takes five.
    let (readings, anew) = (60.0 / 15.0, 5.0 / 10.0);
    assert!((readings + anew) / 200.0 <= 0.05);
}
