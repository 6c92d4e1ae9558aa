use proptest::prelude::{ProptestConfig, proptest};
use secrecy::SecretString;

use crate::process::redact::Redactor;

fn redactor(secrets: &[&str]) -> Redactor {
    Redactor::new(secrets.iter().map(|secret| SecretString::from(*secret)).collect())
}

fn redacted(text: &str) -> String {
    Redactor::default().redact(text).into_owned()
}

#[test]
fn invariant_13_known_secrets_are_replaced_wherever_they_are() {
    let redactor = redactor(&["hunter2-value", "short", "line\n\"quoted\""]);
    assert_eq!(redactor.redact("a hunter2-valuehunter2-value b"), "a [redacted][redacted] b");
    assert_eq!(redactor.redact(r#"{"key":"line\n\"quoted\""}"#), r#"{"key":"[redacted]"}"#);
    assert_eq!(redactor.redact("short"), "short");
    assert!(!format!("{redactor:?}").contains("hunter2"));
}

#[test]
fn overlapping_secrets_leave_nothing_of_either() {
    assert_eq!(redactor(&["abcdefgh", "efghijkl"]).redact("-abcdefghijkl-"), "-[redacted]-");
}

#[test]
fn well_known_tokens_are_replaced() {
    for token in [
        "sk-ant-api03-AAAABBBBCCCCDDDDEEEE_ffff",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0123456789_abcdefghijkl",
        "xoxb-123456789012-abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "Bearer abc.def-ghi~jkl+mno/pqr==",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    ] {
        assert_eq!(redacted(&format!("token={token}, rest")), "token=[redacted], rest");
        assert_eq!(redacted(&format!(r#""a\n{token}""#)), r#""a\n[redacted]""#);
    }
}

#[test]
fn private_keys_are_replaced_to_their_end_or_to_the_end_of_the_text() {
    let key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nAAAA\n-----END RSA PRIVATE KEY-----";
    assert_eq!(redacted(&format!("a {key} b {key}")), "a [redacted] b [redacted]");
    assert_eq!(redacted("a -----BEGIN PRIVATE KEY-----\nAAAA"), "a [redacted]");
    let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    assert_eq!(redacted(public), public);
}

#[test]
fn credentials_in_urls_are_replaced_and_mere_user_names_are_not() {
    let text =
        "https://me:secret@host/x https://abcdefghijklmnopqrstuvwxyz@host ssh://git@host/a:b@c";
    let expected = "https://[redacted]@host/x https://[redacted]@host ssh://git@host/a:b@c";
    assert_eq!(redacted(text), expected);
}

#[test]
fn ordinary_text_is_left_alone() {
    for text in [
        "task-with-a-long-kebab-case-name-of-thirty",
        "sk-short",
        "disk-0123456789012345678901234567890",
        "Bearer of bad news",
        "eyJ2ZXJzaW9uIjozfQ without a second part",
        "AKIA",
        "日本語 -----BEGIN",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn hostile_text_takes_linear_time() {
    // Each of these took time quadratic in its length with searches that look ahead and fail; at this length that would
    // be hours, not the moment that the test has.
    for unit in [
        "eyJ-",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "sk-",
        "-AKIA-eyJ",
        "://",
    ] {
        let text = unit.repeat(2_000_000 / unit.len());
        let _redacted = redacted(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]
    #[test]
    fn in_parts_or_whole_a_secret_never_shows(before in "[a-zé]{0,20000}", after in "[a-zé]{0,20000}", part in 2000usize..9000) {
        let secret = "0123456789-secret-é";
        let redactor = redactor(&[secret]);
        let text = format!("{before}{secret}{after}");
        let (mut pending, mut out) = (String::new(), String::new());
        for character in text.chars() {
            pending.push(character);
            if pending.len() > 8 * 1024 + part {
                let (redacted, used) = redactor.redact_part(&pending);
                out.push_str(&redacted);
                pending.drain(..used);
            }
        }
        out.push_str(&redactor.redact(&pending));
        assert_eq!(out, format!("{before}[redacted]{after}"));
    }
}
