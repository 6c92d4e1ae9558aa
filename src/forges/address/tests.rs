//! Addresses as people copy them.

use super::{Coordinates, Scheme, coordinates, scheme};

fn github(host: &str, owner: &str, name: &str) -> Coordinates {
    let (host, owner, name) = (host.to_owned(), owner.to_owned(), name.to_owned());
    Coordinates::Github { host, owner, name }
}

fn azure(organization: &str, project: &str, repository: &str) -> Coordinates {
    Coordinates::AzureRepos {
        organization: organization.to_owned(),
        project: project.to_owned(),
        repository: repository.to_owned(),
    }
}

#[test]
fn whose_a_repository_is_follows_from_its_address() {
    let own = github("github.com", "owner", "name");
    let own_azure = azure("org", "My Project", "repo");
    for (address, expected) in [
        ("https://github.com/owner/name.git", own.clone()),
        ("https://github.com/owner/name", own.clone()),
        ("https://token@github.com/owner/name/", own.clone()),
        ("git@github.com:owner/name.git", own.clone()),
        ("ssh://git@github.com/owner/name.git", own.clone()),
        ("ssh://git@ssh.github.com:443/owner/name.git", own),
        ("git@ghe.example:owner/name.git", github("ghe.example", "owner", "name")),
        ("https://ghe.example:8443/owner/name", github("ghe.example", "owner", "name")),
        ("https://dev.azure.com/org/My%20Project/_git/repo", own_azure.clone()),
        ("https://org@dev.azure.com/org/My%20Project/_git/repo", own_azure.clone()),
        ("git@ssh.dev.azure.com:v3/org/My%20Project/repo", own_azure.clone()),
        ("https://org.visualstudio.com/My%20Project/_git/repo", own_azure.clone()),
        (
            "https://org.visualstudio.com/DefaultCollection/My%20Project/_git/repo",
            own_azure.clone(),
        ),
        ("org@vs-ssh.visualstudio.com:v3/org/My%20Project/repo", own_azure),
        ("https://dev.azure.com/org/_git/same", azure("org", "same", "same")),
        ("https://git.example/owner/name.git", Coordinates::Plain),
        ("https://github.com/owner", Coordinates::Plain),
        ("/srv/git/name.git", Coordinates::Plain),
        ("file:///srv/git/name.git", Coordinates::Plain),
    ] {
        assert_eq!(coordinates(address, &["ghe.example"]), Ok(expected), "{address}");
    }
}

#[test]
fn addresses_that_are_none_or_tell_a_password_are_refused_without_repeating_it() {
    assert_eq!(scheme("http://127.0.0.1:8080/x.git"), Ok(Scheme::Http));
    assert_eq!(scheme("user@host:path"), Ok(Scheme::Ssh));
    for address in [
        "https://user:hush@github.com/owner/name",
        "ssh://user:hush@host/name",
        "ext::sh -c hush",
        "git://host/hush\n",
        "ftp://host/name",
        "-ohush:path",
        "relative/path",
        "",
    ] {
        let said = scheme(address).unwrap_err();
        assert!(!said.contains("user:hush"), "{said}");
    }
}
