//! Mistakes in scenario files are found, placed and explained.

use super::Script;

fn mistake(text: &str) -> String {
    Script::parse(text).unwrap_err().to_string()
}

#[test]
fn an_empty_scenario_is_a_scenario() {
    let script = Script::parse("").unwrap();
    assert_eq!(script.start.to_string(), "2026-03-02T08:00:00Z");
    assert_eq!(script.policy.projects.len(), 1);
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    for (text, expected) in [
        ("titel = \"x\"", "1:1: unknown field `titel`, expected one of"),
        ("[policy]\nmax_round = 3", "2:1: unknown field `max_round`, expected one of"),
        (
            "[[item]]\nid = \"A\"\nstate = \"Tdo\"",
            "3:9: `Tdo` is not a state (did you mean `Todo`?)",
        ),
        ("[[item]]\nid = \"A\"\n[[item]]\nid = \"A\"", "4:6: there is already an item `A`"),
        (
            "[[item]]\nid = \"A\"\ncoder = [\"change\", \"chnage\"]",
            "3:20: `chnage` is not a word that can stand here; did you mean `change`?",
        ),
        ("[factory]\nuntil = \"5\"", "2:9: `5` is not a length of time"),
        ("[factory]\nstart = \"today\"", "2:9: `today` is not an instant (write for example"),
        (
            "[policy]\nblocked_hours = [\"9-5\"]",
            "2:18: `9-5` is not a span of the day (write for example 22:00-06:00)",
        ),
        ("[[event]]\nat = \"1m\"", "1:1: this event does not say what happens (one of command,"),
        (
            "[[event]]\nat = \"1m\"\ncrash = \"1s\"\nstop = \"1s\"",
            "1:1: an event is one thing that happens, this says several",
        ),
        (
            "[[event]]\nat = \"1m\"\ncommand = \"aprove A\"",
            "3:11: `aprove` is not a command (did you mean `approve`?)",
        ),
        (
            "[[event]]\nat = \"1m\"\ncommand = \"approve\"",
            "3:11: `approve` needs more than that (write for example `approve DEMO-1`)",
        ),
        (
            "[[item]]\nid = \"DEMO-1\"\n[[event]]\nat = \"1m\"\ndelete = \"DEMO-2\"",
            "5:10: `DEMO-2` is not a item of this scenario (did you mean `DEMO-1`?)",
        ),
        ("x = [", "1:6: "),
    ] {
        let found = mistake(text);
        assert!(found.starts_with(expected), "{text}\n  says {found}");
    }
    assert!(mistake("[policy]\nmax_round = 3").ends_with("(did you mean `max_rounds`?)"));
}
