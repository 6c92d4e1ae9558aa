//! What people do on a board to an item that is being worked on, and what the board's failures do: on both services.

use super::board::{Board, prompts, script};
use crate::support::factory::script::{APPROVE, DONE, Script, Step, verdict};
use crate::support::factory::{BOUND, Factory};

/// A factory whose coder has written something that is not committed, and is at work until `go` exists.
fn at_work(board: &Board) -> Factory {
    let (name, item) = board.names(1);
    let coder = Step::coder(&name).write("half.txt", "half of it\n").note("began").wait_for("go");
    let coder = coder.write("1.txt", "text\n").answer(DONE);
    let mut factory =
        board.factory(&Script::new().step(coder).step(Step::critic(&name).answer(APPROVE)));
    board.only_ours(&mut factory);
    board.open(1);
    board.assign(1, true);
    factory.start();
    factory.wait_for_file("began");
    factory.wait_until("only the coder is at work", |picture| {
        picture.status.open_effects == 1 && picture.find(&item).is_some()
    });
    factory
}

/// What is on the private refs of runs that were stopped.
fn salvaged(factory: &Factory) -> String {
    let refs = factory.repository.git(&["for-each-ref", "--format=%(refname)", "refs/factory/wip"]);
    let name = refs.lines().next().expect("something was saved").to_owned();
    factory.repository.git(&["show", &format!("{name}:half.txt")])
}

fn await_stopped(factory: &mut Factory) {
    factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
    factory.wait_until_quiet();
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    assert_eq!(factory.repository.merged_log(), []);
}

#[test]
fn an_item_that_is_given_up_is_stopped_its_work_saved_and_its_worktree_removed() {
    for board in Board::both() {
        let mut factory = at_work(&board);
        assert_eq!(factory.worktrees().len(), 1);
        board.close(1);
        await_stopped(&mut factory);
        assert_eq!(salvaged(&factory).trim(), "half of it");
        assert_eq!(factory.worktrees(), Vec::<std::path::PathBuf>::new());
        assert!(!board.is_marked(1));
        factory.verify_receipts();
    }
}

#[test]
fn an_item_that_is_given_to_somebody_else_is_stopped_and_its_worktree_kept() {
    for board in Board::both() {
        let mut factory = at_work(&board);
        board.assign(1, false);
        await_stopped(&mut factory);
        assert_eq!(salvaged(&factory).trim(), "half of it");
        let worktrees = factory.worktrees();
        assert_eq!(worktrees.len(), 1);
        assert!(worktrees[0].join("half.txt").is_file());
        factory.verify_receipts();
    }
}

#[test]
fn what_people_change_about_an_item_is_seen_in_the_next_round() {
    for board in Board::both() {
        let (name, _) = board.names(1);
        let reading = Step::critic(&name).round(1).note("reading").wait_for("go");
        let mut factory = board.factory(
            &Script::new()
                .step(Step::coder(&name).round(1).write("1.txt", "1\n").answer(DONE))
                .step(reading.answer(&verdict("REVISE", "says too little")))
                .step(Step::coder(&name).write("1.txt", "2\n").answer(DONE))
                .step(Step::critic(&name).answer(APPROVE)),
        );
        board.open(1);
        factory.start();
        factory.wait_for_file("reading");
        factory.wait_until("only the critic is at work", |it| it.status.open_effects == 1);
        board.retitle(1, "Greet in two languages");
        factory.until("the change was seen", BOUND, |factory| {
            format!("{:?}", factory.events()).contains("Greet in two languages").then_some(())
        });
        factory.touch("go");
        factory.until("it is done", BOUND, |_| board.is_done(1).then_some(()));
        factory.wait_until_quiet();
        let prompts = prompts(&factory);
        let second = prompts.iter().find(|(name, _)| name.contains(".coder.2."));
        assert!(second.expect("a second round").1.contains("Greet in two languages"));
        assert_eq!(board.comments(1).len(), 1);
    }
}

#[test]
fn a_board_that_cannot_be_read_for_a_while_stops_nobody_and_loses_nothing() {
    for board in Board::both() {
        let (_, item) = board.names(1);
        let mut factory = board.factory(&script(&board, 1, true));
        board.open(1);
        factory.start();
        factory.wait_for_file("began");
        factory.wait_until("only the coder is at work", |it| it.status.open_effects == 1);
        let before = board.asked();
        board.break_down(15);
        factory.until("several readings have failed", BOUND, |_| {
            (board.asked() >= before + 9).then_some(())
        });
        let picture = factory.picture().expect("a picture");
        assert_eq!(picture.item(&item).status, "in_flight");
        factory.touch("go");
        factory.until("it is done", BOUND, |_| board.is_done(1).then_some(()));
        factory.wait_until_quiet();
        assert_eq!(factory.repository.merged_log().len(), 1);
        let comments = board.comments(1);
        assert_eq!(comments.len(), 1, "{comments:#?}");
        // Above the log stands the card, which says some of it, too.
        let log = comments[0].split_once(" started:").expect("a beginning").1;
        // Hidden behind it stands what the factory keeps there for itself.
        let log = log.split("<!-- enact-factory:status").next().expect("a log");
        let told = ["the change is made", "the change is approved", "succeeded"];
        let places: Vec<usize> = told.map(|it| log.find(it).expect(it)).to_vec();
        assert!(places.is_sorted() && !log.contains(" started:"), "{log}");
        assert!(told.iter().all(|it| log.matches(it).count() == 1), "{log}");
        factory.verify_receipts();
    }
}
