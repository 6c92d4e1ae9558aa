//! What it costs that an agent outlives its daemon: time per turn, and memory per agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use enact_factory::domain::agent::{AgentKind, TurnEnding};
use enact_factory::process::adoption::become_subreaper;
use enact_factory::process::agent_process::{self, Limits, MAX_LINE, Signal, Spawn, StopPlan};
use enact_factory::process::conversation::{Flow, Line};
use enact_factory::process::marker::Marker;
use enact_factory::process::redact::Redactor;
use enact_factory::process::speech::{Stdin, voice};
use enact_factory::runtime::keeper::client::{Starting, Watched};
use enact_factory::runtime::keeper::wire::{Ask, Assignment, Remembered, Told};
use tokio_util::sync::CancellationToken;

use crate::figures::{Limit, check, field, millis, note, percentile, rounded, setting, spread};
use crate::in_process::runtime;

/// Both.
pub fn run() {
    become_subreaper().expect("a subreaper");
    let place = tempfile::tempdir().expect("a directory");
    runtime().block_on(async {
        time(place.path()).await;
        memory(place.path()).await;
    });
}

/// The same turn with and without a keeper, by turns, so that both meet the same load.
async fn time(place: &Path) {
    let turns = setting("BENCH_KEEPER_TURNS", 200);
    let (mut bare, mut kept) = (Vec::new(), Vec::new());
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for number in 0..turns {
        let scratch = place.join(format!("bare-{number}"));
        fs::create_dir(&scratch).expect("a directory");
        let begun = Instant::now();
        without(&scratch).await;
        bare.push(millis(begun.elapsed()));
        let scratch = place.join(format!("kept-{number}"));
        fs::create_dir(&scratch).expect("a directory");
        let (started, over, gone) = with(&scratch, "cat").await;
        starts.push(started);
        kept.push(over);
        ends.push(gone);
    }
    note("a turn of an agent that answers at once, without a keeper", &spread(&bare));
    note("  the same under a keeper", &spread(&kept));
    note("  until it is on its way: process started, turn handed over", &spread(&starts));
    note("  until the keeper has gone, while the commit is made", &spread(&ends));
    let overhead = percentile(&kept, 0.5) - percentile(&bare, 0.5);
    check("keeper and attach per turn, p50", overhead, "ms", Limit::AtMost(10.0));
    note(
        "  one durable file, as the keeper writes last",
        &format!("{} ms", rounded(durable_file(place))),
    );
}

async fn without(scratch: &Path) {
    let spawn = Spawn {
        confinement: None,
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "cat".into()],
        cwd: scratch.to_owned(),
        env: environment(),
        stdin: Stdin::Closed("the prompt\n".to_owned()),
        marker: marker(scratch),
        limits: Limits {
            total: Duration::from_secs(60),
            silence: Duration::from_secs(60),
            max_line: MAX_LINE,
            max_output: 1 << 20,
        },
        stop: StopPlan { graceful: Signal::Terminate, grace: Duration::from_secs(5) },
        journal: scratch.join("transcript.jsonl"),
        redactor: Redactor::new(Vec::new()),
    };
    let noted =
        Box::new(|_| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(async {}) });
    let mut lines = 0;
    let mut listener = |_: Line| {
        lines += 1;
        Flow::Continue
    };
    let never = CancellationToken::new();
    agent_process::run(spawn, &never, noted, voice().1, &mut listener).await.expect("a turn");
    assert_eq!(lines, 1);
}

/// Does a turn under a keeper; milliseconds until it was handed over, until its outcome was known, until the keeper was gone.
async fn with(scratch: &Path, script: &str) -> (f64, f64, f64) {
    let begun = Instant::now();
    let starting = start(scratch).await;
    let mut keeper = starting.assign(&assignment(scratch, script)).await;
    let started = millis(begun.elapsed());
    let never = CancellationToken::new();
    let Watched::Over(outcome) = keeper.watch(&never, &never).await.expect("an end") else {
        panic!("no outcome")
    };
    let over = millis(begun.elapsed());
    keeper.gone().await;
    assert_eq!(outcome.report.ending, TurnEnding::Completed);
    (started, over, millis(begun.elapsed()))
}

async fn start(scratch: &Path) -> Starting {
    let program = Path::new(env!("CARGO_BIN_EXE_enact-factory"));
    Starting::start(program, scratch, &marker(scratch)).await.expect("a keeper")
}

/// Private memory of a keeper whose agent has said something and works on.
async fn memory(place: &Path) {
    let scratch = place.join("memory");
    fs::create_dir(&scratch).expect("a directory");
    let starting = start(&scratch).await;
    let pid = starting.identity().pid;
    let script =
        "cat; i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exec sleep 600";
    let mut keeper = starting.assign(&assignment(&scratch, script)).await;
    let journal = scratch.join("transcript.jsonl");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&journal).is_ok_and(|text| text.contains("line 4999")) {
        assert!(Instant::now() < deadline, "the agent says nothing");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let rollup = format!("/proc/{pid}/smaps_rollup");
    let kib = |name| field(&rollup, name).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let mib = |kib: u64| kib as f64 / 1024.0;
    // What is mapped from the program's file is shared with the daemon and with every other keeper.
    let private = kib("Private_Dirty:") + kib("Swap:");
    check("private memory of a keeper at work", mib(private), "MiB", Limit::AtMost(4.0));
    let resident = format!("{} MiB", rounded(mib(kib("Rss:"))));
    note("  resident, the program's own file included", &resident);
    let (stop, never) = (CancellationToken::new(), CancellationToken::new());
    stop.cancel();
    keeper.watch(&stop, &never).await.expect("an end");
    keeper.gone().await;
}

fn assignment(scratch: &Path, script: &str) -> Assignment {
    Assignment {
        confinement: None,
        agent: AgentKind::Command,
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        cwd: scratch.to_owned(),
        env: environment(),
        told: Told::Closed("the prompt\n".to_owned()),
        opening: None,
        answer_file: None,
        graceful: Ask::Terminate,
        marker: marker(scratch).value().to_owned(),
        total_ms: 60_000,
        silence_ms: 60_000,
        scratch: scratch.to_owned(),
        secrets: Vec::new(),
        orphan_grace_ms: 60_000,
        remembered: Remembered { agent: AgentKind::Command, before: None },
    }
}

fn environment() -> BTreeMap<String, String> {
    BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
}

fn marker(scratch: &Path) -> Marker {
    let name = scratch.file_name().expect("a name").to_string_lossy().into_owned();
    Marker::new(&format!("bench-{}", std::process::id()), &name)
}

/// Milliseconds to make a file durable under its name, as an outcome is.
fn durable_file(place: &Path) -> f64 {
    let spans: Vec<f64> = (0..50)
        .map(|number| {
            let (part, path) = (place.join("part"), place.join(format!("durable-{number}")));
            let begun = Instant::now();
            fs::write(&part, [b'x'; 500]).expect("written");
            fs::File::open(&part).and_then(|file| file.sync_all()).expect("synchronised");
            fs::rename(&part, &path).expect("renamed");
            fs::File::open(place).and_then(|file| file.sync_all()).expect("synchronised");
            millis(begun.elapsed())
        })
        .collect();
    percentile(&spans, 0.5)
}
