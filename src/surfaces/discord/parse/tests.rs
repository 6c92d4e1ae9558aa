use proptest::prelude::*;

use super::super::catalogue::Action;
use super::*;

fn parsed(line: &str) -> (Action, Vec<(&'static str, String)>) {
    let invocation = parse(line).unwrap_or_else(|mistake| panic!("{line}: {mistake:?}"));
    (invocation.definition.action, invocation.values.into_iter().collect())
}

fn value(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

#[test]
fn every_example_of_the_catalogue_is_understood_as_its_own_command() {
    for definition in CATALOGUE {
        for spelling in definition.spellings() {
            let line = format!("{spelling} {}", definition.example);
            assert_eq!(parsed(&line).0, definition.action, "{line}");
            let shouted = format!("{} {}", spelling.to_uppercase(), definition.example);
            assert_eq!(parsed(&shouted).0, definition.action, "{shouted}");
        }
    }
}

#[test]
fn quoted_arguments_keep_blanks_quotation_marks_and_lines() {
    let task = vec![value("repo", "shop"), value("task", "fix \"it\" \\ now")];
    assert_eq!(parsed(r#"dev shop "fix \"it\" \\ now""#), (Action::Dev, task));
    let task = vec![value("repo", "my shop"), value("task", "line one\nline two")];
    assert_eq!(parsed("dev \"my shop\" \"line one\nline two\""), (Action::Dev, task));
    let task = vec![value("repo", "shop"), value("task", "fix it")];
    assert_eq!(parsed("dev shop “fix it”"), (Action::Dev, task.clone()), "as telephones write");
    assert_eq!(parsed("dev shop fix it"), (Action::Dev, task), "the last text needs none");
    let task = vec![value("repo", "shop"), value("task", "\"fix\" it")];
    assert_eq!(parsed("dev shop \"fix\" it"), (Action::Dev, task), "the rest as it stands");
}

#[test]
fn a_cron_with_blanks_works_with_and_without_quotes() {
    let cron = value("cron", "*/30 * * * *");
    let pair = value("pair", "");
    let both = (Action::AutoStart, vec![cron.clone(), pair.clone()]);
    for line in [
        "auto start */30 * * * * --pair",
        "auto start \"*/30 * * * *\" --pair",
        "auto start --pair */30 * * * *",
    ] {
        assert_eq!(parsed(line), both, "{line}");
    }
    assert_eq!(parsed("auto start */30 * * * *"), (Action::AutoStart, vec![cron]));
    assert_eq!(parsed("auto start --pair"), (Action::AutoStart, vec![pair]));
    assert!(matches!(parse("auto start */30"), Err(Mistake::Wrong { .. })));
}

#[test]
fn the_longest_words_win() {
    assert_eq!(parsed("dev list").0, Action::DevList);
    assert_eq!(parsed("pair").0, Action::Pair);
    assert_eq!(parsed("pair status").0, Action::Pair);
    assert_eq!(parsed("pair stats").0, Action::PairStats);
    assert_eq!(parsed("followup SHOP-1 \"x\"").0, Action::FollowUp);
    assert_eq!(parsed("follow up SHOP-1 \"x\"").0, Action::FollowUp);
}

#[test]
fn a_mistake_says_what_would_be_right() {
    let nearest = |line: &str| match parse(line) {
        Err(Mistake::Unknown { nearest, .. }) => nearest.map(str::to_owned),
        Err(Mistake::TooMuch { nearest, .. }) => nearest,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(nearest("statsu").as_deref(), Some("status"));
    assert_eq!(nearest("aprove SHOP-1").as_deref(), Some("approve"));
    assert_eq!(nearest("zzzzqq"), None);
    assert_eq!(nearest("pair sttas").as_deref(), Some("pair stats"));
    assert_eq!(nearest("auto stopp").as_deref(), Some("auto stop"));
    assert!(matches!(parse("  "), Err(Mistake::Nothing)));
    assert!(matches!(parse("dev shop"), Err(Mistake::Missing { argument: "task", .. })));
    assert!(matches!(parse("dev shop \"fix"), Err(Mistake::Unclosed { .. })));
    assert!(matches!(parse("log SHOP-1 many"), Err(Mistake::Wrong { .. })));
    assert!(matches!(parse("log SHOP-1 0"), Err(Mistake::Wrong { .. })));
    assert!(matches!(parse("pause --all"), Err(Mistake::Wrong { .. })));
    assert!(matches!(parse("tasks all"), Err(Mistake::TooMuch { .. })));
}

#[test]
fn usage_names_what_is_needed_and_what_may_be_left_out() {
    let usage = |action| super::super::catalogue::of(action).unwrap().usage();
    assert_eq!(usage(Action::Dev), "dev <repo> \"<task>\"");
    assert_eq!(usage(Action::AutoStart), "auto start [cron] [--pair]");
    assert_eq!(usage(Action::ScheduleAdd), "schedule add <name> <path> <interval> \"<prompt>\"");
}

proptest! {
    #[test]
    fn whatever_is_given_is_the_same_after_it_was_a_line(
        repo in "[^-\\s][^\n]{0,20}",
        task in ".{0,40}[^\\s]",
    ) {
        let repo = repo.trim().to_owned();
        prop_assume!(!repo.is_empty());
        let definition = super::super::catalogue::of(Action::Dev).unwrap();
        let values = BTreeMap::from([("repo", repo), ("task", task)]);
        let invocation = Invocation { definition, values };
        prop_assert_eq!(parse(&invocation.line()), Ok(invocation));
    }

    #[test]
    fn no_line_makes_the_parser_fail(line in ".{0,80}") {
        let _either = parse(&line);
    }
}
