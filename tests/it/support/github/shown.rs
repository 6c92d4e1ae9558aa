//! Pull requests as the server shows them, with everything that its description wants.

use serde_json::{Value, json};

use super::answers::{iso, label, user};
use super::world::World;

impl World {
    /// A pull request.
    pub(super) fn shown_pull(&self, repository: &str, number: u64) -> Value {
        let pull = self.pull(number);
        let issue = self.issue(repository, number).expect("its issue");
        let base = format!("https://api.github.example/repos/{repository}");
        let (own, page) = (
            format!("{base}/pulls/{number}"),
            format!("https://github.example/{repository}/pull/{number}"),
        );
        let head =
            self.head(&pull.branch).filter(|_| issue.open).unwrap_or_else(|| pull.head.clone());
        let href = |url: String| json!({ "href": url });
        let end = |branch: &str, sha: &str| {
            json!({
                "label": format!("owner:{branch}"), "ref": branch, "sha": sha, "user": user("owner"),
                "repo": shown_repository(repository),
            })
        };
        let users = |names: &[String]| names.iter().map(|it| user(it)).collect::<Vec<Value>>();
        let team = |slug: &String| {
            let url = format!("https://api.github.example/teams/{slug}");
            json!({
                "id": 1, "node_id": "T_1", "url": url, "members_url": format!("{url}/members{{/member}}"), "name": slug,
                "description": null, "permission": "pull", "html_url": url, "repositories_url": format!("{url}/repos"),
                "slug": slug, "parent": null, "privacy": "closed", "notification_setting": "notifications_enabled",
                "type": "organization",
            })
        };
        let known = pull.asked.as_ref() == Some(&head) && issue.open;
        let mut shown = json!({
            "id": issue.id, "node_id": format!("PR_{number}"), "number": number, "url": own, "html_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
            "issue_url": format!("{base}/issues/{number}"), "comments_url": format!("{base}/issues/{number}/comments"),
            "commits_url": format!("{own}/commits"), "review_comments_url": format!("{own}/comments"),
            "review_comment_url": format!("{base}/pulls/comments{{/number}}"),
            "statuses_url": format!("{base}/statuses/{head}"),
            "state": if issue.open { "open" } else { "closed" }, "locked": false, "title": issue.title, "body": issue.body,
            "user": user(&issue.author), "labels": issue.labels.iter().map(|it| described(it)).collect::<Vec<_>>(),
            "assignee": null, "assignees": [], "milestone": null, "draft": pull.draft,
            "head": end(&pull.branch, &head), "base": end(&pull.base, &self.head(&pull.base).unwrap_or_default()),
            "requested_reviewers": users(&pull.reviewers), "requested_teams": pull.teams.iter().map(team).collect::<Vec<_>>(),
        });
        let more = json!({
            "created_at": iso(issue.created), "updated_at": iso(issue.updated),
            "closed_at": (!issue.open).then(|| iso(issue.updated)),
            "merged_at": pull.merged.as_ref().map(|_| iso(issue.updated)), "merge_commit_sha": pull.merged,
            "merged": pull.merged.is_some(), "merged_by": null, "mergeable": known.then_some(true),
            "mergeable_state": if known { "clean" } else { "unknown" }, "maintainer_can_modify": false,
            "author_association": "MEMBER", "auto_merge": null, "additions": 1, "deletions": 0, "changed_files": 1,
            "commits": 1, "comments": 0, "review_comments": 0,
            "_links": {
                "self": href(own.clone()), "html": href(page), "issue": href(format!("{base}/issues/{number}")),
                "comments": href(format!("{base}/issues/{number}/comments")),
                "review_comments": href(format!("{own}/comments")),
                "review_comment": href(format!("{base}/pulls/comments{{/number}}")),
                "commits": href(format!("{own}/commits")), "statuses": href(format!("{base}/statuses/{head}")),
            },
        });
        let more = more.as_object().cloned().unwrap_or_default();
        shown.as_object_mut().expect("an object").extend(more);
        shown
    }
}

fn described(name: &str) -> Value {
    let mut label = label(name);
    label["description"] = json!("");
    label
}

pub(super) fn shown_review(
    repository: &str,
    number: u64,
    index: usize,
    (author, association, state, text): &(String, &str, &str, String),
) -> Value {
    let page =
        format!("https://github.example/{repository}/pull/{number}#pullrequestreview-{index}");
    let pull = format!("https://api.github.example/repos/{repository}/pulls/{number}");
    let at = iso(1_780_272_000 + u64::try_from(index).expect("a small number"));
    json!({
        "id": index, "node_id": format!("PRR_{index}"), "user": user(author), "body": text, "state": state,
        "html_url": page, "pull_request_url": pull, "submitted_at": at, "commit_id": null,
        "author_association": association, "_links": { "html": { "href": page }, "pull_request": { "href": pull } },
    })
}

/// A repository with all that must be there.
pub(super) fn shown_repository(name: &str) -> Value {
    let base = format!("https://api.github.example/repos/{name}");
    let page = format!("https://github.example/{name}");
    let mut shown = json!({
        "id": 1, "node_id": "R_1", "name": name.split('/').next_back(), "full_name": name,
        "owner": user(name.split('/').next().unwrap_or_default()), "private": false, "description": null, "fork": false,
        "url": base, "html_url": page, "clone_url": format!("{page}.git"), "git_url": format!("git://github.example/{name}"),
        "ssh_url": format!("git@github.example:{name}.git"), "svn_url": page, "default_branch": "main",
        "homepage": null, "language": null, "mirror_url": null, "license": null, "topics": [],
        "has_downloads": true, "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false,
        "has_discussions": false, "archived": false, "disabled": false, "visibility": "public",
        "pushed_at": iso(1_780_272_000), "created_at": iso(1_780_272_000), "updated_at": iso(1_780_272_000),
        "git_commits_url": format!("{base}/git/commits{{/sha}}"), "git_refs_url": format!("{base}/git/refs{{/sha}}"),
        "git_tags_url": format!("{base}/git/tags{{/sha}}"), "issue_comment_url": format!("{base}/issues/comments{{/n}}"),
        "issue_events_url": format!("{base}/issues/events{{/n}}"),
    });
    for name in [
        "archive",
        "assignees",
        "blobs",
        "branches",
        "collaborators",
        "comments",
        "commits",
        "compare",
        "contents",
        "contributors",
        "deployments",
        "downloads",
        "events",
        "forks",
        "hooks",
        "issues",
        "keys",
        "labels",
        "languages",
        "merges",
        "milestones",
        "notifications",
        "pulls",
        "releases",
        "stargazers",
        "statuses",
        "subscribers",
        "subscription",
        "tags",
        "teams",
        "trees",
    ] {
        shown[format!("{name}_url")] = json!(format!("{base}/{name}"));
    }
    for name in [
        "forks",
        "forks_count",
        "open_issues",
        "open_issues_count",
        "size",
        "stargazers_count",
        "watchers",
        "watchers_count",
    ] {
        shown[name] = json!(0);
    }
    shown
}
