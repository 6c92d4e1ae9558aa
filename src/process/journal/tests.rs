use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::{Just, ProptestConfig as Config, Strategy, prop_oneof, proptest};
use tempfile::TempDir;

use super::{FILES, Journal, Portion, read, read_all};

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn bytes(&self) -> u64 {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }
}

/// Follows a journal from a place on, as somebody does who is in touch; bytes that were skipped are counted.
fn follow(path: &Path, from: &mut u64, about: usize) -> (Vec<u8>, u64) {
    let (mut heard, mut skipped) = (Vec::new(), 0);
    while let Some(Portion { from: begins, bytes }) = read(path, *from, about).unwrap() {
        assert!(begins >= *from && !bytes.is_empty());
        skipped += begins - *from;
        *from = begins + bytes.len() as u64;
        heard.extend(bytes);
    }
    (heard, skipped)
}

#[test]
fn lines_are_found_again_at_their_places_in_whichever_file_they_are() {
    let place = Place::new();
    let mut journal = Journal::open(&place.path(), 1600).unwrap();
    let lines: Vec<String> = (0..100).map(|number| format!("line {number:03}\n")).collect();
    for line in &lines {
        journal.write(line).unwrap();
    }
    assert_eq!(place.names()[..3], ["journal", "journal.from-108", "journal.from-216"]);
    for (number, _) in lines.iter().enumerate() {
        let (heard, skipped) = follow(&place.path(), &mut (number as u64 * 9), 50);
        assert_eq!((heard, skipped), (lines[number..].concat().into_bytes(), 0));
    }
    assert_eq!(read_all(&place.path()).unwrap(), lines.concat().into_bytes());
    assert_eq!(read(&place.path(), 900, 50).unwrap(), None);
}

#[test]
fn the_oldest_go_first_but_the_beginning_stays_and_who_follows_is_told() {
    let place = Place::new();
    let mut journal = Journal::open(&place.path(), 1600).unwrap();
    journal.write("the beginning\n").unwrap();
    let mut from = 0;
    assert_eq!(follow(&place.path(), &mut from, 50).1, 0);
    for number in 0..1000 {
        journal.write(&format!("line {number:03}\n")).unwrap();
        assert!(place.bytes() <= 1600, "{}", place.bytes());
    }
    let (heard, skipped) = follow(&place.path(), &mut from, 50);
    let heard = String::from_utf8(heard).unwrap();
    assert!(skipped > 0 && heard.ends_with("line 999\n"), "{heard}");
    let kept = String::from_utf8(read_all(&place.path()).unwrap()).unwrap();
    assert!(kept.starts_with("the beginning\nline 000\n"), "{kept}");
    assert!(kept.contains(" older bytes are left out: a transcript may have 1600]\n"), "{kept}");
}

#[test]
fn a_file_beside_the_journal_goes_in_its_turn() {
    let place = Place::new();
    let mut journal = Journal::open(&place.path(), 1600).unwrap();
    let beside = place.directory.path().join("journal.line-1");
    fs::write(&beside, vec![b'x'; 400]).unwrap();
    assert!(journal.take(400).unwrap());
    assert!(!journal.take(1300).unwrap(), "what is not complete does not go");
    journal.completed(beside.clone(), 400);
    journal.write("short\n").unwrap();
    assert!(beside.exists());
    assert!(journal.take(1200).unwrap());
    assert!(!beside.exists());
    let kept = String::from_utf8(read_all(&place.path()).unwrap()).unwrap();
    let notice = "[400 older bytes are left out: a transcript may have 1600]\n";
    assert_eq!(kept, format!("short\n{notice}"));
}

#[test]
fn a_line_that_is_longer_than_everything_is_left_out_and_that_is_said_once() {
    let place = Place::new();
    let mut journal = Journal::open(&place.path(), 100).unwrap();
    let long = format!("{}\n", "x".repeat(200));
    journal.write(&long).unwrap();
    journal.write(&long).unwrap();
    let notice = "[lines are left out: a transcript may have 100 bytes]\n";
    assert_eq!(read_all(&place.path()).unwrap(), notice.as_bytes());
}

#[test]
fn what_a_killed_writer_left_is_gone_on_with() {
    let place = Place::new();
    let mut journal = Journal::open(&place.path(), 160).unwrap();
    journal.write("line one\n").unwrap();
    journal.write("line two\n").unwrap();
    drop(journal);
    // Killed between a file's end and the next one's first line, and in the middle of a line on a full disk.
    fs::write(place.directory.path().join("journal.from-18"), "").unwrap();
    let mut journal = Journal::open(&place.path(), 160).unwrap();
    journal.write("line six\n").unwrap();
    journal.write("line ten\n").unwrap();
    drop(journal);
    fs::OpenOptions::new()
        .append(true)
        .open(place.directory.path().join("journal.from-18"))
        .unwrap()
        .write_all(b"half")
        .unwrap();
    assert_eq!(follow(&place.path(), &mut 9, 50).0, b"line two\nline six\nline ten\n");
    let mut journal = Journal::open(&place.path(), 160).unwrap();
    journal.write("new\n").unwrap();
    let whole = b"line one\nline two\nline six\nline ten\nhalfnew\n";
    assert_eq!(follow(&place.path(), &mut 0, 50), (whole.to_vec(), 0));
    assert_eq!(place.names(), ["journal", "journal.from-18", "journal.from-40"]);
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Reopen,
    Follow(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1usize..60).prop_map(Step::Write),
        1 => Just(Step::Reopen),
        2 => (1usize..200).prop_map(Step::Follow),
    ]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(64) })]

    /// However lines are written, the writer replaced and the reader slow: each byte is heard once or said to be skipped,
    /// the bound holds, and what is kept lies at its place.
    #[test]
    fn every_byte_is_heard_once_or_known_to_be_gone(
        steps in proptest::collection::vec(step(), 1..200),
        limit in 400u64..3000,
    ) {
        let place = Place::new();
        let mut journal = Journal::open(&place.path(), limit).unwrap();
        let (mut from, mut heard, mut skipped, mut number) = (0, 0, 0, 0);
        let mut lines = BTreeMap::new();
        for step in steps {
            match step {
                Step::Write(length) => {
                    number += 1;
                    lines.insert(number, format!("{number}:{}", "x".repeat(length)));
                    journal.write(&format!("{}\n", lines[&number])).unwrap();
                    assert!(place.bytes() <= limit, "{} of {limit}", place.bytes());
                }
                Step::Reopen => journal = Journal::open(&place.path(), limit).unwrap(),
                Step::Follow(about) => {
                    let (bytes, gone) = follow(&place.path(), &mut from, about);
                    heard += bytes.len() as u64;
                    skipped += gone;
                    for line in String::from_utf8(bytes).unwrap().lines() {
                        let number = line.split_once(':').and_then(|(number, _)| number.parse().ok());
                        let known = number.and_then(|number: i32| lines.get(&number));
                        assert!(line.starts_with('[') || known.is_some_and(|it| it == line), "{line}");
                    }
                }
            }
        }
        assert_eq!(heard + skipped, from);
        assert!(place.names().len() as u64 <= 2 * FILES + 2, "{:?}", place.names());
    }
}
