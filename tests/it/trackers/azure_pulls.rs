//! Work items of an Azure DevOps board whose changes are offered in Azure Repos.

use serde_json::json;

use crate::support::azure::faults::{Fault, Scope};
use crate::support::azure::process::Process;
use crate::support::azure::pulls::REPOSITORY;
use crate::support::azure::{Azure, FACTORY, ORGANIZATION, PROJECT, TEAM, TOKEN};
use crate::support::factory::script::{DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};
use crate::support::remote::Remote;

/// An approval that speaks of the item's criterion.
const APPROVE: &str = r#"{"nonce": "{{nonce}}", "verdict": "APPROVE", "commit": "{{commit}}", "findings": [],
    "criteria": [{"criterion": 1, "met": true, "evidence": "a.txt:1"}]}"#;

/// The number of the service's first pull request.
const FIRST: u64 = 11;

const BRANCH: &str = "factory/1-greet-the-world";

/// A factory whose items and pull requests are on one service, and the repository behind that.
fn board() -> (Factory, Azure, Remote) {
    let azure = Azure::start(Process::Agile);
    let mut factory = Factory::new();
    let remote = Remote::beside(&factory);
    azure.repository(|pulls| pulls.git.clone_from(&remote.path));
    for (name, value) in
        [("AZDO_ORG", ORGANIZATION), ("AZDO_PROJECT", PROJECT), ("AZDO_TEAM_ID", TEAM)]
    {
        factory.variable(name, value);
    }
    factory.variable("AZDO_PAT", TOKEN);
    factory.project_config = format!(
        "delivery = \"pull_request\"\nforge = \"azure_repos\"\n\
         forge_repository = \"{ORGANIZATION}/{PROJECT}/{REPOSITORY}\"\n\
         [projects.pull_request]\npoll_interval_ms = 100\nlabels = [\"by-the-factory\"]\n"
    );
    factory.more_config = format!(
        "[azdo]\nbase_url = {:?}\npoll_interval = \"1s\"\ntrusted_authors = [\"@example.org\"]\n",
        azure.base()
    );
    let fields = [
        ("System.Title", json!("Greet the world")),
        ("System.Description", json!("<p>Say <b>hello</b>.</p>")),
        (
            "Microsoft.VSTS.Common.AcceptanceCriteria",
            json!("<ul><li>There is a greeting</li></ul>"),
        ),
        ("System.Tags", json!("operatorLane:autopilot")),
    ];
    azure.create(Process::Agile.story(), &fields);
    let coder = Step::any("coder").write("a.txt", "1\n").answer(DONE);
    factory.script(&Script::new().step(coder).step(Step::any("critic").answer(APPROVE)));
    (factory, azure, remote)
}

/// One branch, one pull request, one comment, and the state of what waits for people.
fn assert_in_review(factory: &mut Factory, azure: &Azure, remote: &Remote) {
    factory.until("it is in review", BOUND, |_| {
        (azure.field(1, "System.State") == json!("Resolved")).then_some(())
    });
    factory.wait_until_quiet();
    assert_eq!(remote.refs("refs/heads/factory/"), [format!("refs/heads/{BRANCH}")]);
    assert_eq!(azure.states(1), ["New", "Active", "Resolved"]);
    let comments = azure.comments(1);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    let pull = azure.repository(|pulls| {
        assert_eq!(pulls.count(), 1);
        pulls.pull(FIRST).clone()
    });
    assert_eq!(pull.author, FACTORY);
    assert!(pull.source.ends_with(BRANCH), "{pull:?}");
    assert!(pull.labels.contains(&"by-the-factory".to_owned()), "{pull:?}");
    assert!(pull.title.starts_with("1: Greet the world"), "{pull:?}");
    let text = &pull.description;
    assert!(
        text.contains("✅ There is a greeting — the critic: a.txt&#58;1 (in the diff: `a.txt`)"),
        "{text}"
    );
    assert!(text.encode_utf16().count() <= 4_000, "{text}");
}

#[test]
fn killed_between_any_two_writes_there_is_one_branch_one_pull_request_and_one_comment() {
    let writes = [
        None,
        Some((Scope::At("/pullrequests"), "/pullrequests")),
        Some((Scope::At("/labels"), "/labels")),
        Some((Scope::At("/statuses"), "/statuses")),
        Some((Scope::Comments, "/comments")),
        Some((Scope::Items, "/workitems/1")),
    ];
    for held in writes {
        let (mut factory, azure, remote) = board();
        remote.hold(&factory, &format!("refs/heads/{BRANCH}"), 1);
        factory.start();
        factory.wait_for_file("held");
        factory.wait_until("only the delivery is under way", |it| it.status.open_effects == 1);
        match held {
            None => {
                factory.kill9();
                factory.touch("release");
            }
            Some((scope, path)) => {
                azure.fail(scope, 1, Fault::Held);
                azure.forget();
                factory.touch("release");
                factory.until("a write has been done and is not answered", BOUND, |_| {
                    let journal = azure.journal();
                    journal.iter().any(|it| it.writes() && it.path.contains(path)).then_some(())
                });
                factory.kill9();
                azure.recover();
            }
        }
        factory.start();
        assert_in_review(&mut factory, &azure, &remote);
        factory.verify_receipts();
    }
}

#[test]
fn what_is_completed_is_closed_and_what_is_abandoned_asks() {
    let (mut factory, azure, remote) = board();
    factory.start();
    assert_in_review(&mut factory, &azure, &remote);
    azure.repository(|pulls| pulls.end(FIRST, None));
    factory.wait_for(&["azdo/1"], "waiting_human");
    azure.repository(|pulls| pulls.edit(FIRST, |pull| pull.status = "active"));
    factory.wait_for(&["azdo/1"], "done");
    azure.repository(|pulls| pulls.end(FIRST, Some(&"c".repeat(40))));
    factory.until("it is closed", BOUND, |_| {
        (azure.field(1, "System.State") == json!("Closed")).then_some(())
    });
    factory.wait_until_quiet();
    factory.verify_receipts();
}
