//! What is asked by GraphQL before GitHub's published schema.

use std::process::Command;

use enact_factory::forges::github::documents;

use crate::support::judges::graphql;

/// Whether the judge takes `document`, and what it says.
fn judged(document: &str) -> Option<(bool, String)> {
    let (place, node) = graphql()?;
    let script = "
        const { buildSchema, parse, validate } = require('graphql');
        const sdl = require('fs').readFileSync('node_modules/@octokit/graphql-schema/schema.graphql', 'utf8');
        const schema = buildSchema(sdl, { assumeValidSDL: true, assumeValid: true });
        const errors = validate(schema, parse(process.argv[1]));
        console.log(errors.map((error) => error.message).join('\\n'));
        process.exit(errors.length ? 1 : 0);";
    let output = Command::new(node)
        .args(["-e", script, document])
        .current_dir(place)
        .output()
        .expect("node");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let broken = String::from_utf8_lossy(&output.stderr);
    assert!(broken.is_empty(), "{broken}");
    Some((output.status.success(), said))
}

#[test]
fn every_document_is_as_the_schema_says_and_what_is_not_is_noticed() {
    for (name, document) in documents::ALL {
        let Some((good, said)) = judged(document) else { return };
        assert!(good, "{name}: {said}");
        assert!(document.contains(name), "{name}");
    }
    for (old, new, complaint) in [
        ("isResolved", "isResolvd", "Cannot query field \"isResolvd\""),
        ("first: 50", "first: \"many\"", "Int cannot represent"),
        ("$number: Int!", "$number: String!", "used in position expecting type"),
    ] {
        let wrong = documents::CONVERSATIONS.replacen(old, new, 1);
        let Some((good, said)) = judged(&wrong) else { return };
        assert!(!good && said.contains(complaint), "{new}: {said}");
    }
    let wrong = documents::READY.replace("markPullRequestReadyForReview", "markPullRequestReady");
    let Some((good, said)) = judged(&wrong) else { return };
    assert!(!good && said.contains("Cannot query field \"markPullRequestReady\""), "{said}");
    let wrong = documents::DRAFT.replace("pullRequestId: $id", "id: $id");
    let Some((good, said)) = judged(&wrong) else { return };
    assert!(!good && said.contains("pullRequestId"), "{said}");
}
