//! discord.py as a judge of this service: it logs in, registers a command, sends, hears a button and resumes.

use std::process::{Command, Stdio};

use serde_json::json;

use super::client::place;
use crate::support::discord::{Discord, TOKEN};
use crate::support::judges::python;

#[test]
fn discord_py_agrees_with_the_stand_in() {
    let Some(python) = python("discord-py") else { return };
    let discord = Discord::start();
    let place = place(&discord);
    let home = tempfile::tempdir().expect("a directory");
    let script = home.path().join("judge.py");
    std::fs::write(&script, include_str!("discord_py.py")).expect("a script");
    let client = Command::new(python)
        .arg(&script)
        .arg(format!("http://{}/api/v10", discord.rest()))
        .args([TOKEN, &place.guild.to_string(), &place.channel.to_string()])
        .env_clear()
        .env("HOME", home.path())
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the client");
    let talk = || {
        let (who, here) = (place.person, place.channel);
        let said = |text: &str| {
            let found = discord.wait_for(text, |world| {
                world.messages(here).into_iter().find(|it| it["content"] == text)
            });
            found["id"].as_str().expect("an id").parse::<u64>().expect("an id")
        };
        let card = said("press it");
        discord.presses(who, card, "press");
        said("pressed by ada");
        let used = discord.uses(who, here, "/greet", &[("name", json!("grace"))]);
        let answer = discord.wait_for("answer", |world| world.answer_to(used));
        assert_eq!(answer["content"], "hello grace");
        discord.closes(Some(4000));
        said("resumed");
        discord.aborts();
        discord.says(who, here, "!stop");
        said("heard !stop");
    };
    let talked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(talk));
    let mut client = client;
    if talked.is_err() {
        client.kill().expect("the client");
    }
    let ended = client.wait_with_output().expect("the client");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(talked.is_ok(), "{errors}\n{:#?}", discord.journal().last());
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "agreed", "{errors}");
    assert!(!errors.contains("Traceback"), "{errors}");
    discord.is_as_described();
}
