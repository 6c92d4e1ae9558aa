//! Items that are divided, on trackers on servers: each part is there once, whatever is interrupted.

use serde_json::json;

use crate::support::azure::faults::{Fault as AzureFault, Scope};
use crate::support::azure::process::Process;
use crate::support::azure::{Azure, ORGANIZATION, PROJECT, TEAM, TOKEN as AZURE_TOKEN};
use crate::support::factory::script::{Script, Step};
use crate::support::factory::{BOUND, Factory};
use crate::support::github::{ACCOUNT, FakeGithub, Fault, TOKEN};

const OWN: &str = "owner/name";

const TWO_PARTS: &str = r#"{"needs_decomposition": true, "reason": "two things", "children": [
    {"title": "Greet first", "description": "Say hello to @everybody.", "acceptance": [],
     "estimated_minutes": 20},
    {"title": "Greet back", "description": "Answer a greeting.", "estimated_minutes": 20, "depends_on": [0]}]}"#;

const DIVIDES: &str = "[autonomous.decomposition]\nenabled = true\n";

/// The planner of the first item divides it; the parts are done at once.
fn script(first: &str, parts: [&str; 2]) -> Script {
    let [one, other] = parts;
    Script::new()
        .step(Step::of(first, "planner").answer(TWO_PARTS))
        .step(
            Step::coder(one).write("one.txt", "1\n").answer(crate::support::factory::script::DONE),
        )
        .step(Step::critic(one).answer(crate::support::factory::script::APPROVE))
        .step(
            Step::coder(other)
                .write("two.txt", "2\n")
                .answer(crate::support::factory::script::DONE),
        )
        .step(Step::critic(other).answer(crate::support::factory::script::APPROVE))
}

/// A factory with an issue that is too large.
fn hub() -> (Factory, FakeGithub) {
    let server = FakeGithub::start();
    server.people(|world| {
        world.repository(OWN);
        world.open(
            OWN,
            "Greet",
            "Greet everybody.",
            &["ai-factory", "estimate:90", "priority:high"],
        );
    });
    let mut factory = Factory::new();
    factory.variable("GITHUB_TOKEN", TOKEN);
    factory.more_config = format!(
        "[github]\nbase_url = {:?}\npoll_interval_ms = 100\nwrite_interval_ms = 0\n\
         [[github.repositories]]\nname = {OWN:?}\nproject = \"demo\"\n{DIVIDES}",
        server.url()
    );
    factory.script(&script("owner/name#1", ["owner/name#2", "owner/name#3"]));
    (factory, server)
}

const ISSUES: [&str; 3] = ["github/owner/name#1", "github/owner/name#2", "github/owner/name#3"];

/// Prompts of an item whose name has a slash in it.
fn prompts(factory: &Factory, item: &str, stage: &str) -> Vec<String> {
    let (owner, rest) = item.split_once('/').expect("an owner");
    let directory = factory.root().join("prompts").join(owner);
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let start = format!("{rest}.{stage}.");
    let of_item = entries.filter(|it| it.file_name().to_string_lossy().starts_with(&start));
    of_item.map(|it| std::fs::read_to_string(it.path()).expect("a prompt")).collect()
}

fn assert_issues(factory: &mut Factory, server: &FakeGithub) {
    factory.wait_until_done(&ISSUES);
    let count = server.people(|world| world.issues(OWN).count());
    assert_eq!(count, 3, "each part is there once");
    let (one, other) = (server.issue(OWN, 2), server.issue(OWN, 3));
    for part in [&one, &other] {
        assert_eq!((part.author.as_str(), part.open), (ACCOUNT, false));
        assert_eq!(part.parent, Some((OWN.to_owned(), 1)));
        assert_eq!(part.label_names(), ["ai-factory", "priority:high"]);
        assert!(part.body.contains("<!-- enact-factory:part "), "{}", part.body);
    }
    assert_eq!((one.title.as_str(), other.title.as_str()), ("Greet first", "Greet back"));
    assert!(one.body.contains("`@everybody.`"), "nobody is mentioned: {}", one.body);
    assert!(other.body.contains("\n\nBlocked by #2\n"), "{}", other.body);
    let parent = server.issue(OWN, 1);
    assert_eq!((parent.open, parent.reason.as_deref()), (false, Some("completed")));
    let said: String =
        parent.said_by(ACCOUNT).iter().map(|comment| comment.body.as_str()).collect();
    assert!(said.contains("divided into 2 items: owner/name#2, owner/name#3"), "{said}");
    assert_eq!(factory.repository.merged_log().len(), 2);
    // The agents are told nothing of what is ours.
    for item in ["owner/name#1", "owner/name#2", "owner/name#3"] {
        for stage in ["planner", "coder", "critic"] {
            for prompt in prompts(factory, item, stage) {
                let ours = ["enact-factory:part", "eft out"];
                assert!(ours.iter().all(|it| !prompt.contains(it)), "{item} {stage}: {prompt}");
            }
        }
    }
    assert_eq!(prompts(factory, "owner/name#1", "planner").len(), 1);
    assert!(prompts(factory, "owner/name#3", "coder")[0].contains("Answer a greeting."));
    factory.verify_receipts();
}

#[test]
fn an_issue_is_divided_into_sub_issues_and_closed_when_they_are() {
    let (mut factory, server) = hub();
    factory.start();
    assert_issues(&mut factory, &server);
    let creations = server
        .journal()
        .into_iter()
        .filter(|it| it.method == "POST" && it.path == "/repos/owner/name/issues");
    assert_eq!(creations.count(), 2);
}

#[test]
fn killed_around_any_creation_each_issue_is_there_once() {
    // The creation of an issue, or its link to the parent, was done and nobody heard of it: of the first, or the second.
    for (path, number) in
        [("/name/issues", 1), ("/name/issues", 2), ("/sub_issues", 1), ("/sub_issues", 2)]
    {
        let (mut factory, server) = hub();
        if number == 2 {
            server.fail("POST", path, 1, Fault::Done);
        }
        server.fail("POST", path, 1, Fault::DoneHeld);
        factory.start();
        server.await_held();
        factory.kill9();
        server.release();
        factory.start();
        assert_issues(&mut factory, &server);
    }
}

#[test]
fn a_creation_that_was_never_answered_is_not_done_again() {
    let (mut factory, server) = hub();
    server.fail("POST", "/name/issues", 2, Fault::DoneUnanswered);
    server.fail("POST", "/sub_issues", 1, Fault::DoneUnanswered);
    factory.start();
    assert_issues(&mut factory, &server);
}

#[test]
fn parts_of_a_strangers_issue_are_a_strangers() {
    let (mut factory, server) = hub();
    server.people(|world| {
        world.edit(OWN, 1, |issue| {
            (issue.author, issue.association) = ("mallory".to_owned(), "NONE".to_owned());
        });
    });
    factory.start();
    factory.wait_until("the issue is seen", |picture| picture.find(ISSUES[0]).is_some());
    factory.cli_ok(&["approve", ISSUES[0]]);
    let held = factory.until("a part waits for approval", BOUND, |factory| {
        factory.picture()?.find(ISSUES[1])?;
        factory.why(ISSUES[1]).gate("trust").cloned()
    });
    assert!(held.reason.contains("is not trusted to steer agents"), "{held:?}");
    assert!(factory.prompts("owner/name#2", "coder", 1).is_empty());
}

/// A factory with an item on a board that is too large.
fn board() -> (Factory, Azure) {
    let azure = Azure::start(Process::Agile);
    let mut factory = Factory::new();
    factory.variable("AZDO_ORG", ORGANIZATION);
    factory.variable("AZDO_PROJECT", PROJECT);
    factory.variable("AZDO_TEAM_ID", TEAM);
    factory.variable("AZDO_PAT", AZURE_TOKEN);
    factory.more_config = format!(
        "[azdo]\nbase_url = {:?}\npoll_interval = \"1s\"\ntrusted_authors = [\"@example.org\"]\n{DIVIDES}",
        azure.base()
    );
    let fields = [
        ("System.Title", json!("Greet")),
        ("System.Description", json!("<p>Greet everybody.</p>")),
        ("System.Tags", json!("estimate:90; operatorLane:autopilot")),
        ("System.AreaPath", json!("Fiber Suite\\Web")),
        ("Microsoft.VSTS.Common.Priority", json!(2)),
    ];
    azure.create(Process::Agile.story(), &fields);
    factory.script(&script("1", ["2", "3"]));
    (factory, azure)
}

fn assert_items(factory: &mut Factory, azure: &Azure) {
    factory.wait_until_done(&["azdo/1", "azdo/2", "azdo/3"]);
    assert_eq!(azure.numbers(), [1, 2, 3], "each part is there once");
    for (number, title) in [(2, "Greet first"), (3, "Greet back")] {
        assert_eq!(azure.field(number, "System.Title"), json!(title));
        assert_eq!(azure.field(number, "System.WorkItemType"), json!(Process::Agile.story()));
        assert_eq!(azure.field(number, "System.AreaPath"), json!("Fiber Suite\\Web"));
        assert_eq!(azure.field(number, "Microsoft.VSTS.Common.Priority"), json!(2));
        let parents = azure.links(number, "System.LinkTypes.Hierarchy-Reverse");
        assert_eq!(parents, [1], "{number}");
        let tags = azure.field(number, "System.Tags");
        assert!(tags.as_str().expect("tags").contains("factory-part-"), "{tags}");
    }
    assert_eq!(azure.links(3, "System.LinkTypes.Dependency-Reverse"), [2]);
    assert_eq!(azure.states(1), ["New", "Active", "Closed"]);
    let said = &azure.comments(1)[0].text;
    assert!(said.contains("divided into 2 items: 2, 3"), "{said}");
    assert_eq!(factory.repository.merged_log().len(), 2);
    factory.verify_receipts();
}

#[test]
fn an_item_of_a_board_is_divided_and_closed_when_its_parts_are() {
    let (mut factory, azure) = board();
    factory.start();
    assert_items(&mut factory, &azure);
}

#[test]
fn killed_around_any_creation_each_item_of_a_board_is_there_once() {
    for before in [0, 1] {
        let (mut factory, azure) = board();
        azure.fail(Scope::Creations, before, AzureFault::Slow(0));
        azure.fail(Scope::Creations, 1, AzureFault::Held);
        factory.start();
        let created = if before == 0 { 2 } else { 3 };
        factory.until("a creation has been done and is not answered", BOUND, |_| {
            (azure.numbers().len() >= created).then_some(())
        });
        factory.kill9();
        azure.recover();
        factory.start();
        assert_items(&mut factory, &azure);
    }
}

#[test]
fn a_creation_on_a_board_that_was_cut_off_is_not_done_again() {
    let (mut factory, azure) = board();
    azure.fail(Scope::Creations, 2, AzureFault::CutAfterwards);
    factory.start();
    assert_items(&mut factory, &azure);
}
