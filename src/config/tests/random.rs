//! Nothing that can stand in a file makes loading fall over.

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;

use super::Bench;

/// Keys of the schema and some that are not.
fn key() -> impl Strategy<Value = String> {
    let names = [
        "adapter",
        "daemon",
        "store",
        "projects",
        "autonomous",
        "pace",
        "budget",
        "slots",
        "wip",
        "local",
        "agents",
        "claude",
        "x",
        "name",
        "path",
        "kind",
        "program",
        "script",
        "env",
        "set",
        "args",
        "model",
        "schedule",
        "time_zone",
        "blocked_hours",
        "default_stages",
        "coder",
        "executor",
        "critic",
        "tester",
        "enabled",
        "item_usd",
        "limit",
        "per_agent",
        "backend",
        "directory",
        "project",
        "checks",
        "state_dir",
        "maxIterations",
        "max_iterations",
        "escalate_model",
        "adapter",
        "discord",
        "\"odd . key\"",
        "''",
    ];
    proptest::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| format!("{it:e}")),
        any::<bool>().prop_map(|it| it.to_string()),
        "[ -~äß${}~]{0,12}".prop_map(|it| format!("{it:?}")),
        "(\\$\\{)?(SET|UNSET|A:-b|)\\}?".prop_map(|it| format!("'{it}'")),
        proptest::sample::select(vec![
            "'claude'",
            "'unlimited'",
            "'~'",
            "'~x'",
            "''",
            "'*/7 1-5 * * 5-7'",
            "'22:00-06:30'",
            "'sqlite'",
            "'memory'",
            "'UTC'",
            "2024-01-01",
            "1e999",
            "nan",
            "0xff",
            "9223372036854775808",
            "[]",
            "{}",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|it| format!("[{}]", it.join(", "))),
            proptest::collection::vec((key(), inner), 0..4).prop_map(|pairs| {
                let pairs: Vec<String> =
                    pairs.iter().map(|(key, it)| format!("{key} = {it}")).collect();
                format!("{{{}}}", pairs.join(", "))
            }),
        ]
    })
}

fn line() -> impl Strategy<Value = String> {
    let path = || proptest::collection::vec(key(), 1..4).prop_map(|it| it.join("."));
    prop_oneof![
        4 => (path(), value()).prop_map(|(path, value)| format!("{path} = {value}")),
        1 => path().prop_map(|path| format!("[{path}]")),
        1 => Just("[[projects]]".to_owned()),
    ]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(256) })]

    #[test]
    fn no_toml_makes_loading_panic(lines in proptest::collection::vec(line(), 0..8)) {
        check(&lines.join("\n"));
    }

    #[test]
    fn no_text_makes_loading_panic(text in ".{0,200}") {
        check(&text);
    }
}

#[test]
fn deep_nesting_is_a_mistake_not_a_crash() {
    check(&format!("a = {}", "[".repeat(100_000)));
    check(&format!("a = {}", "{a=".repeat(100_000)));
    check(&format!("{} = 1", vec!["a"; 100_000].join(".")));
    check(&format!("projects = [{}]", "[[{name=1},".repeat(60)));
}

/// Either it loads or every mistake has something to say.
fn check(text: &str) {
    let bench = Bench::new().variable("SET", "value");
    match bench.load(text) {
        Ok(loaded) => assert_eq!(loaded.digest().len(), 64),
        Err(report) => {
            assert!(!report.problems.is_empty());
            assert!(report.problems.iter().all(|it| !it.message.is_empty()));
        }
    }
}
