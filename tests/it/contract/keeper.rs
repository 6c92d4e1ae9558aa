//! What a keeper promises to whoever talks to it, by the built program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use enact_factory::domain::agent::{AgentKind, TurnEnding};
use enact_factory::process::identity::alive;
use enact_factory::process::marker::Marker;
use enact_factory::process::recovery::find_marked;
use enact_factory::runtime::keeper::client::{Keeper, Link, Starting, Watched, steer};
use enact_factory::runtime::keeper::place;
use enact_factory::runtime::keeper::wire::{
    Ask, Assignment, Reception, Remembered, Request, Response, Told,
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const BOUND: Duration = Duration::from_secs(120);

struct Place {
    _directory: TempDir,
    scratch: PathBuf,
    marker: Marker,
    assignment: Assignment,
}

impl Place {
    /// A turn that is this shell script, in a directory whose path is too long for a socket.
    fn new(script: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let scratch = directory.path().join("long".repeat(40)).join("turn-1");
        fs::create_dir_all(&scratch).expect("a directory");
        let name = directory.path().file_name().expect("a name").to_string_lossy().into_owned();
        let marker = Marker::new(&format!("keeper-test-{}", name.replace('.', "")), "run");
        let assignment = Assignment {
            confinement: None,
            agent: AgentKind::Command,
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            cwd: directory.path().to_owned(),
            env: BTreeMap::from([
                ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
                ("TOKEN".to_owned(), "hunter2-value".to_owned()),
            ]),
            told: Told::Closed("the prompt\n".to_owned()),
            opening: None,
            answer_file: None,
            graceful: Ask::Terminate,
            marker: marker.value().to_owned(),
            total_ms: 120_000,
            silence_ms: 120_000,
            scratch: scratch.clone(),
            secrets: vec!["hunter2-value".to_owned()],
            orphan_grace_ms: 120_000,
            remembered: Remembered { agent: AgentKind::Command, before: None },
        };
        Self { _directory: directory, scratch, marker, assignment }
    }

    async fn start(&self) -> Keeper {
        let program = Path::new(env!("CARGO_BIN_EXE_enact-factory"));
        let starting =
            Starting::start(program, &self.scratch, &self.marker).await.expect("a keeper");
        starting.assign(&self.assignment).await
    }

    async fn link(&self) -> Link {
        let linked = async {
            loop {
                match Link::connect(&self.scratch).await {
                    Ok(link) => break link,
                    Err(_) => sleep(Duration::from_millis(5)).await,
                }
            }
        };
        timeout(BOUND, linked).await.expect("it listens")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.assignment.cwd.join(name)
    }

    fn nothing_is_left(&self) {
        assert_eq!(find_marked(self.marker.value()).expect("the processes"), []);
    }
}

async fn watched(keeper: &mut Keeper) -> Watched {
    let never = CancellationToken::new();
    timeout(BOUND, keeper.watch(&never, &never)).await.expect("in time").expect("an end")
}

/// Reads on until the end is announced: the text of the lines, and the last cursor.
async fn to_the_end(link: &mut Link) -> (String, u64) {
    let (mut said, mut last) = (String::new(), 0);
    loop {
        match timeout(BOUND, link.next()).await.expect("in time").expect("a line") {
            Some(Response::Lines { cursor, text, .. }) => {
                said.push_str(&text);
                last = cursor;
            }
            Some(Response::Ended {}) => return (said, last),
            other => panic!("{other:?}"),
        }
    }
}

async fn attach(place: &Place, cursor: Option<u64>) -> Link {
    let mut link = place.link().await;
    link.ask(&Request::Attach { cursor }).await.expect("a request");
    let answer = timeout(BOUND, link.next()).await.expect("in time").expect("an answer");
    assert!(matches!(answer, Some(Response::Attached { .. })), "{answer:?}");
    link
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_replayed_from_a_cursor_and_followed_to_its_end_without_gap_or_repetition() {
    let script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo up >&2; touch up; \
                  while [ ! -e go ]; do sleep 0.01; done; echo tail";
    let place = Place::new(script);
    let mut keeper = place.start().await;
    let mut first = attach(&place, Some(0)).await;
    let mut said = String::new();
    let mut cursor = 0;
    while !said.contains("line 1999\n") {
        match timeout(BOUND, first.next()).await.expect("in time").expect("a line") {
            Some(Response::Lines { cursor: at, text, skipped: 0 }) => {
                said.push_str(&text);
                cursor = at;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(cursor, said.len() as u64);
    drop(first);
    let mut again = attach(&place, Some(cursor)).await;
    let mut from_the_start = attach(&place, Some(0)).await;
    fs::write(place.file("go"), "").expect("a file");
    let (rest, _) = to_the_end(&mut again).await;
    assert_eq!(rest, "tail\n");
    let (whole, _) = to_the_end(&mut from_the_start).await;
    let expected: String = (0..2000).map(|number| format!("line {number}\n")).collect();
    assert_eq!(whole, expected + "tail\n");
    let Watched::Over(outcome) = watched(&mut keeper).await else { panic!("no outcome") };
    assert_eq!(outcome.report.ending, TurnEnding::Completed);
    keeper.gone().await;
    place.nothing_is_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_stopped_with_everything_it_started_and_no_secret_is_left() {
    let stubborn = "setsid sh -c 'trap \"\" TERM; touch up; exec sleep 1000' &";
    let place = Place::new(&format!("echo $TOKEN; echo $TOKEN >&2; {stubborn} cat; sleep 1000"));
    let mut keeper = place.start().await;
    timeout(BOUND, async {
        while !place.file("up").exists() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is up");
    let mut link = attach(&place, None).await;
    link.ask(&Request::Stop { reason: "a test".to_owned() }).await.expect("a request");
    let answer = timeout(BOUND, link.next()).await.expect("in time").expect("an answer");
    assert_eq!(answer, Some(Response::Stopping {}));
    to_the_end(&mut link).await;
    let Watched::Over(outcome) = watched(&mut keeper).await else { panic!("no outcome") };
    assert_eq!(outcome.report.ending, TurnEnding::Cancelled);
    assert_eq!(outcome.report.leftovers, 1);
    assert_eq!(outcome.report.text, "[redacted]\nthe prompt\n");
    keeper.gone().await;
    place.nothing_is_left();
    for entry in fs::read_dir(&place.scratch).expect("the directory").flatten() {
        let mode = entry.metadata().expect("its mode").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{entry:?}");
        let bytes = fs::read(entry.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{entry:?}");
    }
    assert_eq!(place::outcome(&place.scratch), Some(*outcome));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_goes_by_itself_when_nobody_is_in_touch_and_its_outcome_stays() {
    let mut place = Place::new("echo done");
    place.assignment.told = Told::Nothing;
    let keeper = place.start().await;
    let left = CancellationToken::new();
    left.cancel();
    let mut keeper = keeper;
    let watched = keeper.watch(&CancellationToken::new(), &left).await.expect("an answer");
    assert_eq!(watched, Watched::Left);
    drop(keeper);
    timeout(BOUND, async {
        while !find_marked(place.marker.value()).expect("the processes").is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it goes");
    let outcome = place::outcome(&place.scratch).expect("an outcome");
    assert_eq!(
        (outcome.report.ending, outcome.report.text.as_str()),
        (TurnEnding::Completed, "done\n")
    );
    assert!(!place.scratch.join(place::SOCKET).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_way_to_steer_it_says_so_and_nonsense_is_refused() {
    let place = Place::new("echo up; while [ ! -e go ]; do sleep 0.01; done");
    let mut keeper = place.start().await;
    let _up = place.link().await;
    let reception = timeout(BOUND, steer(&place.scratch, "1", "turn left")).await.expect("in time");
    let reason = "this agent takes no instructions during a turn".to_owned();
    assert_eq!(reception.expect("a reception"), Reception::NotDelivered { reason });
    let mut link = place.link().await;
    link.ask(&Request::Attach { cursor: None }).await.expect("a request");
    link.ask(&Request::Attach { cursor: None }).await.expect("a request");
    let _attached = link.next().await.expect("an answer");
    let refused = link.next().await.expect("an answer");
    assert_eq!(refused, Some(Response::Refused { reason: "in touch already".to_owned() }));
    fs::write(place.file("go"), "").expect("a file");
    assert!(matches!(watched(&mut keeper).await, Watched::Over(_)));
    drop(link);
    keeper.gone().await;
    assert!(steer(&place.scratch, "2", "too late").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_gets_no_assignment_starts_nothing_and_is_no_keeper_to_go_on_with() {
    let place = Place::new("touch started; sleep 1000");
    let program = Path::new(env!("CARGO_BIN_EXE_enact-factory"));
    let starting = Starting::start(program, &place.scratch, &place.marker).await.expect("a keeper");
    let identity = starting.identity().clone();
    assert!(alive(&identity));
    let mut found = Keeper::find(&identity, &place.scratch, &place.marker).expect("it is there");
    // Whoever started it dies before it was put on record.
    drop(starting);
    assert!(!timeout(BOUND, found.answers()).await.expect("in time"));
    assert_eq!(watched(&mut found).await, Watched::Lost { asked: false });
    assert!(!place.file("started").exists());
    place.nothing_is_left();
}
