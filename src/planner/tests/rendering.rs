//! The text form of a report.

use crate::domain::budget::{DayBudget, ItemBudget};
use crate::domain::failure::FailureClass;
use crate::domain::item_record::{Approval, Hold, ItemStatus};
use crate::domain::work_item::{Priority, Trust};

use super::super::fixtures::{
    blocked, item, item_of, minutes, plan_now, policy, record, run_on, spent_today, status, usage,
    world,
};

#[test]
fn a_report_is_aligned_text() {
    let mut world = world([
        item("DEMO-1", |record| {
            record.item.priority = Priority::High;
            record.item.title = "Make the parser keep the last line of the file".to_owned();
        }),
        blocked("DEMO-2", &["DEMO-1"]),
        record("DEMO-10"),
        status("DEMO-3", ItemStatus::Done),
        item("DEMO-4", |record| record.present = false),
        item("DEMO-5", |record| {
            record.item.title = "Red\x1b[31m title".to_owned();
            record.item.trust = Trust::Untrusted;
            record.approval = Approval::Requested { at: minutes(-5), expires: minutes(30) };
        }),
        item("DEMO-6", |record| {
            let until = minutes(10);
            let reason = "checks failed\nagain".to_owned();
            record.hold = Some(Hold { class: FailureClass::Agent, until, reason });
            record.spend.attempts = 4;
        }),
        item_of("alpha", "A-1"),
        record("cli/DEMO-3"),
    ]);
    run_on(&mut world, "DEMO-10", false);
    world.spent = spent_today(usage(900, 0));
    let mut policy = policy();
    policy.day_budget = DayBudget { tokens: Some(1_000), ..DayBudget::default() };
    policy.item_budget = ItemBudget { attempts: Some(5), ..ItemBudget::default() };
    policy.slots.global = 3;
    insta::assert_snapshot!(plan_now(&world, &policy).report, @r"
    2026-03-04T12:00:00Z: 2 to start, 1 running, 4 held, 1 settled, 1 gone; next look due at 2026-03-04T12:10:00Z
      warning: 900 of 1000 tokens of the budget of the day are used
      start    DEMO-1        Make the parser keep the last line of t…  1. high, since 2026-03-04T11:00:00Z, 1 of 2 in its project
      start    A-1           Task A-1                                  2. medium, since 2026-03-04T11:00:00Z, 1 of 1 in its project
      running  DEMO-10       Task DEMO-10                              run 00000001
      held     cli/DEMO-3    Task cli/DEMO-3                           slots: 3 of 3 slots of the factory are taken
      held     DEMO-2        Task DEMO-2                               blocked-by: waits for DEMO-1 (pending)
      held     DEMO-5        Red [31m title                            trust: ann is not trusted to steer agents; approval is asked for until 2026-03-04T12:30:00Z → enact-factory approve DEMO-5
      held     DEMO-6        Task DEMO-6                               cooldown: waits after trouble (agent): checks failed again, until 2026-03-04T12:10:00Z → enact-factory retry DEMO-6 [warning: 4 of 5 attempts used]
      done     local/DEMO-3  Task DEMO-3
      gone     DEMO-4        Task DEMO-4
    ");
}

#[test]
fn an_empty_world_says_so() {
    let report = plan_now(&world([]), &policy()).report;
    assert_eq!(report.to_string(), "2026-03-04T12:00:00Z: no items\n");
}
