//! Are the repositories there, with a branch to start from?

use std::path::Path;

use crate::config::settings::Settings;
use crate::domain::policy::ProjectPolicy;

use super::super::entry::Context;
use super::Finding;
use super::git;

const AREA: &str = "projects";

pub(super) async fn look(context: &Context, settings: &Settings) -> Vec<Finding> {
    let projects = &settings.policy.projects;
    if projects.is_empty() {
        let text = "none is configured; only `run` and `exec` with a path can be used";
        let remedy = "name a repository under [[projects]]";
        return vec![Finding::remark(AREA, "", text).remedy(remedy)];
    }
    let mut findings = Vec::new();
    for project in projects.values() {
        findings.push(one(context, project).await);
    }
    findings
}

async fn one(context: &Context, project: &ProjectPolicy) -> Finding {
    let subject = format!("{} ({})", project.id, project.repository);
    let path = Path::new(&project.repository);
    if !path.is_dir() {
        return Finding::stops(AREA, subject, "there is no such directory")
            .remedy("correct `path`, or clone the repository there");
    }
    if let Err(reason) = git::ask(context, path, &["rev-parse", "--git-dir"]).await {
        return Finding::stops(AREA, subject, reason)
            .remedy("`path` must be the top of a repository");
    }
    let Some(base) = &project.base_branch else {
        let head = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
        return match git::ask(context, path, &head).await {
            Ok(_) => Finding::ok(AREA, subject, "is there; the base is its own default branch"),
            Err(_) => Finding::stops(AREA, subject, "has no commit to start from")
                .remedy("make a first commit"),
        };
    };
    for name in [format!("refs/heads/{base}"), format!("refs/remotes/origin/{base}")] {
        let commit = format!("{name}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", commit.as_str()];
        if git::ask(context, path, &arguments).await.is_ok() {
            return Finding::ok(AREA, subject, format!("is there; the base is {base}"));
        }
    }
    Finding::stops(
        AREA,
        subject,
        format!("there is no branch `{base}`, neither local nor of origin"),
    )
    .remedy("correct `base_branch`, or leave it out to use the repository's own default")
}
