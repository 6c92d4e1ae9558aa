"""Microsoft's own client against a service: the life of a pull request, and the refusals. Prints `agreed` at its end.

Usage: azure_git_sdk.py URL PROJECT REPOSITORY BRANCH COMMIT TOKEN
"""

import sys

from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_1.git.models import (
    GitPullRequest,
    GitPullRequestSearchCriteria,
    GitStatus,
    GitStatusContext,
    IdentityRefWithVote,
    WebApiCreateTagRequestData,
)
from msrest.authentication import BasicAuthentication

url, project, repository, branch, commit, token = sys.argv[1:]
git = Connection(base_url=url, creds=BasicAuthentication("", token)).clients_v7_1.get_git_client()
source, target = "refs/heads/" + branch, "refs/heads/main"


def refused(expected, call):
    try:
        call()
    except AzureDevOpsServiceError as error:
        said = f"{error.type_key} {error.message}"
        assert expected in said, f"{expected!r} is not in {said!r}"
        return
    raise AssertionError(f"not refused: {expected}")


def wish(**more):
    return GitPullRequest(source_ref_name=source, target_ref_name=target, title="Made by another client", **more)


refs = git.get_refs(repository, project, filter="heads/" + branch)
assert [(ref.name, ref.object_id) for ref in refs] == [(source, commit)], refs
refused("TF401019", lambda: git.get_refs("nothing", project))

pull = git.create_pull_request(wish(description="x" * 4000, is_draft=True), repository, project)
assert pull.status == "active" and pull.is_draft and len(pull.description) == 4000, pull
assert pull.last_merge_source_commit.commit_id == commit, pull
refused("GitPullRequestExistsException TF401179", lambda: git.create_pull_request(wish(), repository, project))
absent = GitPullRequest(source_ref_name="refs/heads/absent", target_ref_name=target, title="x")
refused("TF401398", lambda: git.create_pull_request(absent, repository, project))
refused("4000", lambda: git.create_pull_request(wish(description="x" * 4001), repository, project))

criteria = GitPullRequestSearchCriteria(source_ref_name=source, status="all")
found = git.get_pull_requests(repository, criteria, project)
assert [(one.pull_request_id, len(one.description)) for one in found] == [(pull.pull_request_id, 400)], found
number = pull.pull_request_id
changed = git.update_pull_request(GitPullRequest(title="Better", is_draft=False), repository, number, project)
assert changed.title == "Better" and not changed.is_draft and len(changed.description) == 4000, changed
refused("TF401180", lambda: git.get_pull_request(repository, 4711, project))

git.create_pull_request_label(WebApiCreateTagRequestData(name="factory"), repository, number, project)
git.create_pull_request_label(WebApiCreateTagRequestData(name="Factory"), repository, number, project)
labels = git.get_pull_request_labels(repository, number, project)
assert [label.name for label in labels] == ["factory"], labels
reviewer = IdentityRefWithVote(vote=0)
git.create_pull_request_reviewer(reviewer, repository, number, "id-of-ada", project)
reviewers = git.get_pull_request(repository, number, project).reviewers
assert [(one.unique_name, one.vote) for one in reviewers] == [("ada@example.org", 0)], reviewers

for state in ["pending", "succeeded"]:
    status = GitStatus(state=state, description="critic", context=GitStatusContext(name="critic", genre="factory"))
    git.create_commit_status(status, commit, repository, project)
statuses = git.get_statuses(commit, repository, project, latest_only=True)
assert [(one.state, one.context.name) for one in statuses] == [("succeeded", "critic")], statuses
assert git.get_pull_request_statuses(repository, number, project) == []
assert git.get_threads(repository, number, project) == []
assert git.get_pull_request_work_item_refs(repository, number, project) == []
print("agreed")
