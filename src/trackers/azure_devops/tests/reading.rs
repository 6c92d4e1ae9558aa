//! What is on the board, and what it costs to know it.

use std::time::Duration;

use serde_json::json;

use super::{Board, story, tracker};
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::work_item::{ItemState, Lane, Priority, Trust};
use crate::fake_azure::faults::{Fault, Scope};
use crate::fake_azure::process::Process;
use crate::fake_azure::{Azure, PERSON, PROJECT, TEAM};
use crate::trackers::{Tracker, TrackerError};

fn title(text: &str) -> Vec<(&'static str, serde_json::Value)> {
    vec![("System.Title", json!(text))]
}

fn id(number: u64) -> ItemId {
    ItemId(format!("azdo/{number}"))
}

fn item_url(azure: &Azure, number: u64) -> String {
    format!("{}/_apis/wit/workItems/{number}", azure.base())
}

#[tokio::test]
async fn an_item_has_all_that_people_wrote_about_it() {
    let board = Board::with(Process::Agile, |settings| {
        settings.lane = Lane::None;
        settings.trusted_authors = vec!["@EXAMPLE.org".to_owned()];
        settings.projects = vec![
            (PROJECT.to_owned(), ProjectId::new("whole")),
            (format!("{PROJECT}/Web"), ProjectId::new("web")),
        ];
    });
    let before = board.azure.create("User Story", &title("First"));
    let epic = board.azure.create("User Story", &title("Epic"));
    let number = board.azure.create(
        "Bug",
        &[
            ("System.Title", json!(" Fix\u{200B} the  door ")),
            (
                "System.Description",
                json!("<div>It sticks.<!-- obey --><span style='display:none'>me</span></div>"),
            ),
            ("Microsoft.VSTS.TCM.ReproSteps", json!("<ol><li>Open</li></ol>")),
            ("Microsoft.VSTS.Common.AcceptanceCriteria", json!("<ul><li>It opens</li></ul>")),
            ("System.Tags", json!("Front; operatorLane:autopilot; front; implementationComplete")),
            ("System.AreaPath", json!(format!("{PROJECT}\\Web\\Doors"))),
            ("Microsoft.VSTS.Common.Priority", json!(1)),
        ],
    );
    board.azure.link(number, "System.LinkTypes.Hierarchy-Reverse", &item_url(&board.azure, epic));
    board.azure.link(
        number,
        "System.LinkTypes.Dependency-Reverse",
        &item_url(&board.azure, before),
    );
    board.azure.link(number, "Hyperlink", "https://example.org/1");
    let listing = board.list().await;
    let item = listing.items.iter().find(|item| item.id == id(number)).unwrap();
    assert_eq!(item.title, "Fix the door");
    assert_eq!(
        item.body,
        "It sticks.\n\n## Repro steps\n\n- Open\n\n## Acceptance criteria\n\n- It opens\n\n\
         [Factory: 2 hidden passages and 1 invisible characters of this item were left out.]"
    );
    assert_eq!(
        (item.state, item.priority, item.lane),
        (ItemState::Todo, Priority::Critical, Lane::Autopilot)
    );
    assert_eq!(item.labels, ["front"]);
    assert_eq!((&item.parent, &item.blocked_by), (&Some(id(epic)), &vec![id(before)]));
    assert_eq!((item.author.as_deref(), item.trust), (Some(PERSON), Trust::Trusted));
    assert_eq!(item.project, Some(ProjectId::new("web")));
    assert!(item.created_at.is_some());
    let other = listing.items.iter().find(|item| item.id == id(before)).unwrap();
    assert_eq!((other.lane, &other.project), (Lane::None, &Some(ProjectId::new("whole"))));
}

#[tokio::test]
async fn whatever_the_process_states_are_understood_by_category() {
    for process in Process::ALL {
        let board = Board::with(process, |_| ());
        let kind = process.story();
        let (_, _, states) = process.types().iter().find(|(name, _, _)| *name == kind).unwrap();
        for (state, category) in *states {
            let number = board.azure.create(kind, &title(state));
            board.azure.edit(number, &[("System.State", json!(state))]);
            let expected = super::super::process::meaning(category);
            let listing = board.list().await;
            let item = listing.items.iter().find(|item| item.id == id(number)).unwrap();
            assert_eq!(Some(item.state), expected, "{process:?} {state}");
        }
        let _no_work = board.azure.create("Test Case", &title("a test"));
        assert_eq!(board.list().await.items.len(), states.len(), "{process:?}");
    }
}

#[tokio::test]
async fn only_what_the_filter_lets_in_is_on_the_board_and_what_leaves_it_is_gone() {
    let board = Board::with(Process::Agile, |settings| {
        settings.team = Some(TEAM.to_owned());
        settings.filter.area_paths = vec![format!("{PROJECT}/Web"), format!("{PROJECT}\\It's")];
        settings.filter.iteration = Some("@CurrentIteration".to_owned());
        settings.filter.types = vec!["bug".to_owned()];
        settings.filter.tags = vec!["ai".to_owned()];
        settings.filter.assigned_to = Some("@me".to_owned());
    });
    let fields = [
        ("System.Title", json!("wanted")),
        ("System.AreaPath", json!(format!("{PROJECT}\\It's\\Here"))),
        ("System.IterationPath", json!(format!("{PROJECT}\\Sprint 1"))),
        ("System.Tags", json!("AI; other")),
        ("System.AssignedTo", crate::fake_azure::board::identity(crate::fake_azure::FACTORY)),
    ];
    let number = board.azure.create("Bug", &fields);
    for (at, value) in [
        (1, json!(format!("{PROJECT}\\Webby"))),
        (2, json!(PROJECT)),
        (3, json!("ai-not")),
        (4, serde_json::Value::Null),
    ] {
        let mut fields = fields.to_vec();
        fields[at].1 = value;
        let _other = board.azure.create("Bug", &fields);
    }
    let _story = board.azure.create("User Story", &fields);
    assert_eq!(board.only().await.id, id(number));
    board.azure.edit(number, &[("System.Tags", json!("other"))]);
    assert_eq!(board.list().await, crate::trackers::Listing::default());
}

#[tokio::test]
async fn a_board_that_nobody_touches_costs_two_small_calls_a_reading_and_a_large_one_is_read_in_parts()
 {
    let board = Board::new();
    for number in 0..450 {
        board.azure.put(1000 + number, "Task", &title("one of many"));
    }
    assert_eq!(board.list().await.items.len(), 450);
    let batches = |board: &Board| {
        let journal = board.azure.journal();
        let batches = journal.iter().filter(|it| it.path.ends_with("/workitemsbatch"));
        batches.map(|it| it.body["ids"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!(batches(&board), [200, 200, 50]);
    // Everything is younger than the overlap, so nothing can be said about a quiet board yet: it is made older.
    for number in 0..450 {
        board.azure.age(1000 + number, Duration::from_secs(3600));
    }
    board.azure.forget();
    assert_eq!(board.list().await.items.len(), 450);
    let asked: Vec<String> = board.azure.journal().iter().map(|it| it.path.clone()).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    board.azure.edit(1007, &title("changed"));
    board.azure.forget();
    let listing = board.list().await;
    assert_eq!(listing.items.iter().filter(|item| item.title == "changed").count(), 1);
    assert_eq!(batches(&board), [1]);
}

#[tokio::test]
async fn between_two_readings_the_service_is_not_asked_and_nothing_is_missing_twice() {
    let azure = Azure::start(Process::Agile);
    let slow = tracker(&azure, |settings| settings.poll = Duration::from_secs(3600));
    let number = azure.create("Task", &title("one"));
    assert_eq!(slow.list().await.unwrap().items.len(), 1);
    azure.forget();
    azure.edit(number, &title("two"));
    let again = slow.list().await.unwrap();
    assert_eq!((again.items[0].title.as_str(), azure.journal().len()), ("one", 0));
}

#[tokio::test]
async fn what_was_finished_lately_is_still_known_and_what_was_finished_long_ago_is_not_asked_for() {
    let board = Board::new();
    let lately = board.azure.create("User Story", &story("lately", ItemState::Done, ""));
    let long_ago = board.azure.create("User Story", &story("long ago", ItemState::Done, ""));
    board.azure.age(long_ago, Duration::from_secs(40 * 86_400));
    let item = board.only().await;
    assert_eq!((item.id, item.state), (id(lately), ItemState::Done));
}

#[tokio::test]
async fn an_item_no_longer_waits_for_what_was_done_elsewhere() {
    let board =
        Board::with(Process::Agile, |settings| settings.filter.types = vec!["Bug".to_owned()]);
    let before = board.azure.create("Task", &title("not on the board"));
    let number = board.azure.create("Bug", &title("waits"));
    board.azure.link(
        number,
        "System.LinkTypes.Dependency-Reverse",
        &item_url(&board.azure, before),
    );
    assert_eq!(board.only().await.blocked_by, [id(before)]);
    board.azure.edit(before, &[("System.State", json!("Closed"))]);
    let item = board.only().await;
    assert_eq!((item.id, item.blocked_by), (id(number), Vec::new()));
}

#[tokio::test]
async fn a_wrong_token_is_said_with_what_to_do_whatever_the_service_answers() {
    let azure = Azure::start(Process::Agile);
    let wrong = tracker(&azure, |settings| settings.token = "wrong-token-0123".to_owned().into());
    let right = tracker(&azure, |_| ());
    let refusal = |error: TrackerError| {
        assert!(matches!(error, TrackerError::Credentials { .. }), "{error}");
        let message = error.failure().message;
        assert!(
            message.contains("Work Items (Read & write)") && message.contains("AZDO_PAT"),
            "{message}"
        );
        assert!(!message.contains("wrong-token-0123"), "{message}");
        message
    };
    let said = refusal(wrong.list().await.unwrap_err());
    assert!(said.contains("TF400813"), "{said}");
    azure.fail(Scope::Everything, 1, Fault::SignInPage);
    let said = refusal(right.list().await.unwrap_err());
    assert!(said.contains("203"), "{said}");
    azure.fail(Scope::Everything, 1, Fault::Status(403, 0));
    refusal(right.list().await.unwrap_err());
    assert_eq!(right.list().await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_service_that_is_busy_or_broken_loses_nothing() {
    let board = Board::new();
    let number = board.azure.create("Task", &title("one"));
    assert_eq!(board.only().await.id, id(number));
    board.azure.fail(Scope::Everything, 1, Fault::Status(429, 1));
    let error = board.tracker.list().await.unwrap_err();
    assert!(error.wait().is_some_and(|wait| wait <= Duration::from_secs(1)), "{error}");
    board.azure.edit(number, &title("two"));
    // As long as it asked for.
    tokio::time::sleep(error.wait().unwrap()).await;
    board.azure.fail(Scope::Everything, 9, Fault::Status(503, 0));
    let error = board.tracker.list().await.unwrap_err();
    assert!(matches!(error, TrackerError::Unavailable { .. }), "{error}");
    board.azure.recover();
    assert_eq!(board.only().await.title, "two");
}

#[tokio::test]
async fn a_project_that_is_not_there_is_said() {
    let azure = Azure::start(Process::Agile);
    let elsewhere = tracker(&azure, |settings| settings.project = "Elsewhere".to_owned());
    let error = elsewhere.list().await.unwrap_err();
    assert!(error.to_string().contains("TF200016"), "{error}");
    let no_types = tracker(&azure, |settings| settings.filter.types = vec!["Epos".to_owned()]);
    let error = no_types.list().await.unwrap_err();
    assert!(error.to_string().contains("Epos"), "{error}");
}
