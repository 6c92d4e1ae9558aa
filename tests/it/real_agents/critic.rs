//! A critic that wants to write.

use enact_factory::domain::run::Outcome;

use super::{Cli, Workshop, says, with_each_cli};
use crate::support::model_server::{Answer, Rule, Script, ToolCall};

#[test]
fn a_critic_cannot_write() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        let outside = shop.factory.root().join("critic-was-here");
        let command = format!(
            "echo evil >> README.md; git commit --all --message evil; touch '{}'; echo tried",
            outside.display()
        );
        let calls = vec![
            ToolCall::write("evil.txt", "evil\n"),
            ToolCall::bash(&command),
            ToolCall::named(
                "Edit",
                serde_json::json!({
                    "file_path": "README.md", "old_string": "project", "new_string": "evil",
                }),
            ),
        ];
        shop.factory.item("READ-1", "", "Greet the world");
        shop.server.script(
            Script::new().rule(says::writes("READ-1")).rule(
                Rule::new(says::critic("READ-1"), Answer::Tools(calls)).then(says::approve(0)),
            ),
        );
        shop.factory.start();
        shop.factory.wait_until_done(&["READ-1"]);
        shop.print_turns(&["READ-1"]);
        // It tried, it could not, and what it then said of the untouched commit counts.
        let calls = shop.calls("READ-1", "critic");
        let [asked, told] = &calls[..] else { panic!("{} calls", calls.len()) };
        println!("{} offers its critic {:?}", cli.name(), asked.tool_names());
        println!("{} tells its critic: {}", cli.name(), told.tool_results());
        let mut offered = asked.tool_names();
        offered.sort();
        match cli {
            Cli::Claude => assert_eq!(offered, ["Glob", "Grep", "Read"]),
            Cli::Opencode => assert_eq!(offered, ["glob", "grep", "read"]),
            // Its writing tools write below its own home only.
            Cli::Hermes => {
                assert_eq!(offered, ["patch", "read_file", "search_files", "write_file"]);
            }
            // By its operator's word.
            Cli::Cursor => assert!(offered.is_empty(), "{offered:?}"),
            Cli::Responses => {
                let writing = ["shell", "write_file", "apply_patch"];
                assert!(
                    !offered.iter().any(|tool| writing.contains(&tool.as_str())),
                    "{offered:?}"
                );
            }
            // It asks, and is told no.
            Cli::Acp => assert!(told.tool_results().contains("not allowed")),
            // A sandbox of the system.
            Cli::Codex | Cli::OpencodeByAcp => {}
        }
        assert!(!outside.exists(), "a file outside of the worktree was made");
        let tree = shop.factory.repository.tree();
        assert_eq!(tree["README.md"], "# A project");
        assert!(tree.contains_key("READ-1.txt") && !tree.contains_key("evil.txt"), "{tree:?}");
        let log = shop.factory.repository.git(&["log", "--all", "--format=%s"]);
        assert!(!log.contains("evil"), "{log}");
        assert_eq!(shop.factory.outcomes("READ-1"), [Some(Outcome::Succeeded)]);
        shop.close();
    });
}
