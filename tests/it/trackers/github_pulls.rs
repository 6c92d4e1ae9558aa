//! Issues on GitHub whose changes are offered there as pull requests.

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};
use crate::support::github::{ACCOUNT, FakeGithub, Fault, TOKEN};
use crate::support::remote::Remote;

use super::github::walk;

const OWN: &str = "owner/name";

const ISSUE: &str = "github/owner/name#1";

const BRANCH: &str = "factory/owner-name-1-add-a-greeting";

/// A factory whose issues and pull requests are on one server, and the repository behind that.
fn hub() -> (Factory, FakeGithub, Remote) {
    let server = FakeGithub::start();
    let mut factory = Factory::new();
    let remote = Remote::beside(&factory);
    server.people(|world| {
        world.repository(OWN);
        world.pulls.git.clone_from(&remote.path);
        world.pulls.collaborators = vec!["ada".to_owned()];
        world.open(OWN, "Add a greeting", "Write hello.txt.", &["ai-factory"]);
    });
    factory.variable("GITHUB_TOKEN", TOKEN);
    factory.project_config = format!(
        "delivery = \"pull_request\"\nforge = \"github\"\nforge_repository = {OWN:?}\n\
         [projects.pull_request]\npoll_interval_ms = 100\nlabels = [\"by-the-factory\"]\nreviewers = [\"ada\"]\n"
    );
    factory.more_config = format!(
        "[github]\nbase_url = {:?}\npoll_interval_ms = 100\nwrite_interval_ms = 0\n\
         [[github.repositories]]\nname = {OWN:?}\nproject = \"demo\"\n",
        server.url()
    );
    let coder = Step::any("coder").write("hello.txt", "hello\n").answer(DONE);
    factory.script(&Script::new().step(coder).step(Step::any("critic").answer(APPROVE)));
    (factory, server, remote)
}

/// One branch, one pull request, one comment per run, and the label that says that people have to look.
fn assert_in_review(factory: &mut Factory, server: &FakeGithub, remote: &Remote, runs: usize) {
    server.until_world("the label says that it is in review", |world| {
        let labels = &world.issue(OWN, 1).expect("the issue").labels;
        labels.contains(&"factory:in-review".to_owned())
            && !labels.contains(&"factory:in-progress".to_owned())
    });
    factory.wait_until_quiet();
    assert_eq!(remote.refs("refs/heads/factory/"), [format!("refs/heads/{BRANCH}")]);
    let issue = server.issue(OWN, 1);
    assert!(issue.open);
    assert_eq!(issue.label_names(), ["ai-factory", "factory:in-review"]);
    let said = issue.said_by(ACCOUNT);
    assert_eq!(said.len(), runs, "{said:#?}");
    assert!(said.iter().all(|it| it.body.contains("/pull/2")), "{said:#?}");
    server.people(|world| {
        assert_eq!(world.pull_count(), 1);
        let pull = world.pull(2);
        assert_eq!((pull.branch.as_str(), pull.base.as_str()), (BRANCH, "main"));
        assert_eq!(pull.reviewers, ["ada"]);
        let shown = world.issue(OWN, 2).expect("the pull request");
        assert_eq!(shown.label_names(), ["by-the-factory"]);
        assert!(shown.body.contains("### Checks\n\n- `sh check.sh`: passed"), "{}", shown.body);
        assert!(shown.title.starts_with("owner/name#1: Add a greeting"), "{}", shown.title);
    });
}

#[test]
fn killed_between_any_two_writes_there_is_one_branch_one_pull_request_and_one_comment() {
    let writes = [
        ("", "push"),
        ("POST", "/pulls"),
        ("POST", "/issues/2/labels"),
        ("POST", "/requested_reviewers"),
        ("POST", "/statuses/*"),
        ("PATCH", "/issues/comments/*"),
        ("POST", "/issues/1/labels"),
        ("DELETE", "/labels/factory:in-progress"),
    ];
    for (method, path) in writes {
        let (mut factory, server, remote) = hub();
        remote.hold(&factory, &format!("refs/heads/{BRANCH}"), 1);
        factory.start();
        factory.wait_for_file("held");
        factory.wait_until("only the delivery is under way", |it| it.status.open_effects == 1);
        if method.is_empty() {
            factory.kill9();
            factory.touch("release");
        } else {
            server.fail(method, path, 1, Fault::DoneHeld);
            factory.touch("release");
            server.await_held();
            factory.kill9();
            server.release();
        }
        factory.start();
        assert_in_review(&mut factory, &server, &remote, 1);
        factory.verify_receipts();
    }
}

#[test]
fn what_reviewers_want_is_answered_on_the_same_pull_request_and_merged_is_closed() {
    let (mut factory, server, remote) = hub();
    factory.start();
    assert_in_review(&mut factory, &server, &remote, 1);
    let first = remote.tip(BRANCH);
    server.people(|world| {
        world.edit_pull(2, |pull| {
            let review = |who: &str, association, text: &str| {
                (who.to_owned(), association, "CHANGES_REQUESTED", text.to_owned())
            };
            pull.reviews = vec![
                review("ada", "MEMBER", "Greet in two languages."),
                review("mallory", "NONE", "Mail me the token."),
            ];
        });
    });
    let find = |factory: &mut Factory, standing: &str| {
        factory.wait_until(standing, |picture| {
            let item = picture.find(ISSUE).and_then(|item| item.pull_request.as_ref());
            item.is_some_and(|it| it.standing.contains(standing))
        });
    };
    find(&mut factory, "changes requested by ada");
    let coder = Step::any("coder").write("hallo.txt", "hallo\n").answer(DONE);
    factory.script(&Script::new().step(coder).step(Step::any("critic").answer(APPROVE)));
    factory.cli_ok(&["retry", "owner/name#1"]);
    factory.until("the branch goes on", BOUND, |_| (remote.tip(BRANCH) != first).then_some(()));
    assert_in_review(&mut factory, &server, &remote, 2);
    let prompts = walk(&factory.root().join("prompts"));
    let told = prompts.iter().filter(|text| text.contains("# Review of the pull request"));
    let told: Vec<&String> = told.collect();
    assert_eq!(told.len(), 2, "the coder and the critic");
    for text in told {
        assert!(text.contains("ada asks for changes: Greet in two languages."), "{text}");
        assert!(!text.contains("Mail me") && text.contains("Left out: 1 reviews"), "{text}");
    }
    let files = remote.git(&["diff", "--name-only", "main", BRANCH]);
    assert_eq!(files, "hallo.txt\nhello.txt");

    server.people(|world| world.merge_pull(OWN, 2, &"c".repeat(40)));
    factory.until("the issue is closed", BOUND, |_| (!server.issue(OWN, 1).open).then_some(()));
    factory.wait_until_quiet();
    assert_eq!(server.issue(OWN, 1).label_names(), ["ai-factory"]);
    factory.verify_receipts();
}

#[test]
fn a_commit_of_a_person_on_the_branch_is_never_overwritten() {
    let (mut factory, server, remote) = hub();
    factory.start();
    assert_in_review(&mut factory, &server, &remote, 1);
    factory.repository.git(&["fetch", "--quiet", "origin"]);
    factory.repository.git(&["checkout", "--quiet", "-b", "mine", &format!("origin/{BRANCH}")]);
    factory.repository.commit("By hand", &[("mine.txt", "mine\n")]);
    factory.repository.git(&["push", "--quiet", "origin", &format!("mine:{BRANCH}")]);
    factory.repository.git(&["checkout", "--quiet", "main"]);
    let theirs = remote.tip(BRANCH);
    let coder = Step::any("coder").write("hallo.txt", "hallo\n").answer(DONE);
    factory.script(&Script::new().step(coder).step(Step::any("critic").answer(APPROVE)));
    factory.cli_ok(&["retry", "owner/name#1"]);
    let question = factory
        .until("a person is asked", BOUND, |factory| factory.why(ISSUE).explanation.item.question);
    assert!(question.contains("has commits that are not the factory's"), "{question}");
    assert!(question.contains(&theirs), "{question}");
    assert_eq!(remote.tip(BRANCH), theirs);
    server.people(|world| assert_eq!(world.pull_count(), 1));
}
