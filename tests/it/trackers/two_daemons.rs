//! Two daemons on one board, each with a state directory and a repository of its own: an item is worked on by one of them.

use super::board::{Board, prompts, script};
use crate::support::factory::{BOUND, Factory};

/// How often coders were started.
fn coders(factory: &Factory) -> usize {
    let prompts = prompts(factory);
    prompts.iter().filter(|(name, _)| name.contains(".coder.")).count()
}

fn await_done(board: &Board, factory: &mut Factory, items: u64) {
    factory.until("everything is done", BOUND, |_| {
        (1..=items).all(|number| board.is_done(number)).then_some(())
    });
}

#[test]
fn of_ten_items_each_is_worked_on_once_by_one_of_two_daemons() {
    const ITEMS: u64 = 10;
    for board in Board::both() {
        let mut factories = [0, 1].map(|_| board.factory(&script(&board, ITEMS, false)));
        (1..=ITEMS).for_each(|number| board.open(number));
        factories.iter_mut().for_each(Factory::launch);
        for factory in &mut factories {
            factory.await_answer();
            await_done(&board, factory, ITEMS);
        }
        factories.iter_mut().for_each(Factory::wait_until_quiet);
        let started: usize = factories.iter().map(coders).sum();
        assert_eq!(started, usize::try_from(ITEMS).expect("few"), "coders");
        let merged: usize =
            factories.iter().map(|factory| factory.repository.merged_log().len()).sum();
        assert_eq!(merged, started);
        for number in 1..=ITEMS {
            assert_eq!(board.comments(number).len(), 1, "{:#?}", board.comments(number));
            assert!(!board.is_marked(number), "item {number} still looks taken");
        }
        factories.iter().for_each(Factory::verify_receipts);
    }
}

#[test]
fn what_a_daemon_had_that_is_gone_for_good_is_taken_over_when_its_lease_has_run_out() {
    for board in Board::both() {
        let mut gone = board.factory(&script(&board, 1, true));
        let mut other = board.factory(&script(&board, 1, false));
        for factory in [&mut gone, &mut other] {
            factory.variable("ENACT_FACTORY_DAEMON__ITEM_LEASE", "15s");
        }
        board.open(1);
        let (_, item) = board.names(1);
        gone.start();
        gone.wait_for_file("began");
        other.start();
        other.until("the other one is told who has it", BOUND, |factory| {
            factory.picture()?.find(&item)?;
            let why = factory.cli_ok(&["why", &item]).out;
            why.contains("has it in its tracker until").then_some(())
        });
        assert_eq!(coders(&other), 0);
        gone.power_cut();
        await_done(&board, &mut other, 1);
        other.wait_until_quiet();
        assert_eq!((coders(&gone), coders(&other)), (1, 1));
        // When it comes back after all, it finds that somebody else was there.
        gone.touch("go");
        gone.start();
        gone.wait_until("its run is over", |picture| picture.status.runs.is_empty());
        gone.wait_until_quiet();
        assert_eq!((coders(&gone), coders(&other)), (1, 1));
        assert_eq!(gone.repository.merged_log(), []);
        assert_eq!(other.repository.merged_log().len(), 1);
        assert!(board.is_done(1) && !board.is_marked(1), "{:#?}", board.comments(1));
        // An issue is taken by a comment of its own; on a board the next run goes on in the one that is there.
        let comments = match &board {
            Board::Github(_) => 2,
            Board::Azure(_) => 1,
        };
        assert_eq!(board.comments(1).len(), comments, "{:#?}", board.comments(1));
        gone.verify_receipts();
    }
}

#[test]
fn a_daemon_that_comes_back_in_time_goes_on_with_what_it_had() {
    for board in Board::both() {
        let mut one = board.factory(&script(&board, 1, true));
        let mut other = board.factory(&script(&board, 1, false));
        board.open(1);
        let (_, item) = board.names(1);
        one.start();
        one.wait_for_file("began");
        one.kill9();
        other.start();
        other.until("the other one is told who has it", BOUND, |factory| {
            factory.picture()?.find(&item)?;
            let why = factory.cli_ok(&["why", &item]).out;
            why.contains("has it in its tracker until").then_some(())
        });
        one.start();
        one.touch("go");
        await_done(&board, &mut one, 1);
        one.wait_until_quiet();
        assert_eq!((coders(&one), coders(&other)), (1, 0));
        assert_eq!(board.comments(1).len(), 1);
        assert_eq!(one.repository.merged_log().len(), 1);
    }
}
