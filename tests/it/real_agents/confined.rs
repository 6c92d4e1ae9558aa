//! Real agents inside the operating system's confinement.

use super::{Workshop, says, with_each_cli};
use crate::support::model_server::{Rule, Script, ToolCall};

#[test]
fn a_confined_agent_does_its_work_and_cannot_reach_the_repository_itself() {
    if !enact_factory::process::sandbox::support().files {
        println!("skipped: Landlock not found");
        return;
    }
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        // What is below the shared temporary directory is writable for everybody; the repository is below it here.
        let writable = shop.factory.root().join("tmp");
        let sandbox = format!("\n[sandbox]\nmode = \"required\"\nwritable = [{writable:?}]\n");
        shop.factory.more_config.push_str(&sandbox);
        shop.factory.item("CAGE-1", "", "Greet the world");
        let outside = shop.factory.root().join("repo/escaped");
        let escape = format!("echo x > {} ; echo tried", outside.display());
        let calls = vec![ToolCall::bash(&escape), ToolCall::write("CAGE-1.txt", "made\n")];
        shop.server.script(
            Script::new()
                .rule(says::work(says::coder("CAGE-1"), calls))
                .rule(Rule::new(says::critic("CAGE-1"), says::approve(0))),
        );
        shop.factory.start();
        shop.factory.wait_until_done(&["CAGE-1"]);
        shop.print_turns(&["CAGE-1"]);
        assert!(!outside.exists(), "{} wrote outside its worktree", cli.name());
        assert_eq!(shop.factory.repository.on_main("CAGE-1.txt").as_deref(), Some("made"));
        let last = shop.calls("CAGE-1", "coder").pop().expect("a call");
        assert!(last.tool_results().contains("tried"), "{}", last.tool_results());
        shop.close();
    });
}
