//! New issues, and issues below others.

use serde_json::Value;

use super::answers::{done, invalid, message, not_found, render};
use super::world::{Issue, World};
use super::{ACCOUNT, Answer};

/// Fields of a new issue that the factory gives.
const FIELDS: [&str; 4] = ["title", "body", "labels", "assignees"];

/// Issues that one issue may have below it.
const MOST_BELOW: usize = 100;

impl World {
    /// `POST /repos/{owner}/{repo}/issues`.
    pub(super) fn create(&mut self, repository: &str, body: &Value) -> Result<Answer, Answer> {
        let fields =
            body.as_object().ok_or_else(|| message(400, "Body should be a JSON object"))?;
        if fields.keys().any(|field| !FIELDS.contains(&field.as_str())) {
            return Err(message(422, "The factory gives nothing else of a new issue"));
        }
        let title = fields.get("title").and_then(Value::as_str).unwrap_or_default();
        if title.trim().is_empty() || title.chars().count() > 256 {
            return Err(invalid("Issue", "title"));
        }
        let text = fields.get("body").and_then(Value::as_str).unwrap_or_default();
        if text.chars().count() > 65_536 {
            return Err(invalid("Issue", "body"));
        }
        let names = |field: &str| -> Result<Vec<String>, Answer> {
            let all =
                fields.get(field).map_or(Some(&[][..]), |it| it.as_array().map(Vec::as_slice));
            let all = all.ok_or_else(|| invalid("Issue", field))?.iter();
            let names = all.map(|it| it.as_str().map(str::to_owned).filter(|it| it.len() <= 50));
            names.collect::<Option<_>>().ok_or_else(|| invalid("Label", "name"))
        };
        let (labels, assignees) = (names("labels")?, names("assignees")?);
        let number = self.open(repository, title, text, &[]);
        self.edit(repository, number, |issue| {
            (issue.labels, issue.assignees) = (labels, assignees);
            (issue.author, issue.association) = (ACCOUNT.to_owned(), "MEMBER".to_owned());
        });
        let issue = self.issue(repository, number).ok_or_else(not_found)?;
        Ok(done(201, &render(repository, issue)))
    }

    /// `POST /repos/{owner}/{repo}/issues/{number}/sub_issues`.
    pub(super) fn hang_below(
        &mut self,
        repository: &str,
        number: u64,
        body: &Value,
    ) -> Result<Answer, Answer> {
        let wanted = body.get("sub_issue_id").and_then(Value::as_u64);
        let wanted = wanted.ok_or_else(|| invalid("SubIssue", "sub_issue_id"))?;
        let below = |issue: &&Issue| issue.parent == Some((repository.to_owned(), number));
        if self.issues(repository).filter(below).count() >= MOST_BELOW {
            return Err(message(422, "Parent cannot have more than 100 sub-issues"));
        }
        let found = self.issues(repository).find(|issue| issue.id == wanted);
        let child = found.map(|issue| (issue.number, issue.parent.is_some()));
        let (child, has_parent) =
            child.ok_or_else(|| message(404, "The provided sub-issue does not exist"))?;
        if has_parent || child == number {
            return Err(message(
                422,
                "An error occurred while adding the sub-issue to the parent issue. Sub issue may only have one parent",
            ));
        }
        let parent = (repository.to_owned(), number);
        self.edit(repository, child, |issue| issue.parent = Some(parent));
        let issue = self.issue(repository, number).ok_or_else(not_found)?;
        Ok(done(201, &render(repository, issue)))
    }
}
