//! A run with something to offer.

use enact_factory::domain::ids::{ItemId, RunId};
use enact_factory::forges::command::GitProgram;
use enact_factory::forges::remote::RemoteSettings;
use enact_factory::forges::{PullRequestWish, Push};

use crate::support::bench::{Bench, SEARCH_PATH};

/// The branch of the run.
pub(super) const BRANCH: &str = "factory/demo-1";

/// The run.
pub(super) fn run() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

/// How the bench's remote is reached.
pub(super) fn remote(bench: &Bench) -> RemoteSettings {
    RemoteSettings {
        address: bench.remote().to_string_lossy().into_owned(),
        credentials: None,
        scratch: bench.place("scratch"),
        git: GitProgram::new(SEARCH_PATH.to_owned(), bench.place("home")),
    }
}

/// One commit of the run to push.
pub(super) fn push(bench: &Bench) -> Push {
    Push {
        run: run(),
        earlier: Vec::new(),
        repository: bench.local(),
        branch: BRANCH.to_owned(),
        head: bench.work(&run().to_string(), &bench.first, "a.txt"),
        base_commit: bench.first.clone(),
    }
}

/// It shall be offered.
pub(super) fn wish(head: &str) -> PullRequestWish {
    PullRequestWish {
        run: run(),
        earlier: Vec::new(),
        item: ItemId::new("demo/1"),
        branch: BRANCH.to_owned(),
        head: head.to_owned(),
        base: "main".to_owned(),
        title: "Add a greeting".to_owned(),
        body: "What was done.\n\n| criterion | met |\n|---|---|\n| greets | yes |".to_owned(),
        draft: false,
        reviewers: Vec::new(),
        labels: vec!["factory".to_owned()],
    }
}
