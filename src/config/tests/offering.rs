//! Where approved changes are offered: what cannot be meant, and where tokens come from.

use super::{Bench, mistakes};
use crate::config::offering::{ForgeKind, ForgeWish};
use crate::domain::ids::ProjectId;

const PROJECT: &str =
    "[[projects]]\nname = \"a\"\npath = \"repository\"\ndelivery = \"pull_request\"\n";

#[test]
fn every_mistake_about_pull_requests_is_reported_with_what_would_be_right() {
    let report = mistakes(&format!(
        "{PROJECT}forge = \"gitlab\"\nforge_repository = \"x\"\n\
         [projects.pull_request]\ntemplate = \"../secret.md\"\nreviewers = \"ann\"\npoll_interval_ms = 1\n\
         [[projects]]\nname = \"b\"\npath = \"b\"\ndelivery = \"pull_request\"\nforge = \"azure_repos\"\n\
         forge_repository = \"owner/name\"\n"
    ));
    for expected in [
        "projects[0].forge: expected one of auto, github, azure_repos, git, found \"gitlab\"",
        "projects[0].forge_repository: a repository is named only for a forge that is named too",
        "projects[0].pull_request.template: not a path inside the repository; as in \"docs/pull_request.md\"",
        "projects[0].pull_request.reviewers: expected a list of texts, found \"ann\"; put it in [ ]",
        "projects[0].pull_request.poll_interval_ms: expected a whole number from 100 to 86400000, found 1",
        "projects[1].forge_repository: not a repository; as in \"organization/project/repository\"",
        "projects[1].forge: Azure Repos needs a token; set AZDO_PAT, or `token` in [azdo]",
    ] {
        assert!(report.contains(expected), "{expected:?} is not in\n{report}");
    }
}

#[test]
fn only_projects_that_offer_their_changes_have_a_forge() {
    let bench = Bench::new().variable("AZDO_PAT", "pat-0123456789");
    let text = format!(
        "{PROJECT}forge = \"azure_repos\"\nforge_repository = \"o/p q/r\"\n\
         [[projects]]\nname = \"b\"\npath = \"b\"\n"
    );
    let settings = bench.loaded(&text).settings;
    let wish = ForgeWish {
        kind: ForgeKind::AzureRepos,
        remote: "origin".to_owned(),
        repository: ["o", "p q", "r"].map(str::to_owned).to_vec(),
    };
    let found: Vec<_> = settings.forges.into_iter().collect();
    assert_eq!(found, [(ProjectId::new("a"), wish)]);
    assert!(settings.access.azure_token.is_some() && settings.access.github_token.is_none());
}
