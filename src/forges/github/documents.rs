//! What is asked by GraphQL. Each document is checked against GitHub's published schema by a test.

/// What REST does not tell of a pull request: its conversations, and what keeps it from being merged.
pub const CONVERSATIONS: &str = "
query Conversations($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      mergeStateStatus
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          path
          line
          originalLine
          comments(first: 50) {
            totalCount
            nodes { author { login } authorAssociation body }
          }
        }
      }
    }
  }
}";

/// Makes a draft ready to be looked at.
pub const READY: &str = "
mutation Ready($id: ID!) {
  markPullRequestReadyForReview(input: { pullRequestId: $id }) {
    pullRequest { isDraft }
  }
}";

/// Makes a draft of what was ready.
pub const DRAFT: &str = "
mutation Draft($id: ID!) {
  convertPullRequestToDraft(input: { pullRequestId: $id }) {
    pullRequest { isDraft }
  }
}";

/// All of them, by name.
pub const ALL: [(&str, &str); 3] =
    [("Conversations", CONVERSATIONS), ("Ready", READY), ("Draft", DRAFT)];
