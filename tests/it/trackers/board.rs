//! A board on either service, with what people do there and what they see, for tests that hold for both.

use std::fs;

use serde_json::json;

use crate::support::azure::faults::{Fault as AzureFault, Scope};
use crate::support::azure::process::Process;
use crate::support::azure::{Azure, ORGANIZATION, PROJECT, TEAM, TOKEN as AZURE_TOKEN};
use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::github::{ACCOUNT, FakeGithub, Fault, TOKEN};

const OWN: &str = "owner/name";

/// Whom items are given to.
const FACTORY: &str = "factory@example.org";

/// A board that several look at.
pub(super) enum Board {
    Github(FakeGithub),
    Azure(Azure),
}

impl Board {
    pub(super) fn both() -> [Self; 2] {
        let server = FakeGithub::start();
        server.people(|world| world.repository(OWN));
        [Self::Github(server), Self::Azure(Azure::start(Process::Agile))]
    }

    /// One more daemon on it, that plays `script`.
    pub(super) fn factory(&self, script: &Script) -> Factory {
        let mut factory = Factory::new();
        let variables = [
            ("GITHUB_TOKEN", TOKEN),
            ("AZDO_ORG", ORGANIZATION),
            ("AZDO_PROJECT", PROJECT),
            ("AZDO_TEAM_ID", TEAM),
            ("AZDO_PAT", AZURE_TOKEN),
        ];
        for (name, value) in variables {
            factory.variable(name, value);
        }
        factory.more_config = match self {
            Self::Github(server) => format!(
                "[github]\nbase_url = {:?}\npoll_interval_ms = 100\nwrite_interval_ms = 0\n\
                 [[github.repositories]]\nname = {OWN:?}\nproject = \"demo\"\n",
                server.url()
            ),
            Self::Azure(azure) => format!(
                "[azdo]\nbase_url = {:?}\npoll_interval = \"1s\"\nlane = \"autopilot\"\n\
                 trusted_authors = [\"@example.org\"]\n",
                azure.base()
            ),
        };
        factory.script(script);
        factory
    }

    pub(super) fn open(&self, number: u64) {
        let title = format!("Write file {number}");
        match self {
            Self::Github(server) => {
                let text = format!("Write {number}.txt.");
                server.people(|world| world.open(OWN, &title, &text, &["ai-factory"]));
            }
            Self::Azure(azure) => {
                azure.create(Process::Agile.story(), &[("System.Title", json!(title))]);
            }
        }
    }

    /// What agents call the item, and what everybody does.
    pub(super) fn names(&self, number: u64) -> (String, String) {
        match self {
            Self::Github(_) => (format!("{OWN}#{number}"), format!("github/{OWN}#{number}")),
            Self::Azure(_) => (number.to_string(), format!("azdo/{number}")),
        }
    }

    pub(super) fn is_done(&self, number: u64) -> bool {
        match self {
            Self::Github(server) => !server.issue(OWN, number).open,
            Self::Azure(azure) => azure.field(number, "System.State") == json!("Closed"),
        }
    }

    /// The factory's comments at an item.
    pub(super) fn comments(&self, number: u64) -> Vec<String> {
        match self {
            Self::Github(server) => {
                let issue = server.issue(OWN, number);
                issue.said_by(ACCOUNT).iter().map(|comment| comment.body.clone()).collect()
            }
            Self::Azure(azure) => {
                azure.comments(number).into_iter().map(|comment| comment.text).collect()
            }
        }
    }

    /// Whether anything at the item says that somebody has it.
    pub(super) fn is_marked(&self, number: u64) -> bool {
        match self {
            Self::Github(_) => self.comments(number).iter().any(|it| it.contains("Taken by")),
            Self::Azure(azure) => {
                azure.field(number, "System.Tags").to_string().contains("factory-lease:")
            }
        }
    }

    /// Items count that are assigned to us.
    pub(super) fn only_ours(&self, factory: &mut Factory) {
        let (before, after) = match self {
            Self::Github(_) => ("[github]\n", format!("[github]\nassignee = {ACCOUNT:?}\n")),
            Self::Azure(_) => ("[azdo]\n", format!("[azdo]\nassigned_to = {FACTORY:?}\n")),
        };
        factory.more_config = factory.more_config.replace(before, &after);
    }

    /// A person gives the item to us, or takes it away again.
    pub(super) fn assign(&self, number: u64, to_us: bool) {
        match self {
            Self::Github(server) => server.people(|world| {
                let whom = if to_us { ACCOUNT } else { "ada" };
                world.edit(OWN, number, |issue| issue.assignees = vec![whom.to_owned()]);
            }),
            Self::Azure(azure) => {
                let whom = if to_us { FACTORY } else { "ada@example.org" };
                azure.edit(number, &[("System.AssignedTo", json!(whom))]);
            }
        }
    }

    /// A person gives the item up.
    pub(super) fn close(&self, number: u64) {
        match self {
            Self::Github(server) => {
                server.people(|world| world.close(OWN, number, "not_planned"));
            }
            Self::Azure(azure) => azure.edit(number, &[("System.State", json!("Removed"))]),
        }
    }

    /// A person asks for something else.
    pub(super) fn retitle(&self, number: u64, title: &str) {
        match self {
            Self::Github(server) => {
                server.people(|world| {
                    world.edit(OWN, number, |issue| title.clone_into(&mut issue.title));
                });
            }
            Self::Azure(azure) => azure.edit(number, &[("System.Title", json!(title))]),
        }
    }

    /// The next requests are answered with a failure of the service: `reads` of those that only look, and a write.
    pub(super) fn break_down(&self, reads: u32) {
        match self {
            Self::Github(server) => {
                server.fail("GET", "/repos/*", reads, Fault::broken());
                for method in ["POST", "PATCH"] {
                    server.fail(method, "/repos/*", 1, Fault::broken());
                }
            }
            Self::Azure(azure) => {
                azure.fail(Scope::Writes, 1, AzureFault::Status(503, 0));
                azure.fail(Scope::Everything, reads, AzureFault::Status(503, 0));
            }
        }
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        match self {
            Self::Github(server) => server.journal().len(),
            Self::Azure(azure) => azure.journal().len(),
        }
    }
}

/// A coder and a critic for every item, the first coder of each at work until `go` exists if so wished.
pub(super) fn script(board: &Board, items: u64, waits: bool) -> Script {
    (1..=items).fold(Script::new(), |script, number| {
        let name = board.names(number).0;
        let coder = Step::coder(&name);
        let coder = if waits { coder.note("began").wait_for("go") } else { coder };
        let coder = coder.write(&format!("{number}.txt"), "text\n").answer(DONE);
        script.step(coder).step(Step::critic(&name).answer(APPROVE))
    })
}

/// Every prompt that an agent of the factory was given, by the name of its file.
pub(super) fn prompts(factory: &Factory) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut places = vec![factory.root().join("prompts")];
    // What an item of GitHub is called has a slash in it.
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                places.push(entry.path());
            } else {
                let name = entry.file_name().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(entry.path()).expect("a prompt")));
            }
        }
    }
    found
}
