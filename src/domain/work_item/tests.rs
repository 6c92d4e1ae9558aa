use super::*;

#[test]
fn every_word_reads_back_as_what_it_names() {
    for lane in Lane::ALL {
        assert_eq!(Lane::parse(&format!(" {} ", lane.word().to_uppercase())), Some(lane));
    }
    for priority in Priority::ALL {
        assert_eq!(Priority::parse(priority.word()), Some(priority));
    }
    for state in ItemState::ALL {
        assert_eq!(ItemState::parse(state.label()), Some(state));
        assert_eq!(ItemState::parse(&state.label().replace(' ', "_").to_lowercase()), Some(state));
    }
    assert_eq!((Lane::parse("pipeline"), ItemState::parse("doing")), (None, None));
}

#[test]
fn the_most_urgent_comes_first() {
    let mut all = Priority::ALL;
    all.reverse();
    all.sort();
    assert_eq!(all, Priority::ALL);
}

#[test]
fn only_done_and_cancelled_are_over() {
    let over: Vec<ItemState> =
        ItemState::ALL.into_iter().filter(|state| state.is_terminal()).collect();
    assert_eq!(over, [ItemState::Done, ItemState::Cancelled]);
}
