//! What is known again, and what is not.

use uuid::Uuid;

use super::{Shown, Signer};
use crate::domain::ids::{ItemId, RunId};
use crate::forges::PullRequestWish;

const MOST: (usize, usize) = (256, 65_536);

fn signer() -> Signer {
    Signer::derived(&"secret".to_owned().into(), "github owner/name")
}

fn wish(title: &str, body: &str) -> PullRequestWish {
    PullRequestWish {
        run: RunId(Uuid::from_u128(7)),
        earlier: Vec::new(),
        item: ItemId::new("demo/a-->b--"),
        branch: "factory/x".to_owned(),
        head: String::new(),
        base: "main".to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        draft: false,
        reviewers: Vec::new(),
        labels: Vec::new(),
    }
}

#[test]
fn a_mark_is_known_again_wherever_people_write_around_it() {
    let shown = signer().fresh(&wish("Title", "Text"), MOST);
    let edited = format!("Before\r\n{}\r\nafter", shown.text.replace('\n', "\r\n"));
    for text in [&shown.text, &edited] {
        let mark = signer().verified(text, "factory/x").unwrap();
        assert_eq!((mark.run, mark.item), (wish("", "").run, ItemId::new("demo/a-->b--")));
    }
    assert_eq!(shown.text.matches("-->").count(), 1);
}

#[test]
fn copies_forgeries_and_other_keys_say_nothing() {
    let text = signer().fresh(&wish("Title", "Text"), MOST).text;
    assert_eq!(signer().verified(&text, "factory/y"), None);
    for other in [
        Signer::derived(&"other".to_owned().into(), "github owner/name"),
        Signer::derived(&"secret".to_owned().into(), "github owner/other"),
    ] {
        assert_eq!(other.verified(&text, "factory/x"), None);
    }
    let changed = text.replace("00000000-0000-0000-0000-000000000007", &Uuid::nil().to_string());
    let changed = changed.replace("0000-000000000007", "0000-000000000008");
    assert_eq!(signer().verified(&changed.replacen('7', "8", 1), "factory/x"), None);
    assert_eq!(signer().verified("<!-- enact-factory:pull-request {} -->", "factory/x"), None);
}

#[test]
fn a_mark_in_the_wished_text_does_not_stand_in_for_ours() {
    let theirs = Signer::derived(&"other".to_owned().into(), "github owner/name");
    let body = theirs.fresh(&wish("Title", "Text"), MOST).text;
    let shown = signer().fresh(&wish("Title", &body), MOST);
    assert!(signer().verified(&shown.text, "factory/x").is_some());
    assert_eq!(shown.text.matches("<!-- enact-factory:").count(), 1);
}

#[test]
fn what_people_changed_stays_and_the_rest_is_brought_up_to_date() {
    let before = signer().fresh(&wish("Title", "Text"), MOST);
    let mark = signer().verified(&before.text, "factory/x").unwrap();
    let next = wish("Better title", "Better text");
    let updated = signer().updated(&next, &before, &mark, MOST);
    assert!(updated.says(&signer().fresh(&next, MOST)), "{updated:?}");
    let by_hand = Shown { title: "By hand".to_owned(), ..before.clone() };
    let updated = signer().updated(&next, &by_hand, &mark, MOST);
    assert_eq!(updated.title, "By hand");
    assert!(updated.text.starts_with("Better text"), "{updated:?}");
    let by_hand = Shown { text: before.text.replace("Text", "Text\n\nA remark"), ..before };
    let updated = signer().updated(&next, &by_hand, &mark, MOST);
    assert!(updated.text.starts_with("Text\n\nA remark"), "{updated:?}");
    assert_eq!(updated.title, "Better title");
    // And it stays so.
    let mark = signer().verified(&updated.text, "factory/x").unwrap();
    let again = signer().updated(&wish("Best title", "Best text"), &updated, &mark, MOST);
    assert!(again.text.starts_with("Text\n\nA remark") && again.title == "Best title");
}

#[test]
fn a_long_text_is_cut_at_a_line_and_says_so() {
    let body = "🏭 line of text\n".repeat(1_000);
    let shown = signer().fresh(&wish(&"t".repeat(900), &body), (400, 4_000));
    let length = shown.text.encode_utf16().count();
    assert!((3_950..=4_000).contains(&length) && shown.title.chars().count() <= 400, "{length}");
    assert!(shown.text.contains("line of text\n\n… (the rest did not fit here)\n\n<!-- "));
    assert!(signer().verified(&shown.text, "factory/x").is_some());
}
