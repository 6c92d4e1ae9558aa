//! Comments of work items.

use serde_json::{Value, json};

use super::FACTORY;
use super::Inner;
use super::board::{Board, Comment, identity, sanitized};
use super::routes::{Call, Refusal, wants};

/// Answers what is asked about the comments of an item.
pub fn answer(
    inner: &mut Inner,
    call: &Call<'_>,
    id: u64,
    rest: &[&str],
) -> Result<Value, Refusal> {
    let board = &mut inner.board;
    let item = board.items.get_mut(&id).ok_or_else(|| Refusal::missing(id))?;
    let text = call.body["text"].as_str().unwrap_or_default();
    let empty = || {
        Refusal::new(
            400,
            "VssPropertyValidationException",
            "VS403654: the text of a comment is required",
        )
    };
    match (call.method, rest) {
        ("GET", []) => {
            let size: usize = call.parameter("$top").and_then(|it| it.parse().ok()).unwrap_or(200);
            let from: usize =
                call.parameter("continuationToken").and_then(|it| it.parse().ok()).unwrap_or(0);
            let mut all: Vec<&Comment> = item.comments.iter().collect();
            if call.parameter("order").is_none_or(|it| it.eq_ignore_ascii_case("desc")) {
                all.reverse();
            }
            let page: Vec<Value> =
                all.iter().skip(from).take(size).map(|it| shown_comment(id, it)).collect();
            let mut list =
                json!({ "totalCount": all.len(), "count": page.len(), "comments": page });
            if from + size < all.len() {
                list["continuationToken"] = json!((from + size).to_string());
            }
            Ok(list)
        }
        ("POST", []) => {
            wants(call, "application/json")?;
            if text.is_empty() {
                return Err(empty());
            }
            let number = board.comment(id, text, FACTORY);
            let made = board
                .items
                .get(&id)
                .and_then(|item| item.comments.iter().find(|it| it.id == number));
            made.map(|it| shown_comment(id, it)).ok_or_else(empty)
        }
        ("PATCH", [comment]) => {
            wants(call, "application/json")?;
            let found =
                item.comments.iter_mut().find(|it| it.id.to_string() == *comment && !it.is_deleted);
            let missing = || {
                Refusal::new(
                    404,
                    "WorkItemCommentNotFoundException",
                    &format!("VS403678: comment {comment} does not exist"),
                )
            };
            let found = found.ok_or_else(missing)?;
            if !Board::is_own(found) {
                return Err(Refusal::new(
                    403,
                    "WorkItemUnauthorizedOperationException",
                    "VS403680: you are not authorized to change this comment",
                ));
            }
            if text.is_empty() {
                return Err(empty());
            }
            found.text = sanitized(text);
            found.version += 1;
            let shown = shown_comment(id, found);
            board.saved(id, FACTORY);
            Ok(shown)
        }
        _ => Err(Refusal::new(405, "", "no such method on comments")),
    }
}

fn shown_comment(id: u64, comment: &Comment) -> Value {
    json!({
        "workItemId": id, "id": comment.id, "version": comment.version, "text": comment.text,
        "isDeleted": comment.is_deleted, "createdBy": identity(&comment.author), "format": "html",
    })
}
