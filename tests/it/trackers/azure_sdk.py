"""Microsoft's own client against a service: the whole life of a work item, and the refusals. Prints `agreed` at its end.

Usage: azure_sdk.py URL PROJECT TEAM TYPE TOKEN
"""

import sys

from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsAuthenticationError, AzureDevOpsServiceError
from azure.devops.v7_1.work_item_tracking.models import (
    CommentCreate,
    CommentUpdate,
    JsonPatchOperation,
    TeamContext,
    Wiql,
    WorkItemBatchGetRequest,
)
from msrest.authentication import BasicAuthentication

url, project, team, kind, token = sys.argv[1:]


def client(secret):
    connection = Connection(base_url=url, creds=BasicAuthentication("", secret))
    return connection.clients_v7_1.get_work_item_tracking_client()


def operation(op, path, value):
    return JsonPatchOperation(op=op, path=path, value=value)


def refused(expected, call):
    try:
        call()
    except AzureDevOpsServiceError as error:
        said = f"{error.type_key} {error.message}"
        assert expected in said, f"{expected!r} is not in {said!r}"
        return
    raise AssertionError(f"not refused: {expected}")


wit = client(token)
types = {found.name: found for found in wit.get_work_item_types(project)}
states = wit.get_work_item_type_states(project, kind)
assert kind in types and states[0].category == "Proposed", states

item = wit.create_work_item([operation("add", "/fields/System.Title", "Made by another client")], project, kind)
assert item.rev == 1 and item.fields["System.State"] == states[0].name, item
active = next(state.name for state in states if state.category == "InProgress")
change = [
    operation("test", "/rev", item.rev),
    operation("add", "/fields/System.State", active),
    operation("add", "/fields/System.Tags", "one; two"),
]
changed = wit.update_work_item(change, item.id, project)
assert changed.rev == 2 and changed.fields["System.State"] == active, changed
refused("TestPatchOperationFailedException VS403351", lambda: wit.update_work_item(change, item.id, project))
unknown = [operation("add", "/fields/System.Nothing", "x")]
refused("TF51535", lambda: wit.update_work_item(unknown, item.id, project))
limbo = [operation("add", "/fields/System.State", "Limbo")]
refused("RuleValidationException", lambda: wit.update_work_item(limbo, item.id, project))
refused("TF401232", lambda: wit.get_work_item(987654, project))

parent = wit.create_work_item([operation("add", "/fields/System.Title", "Above")], project, kind)
link = {"rel": "System.LinkTypes.Hierarchy-Reverse", "url": parent.url}
wit.update_work_item([operation("add", "/relations/-", link)], item.id, project)
refused("TF201036", lambda: wit.update_work_item([operation("add", "/relations/-", link)], item.id, project))
linked = wit.get_work_item(item.id, project, expand="Relations")
assert [relation.rel for relation in linked.relations] == [link["rel"]], linked.relations

query = (
    "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.State] = '%s' "
    "AND [System.Tags] CONTAINS 'two' ORDER BY [System.Id]" % active
)
found = wit.query_by_wiql(Wiql(query=query), TeamContext(project=project, team=team), time_precision=True, top=10)
assert [reference.id for reference in found.work_items] == [item.id], found.work_items
refused("TF51006", lambda: wit.query_by_wiql(Wiql(query="SELECT everything"), TeamContext(project=project)))
request = WorkItemBatchGetRequest(ids=[item.id, 987654], error_policy="omit", fields=["System.Id", "System.Title"])
batch = [one for one in wit.get_work_items_batch(request, project) if one]
assert [one.id for one in batch] == [item.id], batch
refused("200", lambda: wit.get_work_items_batch(WorkItemBatchGetRequest(ids=list(range(1, 202))), project))

made = wit.add_comment(CommentCreate(text="<p>One<!-- gone --></p>"), project, item.id)
assert made.text == "<p>One</p>" and made.version == 1, made
edited = wit.update_comment(CommentUpdate(text="Two"), project, item.id, made.id)
assert edited.version == 2, edited
comments = wit.get_comments(project, item.id, top=1, order="desc")
assert [(one.id, one.text) for one in comments.comments] == [(made.id, "Two")], comments
assert wit.get_work_item(item.id, project).rev > linked.rev, "comments are revisions"

try:
    client("wrong").get_work_item(item.id, project)
    raise AssertionError("a wrong token was taken")
except AzureDevOpsServiceError as error:
    assert "TF400813" in error.message, error.message
except AzureDevOpsAuthenticationError:
    pass
print("agreed")
