use super::*;

fn line(text: &str) -> Line {
    Line { stream: Stream::Stdout, text: text.to_owned(), spilled: None }
}

#[tokio::test]
async fn an_instruction_before_the_agent_is_up_waits_and_one_after_its_end_does_not() {
    let (voice, _speech) = crate::process::speech::voice();
    let mut following = Following::new(AgentKind::Command, None, voice);
    let early = following.steer("a", "turn left");
    let first_line = async {
        tokio::task::yield_now().await;
        assert_eq!(following.clone().line(line("hello")), Flow::Continue);
    };
    let (reception, ()) = tokio::join!(early, first_line);
    let Reception::NotDelivered { reason } = reception else { panic!("{reception:?}") };
    assert_eq!(reason, "this agent takes no instructions during a turn");
    following.close();
    assert_eq!(following.steer("b", "turn right").await, too_late());
    assert_eq!(following.interrupt(), None);
}

#[tokio::test]
async fn an_agent_that_never_comes_up_leaves_no_instruction_without_an_answer() {
    let (voice, _speech) = crate::process::speech::voice();
    let following = Following::new(AgentKind::Command, None, voice);
    let (early, again) = (following.steer("a", "turn left"), following.steer("a", "turn left"));
    let end = async {
        tokio::task::yield_now().await;
        following.close();
    };
    let (early, again, ()) = tokio::join!(early, again, end);
    assert_eq!((early, again), (too_late(), too_late()));
}
