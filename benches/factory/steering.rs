//! How long what people say takes to reach an agent at work: from the start of the command until the agent has read it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::agent::{self, STEERED, now};
use crate::daemon::Daemon;
use crate::figures::{Limit, check, note, percentile, rounded, setting, spread};
use crate::place::{Place, Wanted, until};

/// One instruction after the other to one agent that speaks the duplex stream-JSON of Claude Code, by the command line as
/// a person types it.
pub fn run() {
    let steers = setting("BENCH_STEERS", 200);
    let place = Place::new(Wanted { slots: 1, agent_ms: 0, poll_ms: 200 });
    employ_duplex_agent(&place);
    let daemon = Daemon::start(&place);
    place.add_item(1);
    until("the agent is up", || agent::steered(&place.notes()).len() == 1);
    let (mut heard, mut receipts, mut commands) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=steers {
        let begun = now();
        let said = command(&place, &["steer", "BENCH-1", &format!("say it {number} times")]);
        receipts.push(millis(begun, now()));
        assert!(said.contains("injected at turn 1"), "{said}");
        // It was injected, so it is in the agent's pipe, and the agent has nothing else to do.
        until("the agent has read it", || agent::steered(&place.notes()).len() > number);
        heard.push(millis(begun, agent::steered(&place.notes())[number]));
        let begun = now();
        command(&place, &["--version"]);
        commands.push(millis(begun, now()));
    }
    check(
        "`steer` typed → read by the agent, p95",
        percentile(&heard, 0.95),
        "ms",
        Limit::AtMost(100.0),
    );
    note(&format!("  the same, {steers} times"), &spread(&heard));
    note("  the slowest", &format!("{} ms", rounded(percentile(&heard, 1.0))));
    note("  until the command has said so, on record", &spread(&receipts));
    note("  of which starting and ending any command of the program", &spread(&commands));
    drop(daemon);
}

fn millis(from: u128, to: u128) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let nanoseconds = to.saturating_sub(from) as f64;
    nanoseconds / 1e6
}

/// Makes the agent of the coder one that is talked to, under the name and in the words of Claude Code.
fn employ_duplex_agent(place: &Place) {
    let own = std::env::current_exe().expect("this program");
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\n-p) exec '{}' {} {STEERED} '{}' ;;\n*) echo 2.1.329 ;;\nesac\n",
        own.display(),
        agent::SUBCOMMAND,
        place.notes().display()
    );
    let program = place.path("duplex");
    fs::write(&program, script).expect("the agent");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let config = place.path("config.toml");
    let text = fs::read_to_string(&config).expect("the configuration");
    let more = format!(
        "[autonomous.default_stages.coder]\nadapter = \"duplex\"\n\
         [agents.duplex]\nkind = \"claude\"\nprogram = {program:?}\n"
    );
    fs::write(config, text + &more).expect("the configuration");
}

/// Runs a command of the program and returns what it said.
fn command(place: &Place, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_enact-factory"))
        .args(arguments)
        .env_clear()
        .env("HOME", place.path("home"))
        .current_dir(place.directory())
        .stdin(Stdio::null())
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{complaint}");
    said
}
