//! Forges with what people do there.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::super::azure_repos::AzureForge;
use super::super::azure_repos::tests as azure;
use super::super::bench::{Bench, SEARCH_PATH, git};
use super::super::command::GitProgram;
use super::super::git::GitForge;
use super::super::github::GithubForge;
use super::super::github::tests::{OWN, server, settings};
use super::super::in_memory::InMemoryForge;
use super::super::remote::RemoteSettings;
use super::super::{Forge, PullRequestWish};
use super::wish;
use crate::domain::ids::RunId;
use crate::fake_azure::{Azure, PERSON};
use crate::fake_github::FakeGithub;

/// A forge, and people.
#[async_trait]
pub(super) trait Place: Sync {
    fn forge(&self) -> &dyn Forge;
    fn bench(&self) -> &Bench;
    fn title(&self, number: u64) -> String;
    fn labels(&self, number: u64) -> Vec<String>;
    fn count(&self) -> usize;
    async fn person_offers(&self, branch: &str) -> u64;
    fn person_merges(&self, number: u64);
    fn person_closes(&self, number: u64);

    fn work(&self, run: RunId, parent: &str, file: &str) -> String {
        self.bench().work(&run.to_string(), parent, file)
    }

    fn head_of(&self, branch: &str) -> Option<String> {
        self.bench().head_of(branch)
    }

    fn person_commits(&self, branch: &str) -> String {
        self.bench().person_commits(branch, "by-hand.txt")
    }
}

/// One of each kind.
pub(super) fn places() -> Vec<Box<dyn Place>> {
    vec![
        Box::new(Memory::new()),
        Box::new(Plain::new()),
        Box::new(Github::new()),
        Box::new(AzureRepos::new()),
    ]
}

struct Memory {
    forge: InMemoryForge,
    bench: Bench,
    commits: AtomicU64,
}

impl Memory {
    fn new() -> Self {
        let forge = InMemoryForge::new("memory demo");
        Self { forge, bench: Bench::new(), commits: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Place for Memory {
    fn forge(&self) -> &dyn Forge {
        &self.forge
    }

    fn bench(&self) -> &Bench {
        &self.bench
    }

    fn title(&self, number: u64) -> String {
        self.forge.offered(number).unwrap().title
    }

    fn labels(&self, number: u64) -> Vec<String> {
        self.forge.offered(number).unwrap().labels
    }

    fn count(&self) -> usize {
        self.forge.count()
    }

    async fn person_offers(&self, branch: &str) -> u64 {
        self.forge.offer(branch, "main")
    }

    fn person_merges(&self, number: u64) {
        self.forge.merge(number, Some("merge"));
    }

    fn person_closes(&self, number: u64) {
        self.forge.close(number);
    }

    fn head_of(&self, branch: &str) -> Option<String> {
        self.forge.head_of(branch)
    }

    fn person_commits(&self, branch: &str) -> String {
        let commit = format!("by hand {}", self.commits.fetch_add(1, Ordering::Relaxed));
        self.forge.commit(branch, &commit);
        commit
    }
}

/// How the bench's remote is reached.
pub(super) fn remote(bench: &Bench, scratch: &str) -> RemoteSettings {
    RemoteSettings {
        address: bench.remote().to_string_lossy().into_owned(),
        credentials: None,
        scratch: bench.place(scratch),
        git: GitProgram::new(SEARCH_PATH.to_owned(), bench.place("home")),
    }
}

struct Plain {
    forge: GitForge,
    bench: Bench,
}

impl Plain {
    fn new() -> Self {
        let bench = Bench::new();
        let forge = GitForge::new(remote(&bench, "scratch")).unwrap();
        Self { forge, bench }
    }

    fn record(&self, number: u64) -> Value {
        let place = format!("refs/factory/pull/{number}:record.json");
        let text = git(&self.bench.remote(), &["cat-file", "blob", &place], b"");
        serde_json::from_str(&text).unwrap()
    }
}

#[async_trait]
impl Place for Plain {
    fn forge(&self) -> &dyn Forge {
        &self.forge
    }

    fn bench(&self) -> &Bench {
        &self.bench
    }

    fn title(&self, number: u64) -> String {
        self.record(number)["title"].as_str().unwrap().to_owned()
    }

    fn labels(&self, number: u64) -> Vec<String> {
        serde_json::from_value(self.record(number)["labels"].clone()).unwrap()
    }

    fn count(&self) -> usize {
        let refs = git(&self.bench.remote(), &["for-each-ref", "refs/factory/pull/"], b"");
        refs.lines().count()
    }

    /// Another factory does: people cannot, here.
    async fn person_offers(&self, branch: &str) -> u64 {
        let theirs = GitForge::new(remote(&self.bench, "theirs")).unwrap();
        let head = self.bench.head_of(branch).unwrap();
        let wish = PullRequestWish { run: RunId(Uuid::from_u128(9)), ..wish(&head) };
        theirs.open(&wish).await.unwrap().number
    }

    fn person_merges(&self, number: u64) {
        let branch = self.record(number)["branch"].as_str().unwrap().to_owned();
        self.bench.person_merges(&branch, "main");
    }

    fn person_closes(&self, number: u64) {
        self.bench.delete(self.record(number)["branch"].as_str().unwrap());
    }
}

struct Github {
    forge: GithubForge,
    server: FakeGithub,
    bench: Bench,
}

impl Github {
    fn new() -> Self {
        let bench = Bench::new();
        let server = server(&bench);
        let forge = GithubForge::new(settings(&server, &bench)).unwrap();
        Self { forge, server, bench }
    }
}

#[async_trait]
impl Place for Github {
    fn forge(&self) -> &dyn Forge {
        &self.forge
    }

    fn bench(&self) -> &Bench {
        &self.bench
    }

    fn title(&self, number: u64) -> String {
        self.server.issue(OWN, number).title
    }

    fn labels(&self, number: u64) -> Vec<String> {
        self.server.issue(OWN, number).labels
    }

    fn count(&self) -> usize {
        self.server.people(|world| world.pull_count())
    }

    async fn person_offers(&self, branch: &str) -> u64 {
        self.server.people(|world| world.offer(OWN, branch, ""))
    }

    fn person_merges(&self, number: u64) {
        let branch = self.server.people(|world| world.pull(number).branch.clone());
        let merge = self.bench.person_merges(&branch, "main");
        self.server.people(|world| world.merge_pull(OWN, number, &merge));
    }

    fn person_closes(&self, number: u64) {
        self.server.people(|world| world.close(OWN, number, "not_planned"));
    }
}

struct AzureRepos {
    forge: AzureForge,
    service: Azure,
    bench: Bench,
}

impl AzureRepos {
    fn new() -> Self {
        let bench = Bench::new();
        let service = azure::service(&bench);
        let forge = AzureForge::new(azure::settings(&service, &bench)).unwrap();
        Self { forge, service, bench }
    }
}

#[async_trait]
impl Place for AzureRepos {
    fn forge(&self) -> &dyn Forge {
        &self.forge
    }

    fn bench(&self) -> &Bench {
        &self.bench
    }

    fn title(&self, number: u64) -> String {
        self.service.repository(|pulls| pulls.pull(number).title.clone())
    }

    fn labels(&self, number: u64) -> Vec<String> {
        self.service.repository(|pulls| pulls.pull(number).labels.clone())
    }

    fn count(&self) -> usize {
        self.service.repository(|pulls| pulls.count())
    }

    async fn person_offers(&self, branch: &str) -> u64 {
        let text = ("By a person", "");
        self.service.repository(|pulls| pulls.offer(branch, "main", text, PERSON))
    }

    fn person_merges(&self, number: u64) {
        let branch = self.service.repository(|pulls| pulls.pull(number).source.clone());
        let merge = self.bench.person_merges(&branch, "main");
        self.service.repository(|pulls| pulls.end(number, Some(&merge)));
    }

    fn person_closes(&self, number: u64) {
        self.service.repository(|pulls| pulls.end(number, None));
    }
}
