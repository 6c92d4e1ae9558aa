//! What agents, checks and the world do, as a scenario writes it: `12m $0.40 revise: there is no test`.
//!
//! An act is an optional length of time, an optional price, an optional number of tokens, a word, and what the word
//! needs: a text after a colon, or names after blanks. Acts of one kind form a list per item: the first is for the first
//! result that gets on record, and so on; the last one is repeated for ever. What a crash cuts short is played again.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use crate::domain::budget::Usage;

use super::nearest;
use super::span::Span;

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act<D> {
    /// How long it takes, if that is not the usual time.
    pub takes: Option<Duration>,
    /// What it costs.
    pub usage: Usage,
    /// What is done.
    pub deed: D,
}

/// A vocabulary of acts.
pub trait Deed: Sized {
    /// Its words, for people who got one wrong.
    const WORDS: &'static [&'static str];

    /// What `word` means with `argument`; `None` when it is not a word of this vocabulary.
    ///
    /// # Errors
    /// When the argument does not fit.
    fn parse(word: &str, argument: &str) -> Option<Result<Self, String>>;
}

impl<D> From<D> for Act<D> {
    fn from(deed: D) -> Self {
        Self { takes: None, usage: Usage::default(), deed }
    }
}

impl<D: Deed> Act<D> {
    /// Reads an act.
    ///
    /// # Errors
    /// The sentence for people, with the nearest word where there is one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut takes, mut usage) = (None, Usage::default());
        let mut rest = text.trim();
        loop {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let token = &rest[..end];
            if let Some(span) = Span::parse(token) {
                takes = Some(span.0);
            } else if let Some(dollars) = token.strip_prefix('$') {
                usage.cost_micro_usd = micro_dollars(dollars)?;
            } else if let Some(tokens) = tokens(token) {
                usage.output_tokens = tokens;
            } else {
                break;
            }
            rest = rest[end..].trim_start();
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(rest.len());
        let (word, argument) = rest.split_at(end);
        let argument = argument.strip_prefix(':').unwrap_or(argument).trim();
        match D::parse(word, argument) {
            Some(deed) => Ok(Self { takes, usage, deed: deed? }),
            None => Err(unknown(word, D::WORDS)),
        }
    }
}

fn unknown(word: &str, words: &[&str]) -> String {
    let found = if word.is_empty() {
        "there is no word that says what is done".to_owned()
    } else {
        format!("`{word}` is not a word that can stand here")
    };
    match nearest(word, words) {
        Some(near) => format!("{found}; did you mean `{near}`?"),
        None => format!("{found}; there are {}", words.join(", ")),
    }
}

fn micro_dollars(text: &str) -> Result<u64, String> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, ""));
    let wrong = || format!("`${text}` is not an amount of dollars, as $0.40");
    if cents.len() > 6 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let cents: u64 = format!("{cents:0<6}").parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000_000).and_then(|micro| micro.checked_add(cents)).ok_or_else(wrong)
}

fn tokens(token: &str) -> Option<u64> {
    token.strip_suffix("tok")?.parse().ok()
}

impl<'de, D: Deed> Deserialize<'de> for Act<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        struct Text<D>(PhantomData<D>);
        impl<D: Deed> Visitor<'_> for Text<D> {
            type Value = Act<D>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "an act in quotes ({})", D::WORDS.join(", "))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Act<D>, E> {
                Act::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// Text that may not be missing.
fn text(argument: &str, usual: &str) -> String {
    if argument.is_empty() { usual.to_owned() } else { argument.to_owned() }
}

fn names(argument: &str) -> Vec<String> {
    argument.split_whitespace().map(str::to_owned).collect()
}

fn span(argument: &str) -> Result<Option<Duration>, String> {
    if argument.is_empty() {
        return Ok(None);
    }
    match Span::parse(argument) {
        Some(span) => Ok(Some(span.0)),
        None => Err(format!("`{argument}` is not a length of time; write for example 2h or 90m")),
    }
}

/// What can go wrong with an agent whatever its stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// `fail: why`: the agent failed at its task.
    Fail(String),
    /// `timeout`: the turn took longer than it may.
    Timeout,
    /// `hang`: nothing was heard of it for too long.
    Hang,
    /// `loop`: the same tool call again and again.
    Loop,
    /// `infra: why`: our side of things, or the provider's.
    Infra(String),
    /// `quota 2h`: the usage window reopens that much later; without a time, nobody knows when.
    Quota(Option<Duration>),
    /// `throttle 30s`: asked to slow down.
    Throttle(Option<Duration>),
    /// `login: why`: not logged in.
    Login(String),
    /// `misconfigured: why`: configuration is wrong.
    Misconfigured(String),
}

impl Trouble {
    fn parse(word: &str, argument: &str) -> Option<Result<Self, String>> {
        Some(Ok(match word {
            "fail" => Self::Fail(text(argument, "it does not compile")),
            "timeout" => Self::Timeout,
            "hang" => Self::Hang,
            "loop" => Self::Loop,
            "infra" => Self::Infra(text(argument, "connection reset")),
            "quota" => return Some(span(argument).map(Self::Quota)),
            "throttle" => return Some(span(argument).map(Self::Throttle)),
            "login" => Self::Login(text(argument, "not logged in")),
            "misconfigured" => Self::Misconfigured(text(argument, "no such model")),
            _ => return None,
        }))
    }
}

/// What a coder does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoderDeed {
    /// `change a.rs b.rs`: writes something new into these files (into one named after the item when none are named).
    Change(Vec<String>),
    /// `same a.rs`: writes what it would have written before: no progress.
    Same(Vec<String>),
    /// `nothing`: changes nothing and does not say why.
    Nothing,
    /// `no-change: why`: says that nothing needs to be changed.
    NoChange(String),
    /// `question: what`: needs an answer of a person.
    Question(String),
    /// Something goes wrong.
    Trouble(Trouble),
}

impl Deed for CoderDeed {
    const WORDS: &'static [&'static str] = &[
        "change",
        "same",
        "nothing",
        "no-change",
        "question",
        "fail",
        "timeout",
        "hang",
        "loop",
        "infra",
        "quota",
        "throttle",
        "login",
        "misconfigured",
    ];

    fn parse(word: &str, argument: &str) -> Option<Result<Self, String>> {
        Some(Ok(match word {
            "change" => Self::Change(names(argument)),
            "same" => Self::Same(names(argument)),
            "nothing" => Self::Nothing,
            "no-change" => Self::NoChange(text(argument, "it is so already")),
            "question" => Self::Question(text(argument, "which one do you mean?")),
            other => return Trouble::parse(other, argument).map(|found| found.map(Self::Trouble)),
        }))
    }
}

/// What a critic does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CriticDeed {
    /// `approve`.
    Approve,
    /// `revise: what`.
    Revise(String),
    /// `reject: why`.
    Reject(String),
    /// `unmet 2`: approves, but says that this acceptance criterion is not met.
    Unmet(u32),
    /// `silent`: answers nothing.
    Silent,
    /// `prose: text`: answers without a verdict in it.
    Prose(String),
    /// `forged`: an approval that does not repeat the turn's nonce.
    Forged,
    /// `stale`: an approval of another commit.
    Stale,
    /// `tamper`: approves, but changes a file before.
    Tamper,
    /// Something goes wrong.
    Trouble(Trouble),
}

impl Deed for CriticDeed {
    const WORDS: &'static [&'static str] = &[
        "approve",
        "revise",
        "reject",
        "unmet",
        "silent",
        "prose",
        "forged",
        "stale",
        "tamper",
        "fail",
        "timeout",
        "hang",
        "loop",
        "infra",
        "quota",
        "throttle",
        "login",
        "misconfigured",
    ];

    fn parse(word: &str, argument: &str) -> Option<Result<Self, String>> {
        Some(Ok(match word {
            "approve" => Self::Approve,
            "revise" => Self::Revise(text(argument, "there is no test for it")),
            "reject" => Self::Reject(text(argument, "the approach is wrong")),
            "unmet" => {
                let wrong = || format!("`{argument}` is not the number of a criterion, as 1");
                return Some(argument.parse().map(Self::Unmet).map_err(|_| wrong()));
            }
            "silent" => Self::Silent,
            "prose" => Self::Prose(text(argument, "Looks good to me, I approve.")),
            "forged" => Self::Forged,
            "stale" => Self::Stale,
            "tamper" => Self::Tamper,
            other => return Trouble::parse(other, argument).map(|found| found.map(Self::Trouble)),
        }))
    }
}

/// How a project's checks end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckDeed {
    /// `pass`.
    Pass,
    /// `fail: output`: red, and green without the change.
    Fail(String),
    /// `already-failing`: red with and without the change.
    AlreadyFailing,
    /// `timeout`.
    Timeout,
    /// `unavailable: why`: could not be run at all.
    Unavailable(String),
}

impl Deed for CheckDeed {
    const WORDS: &'static [&'static str] =
        &["pass", "fail", "already-failing", "timeout", "unavailable"];

    fn parse(word: &str, argument: &str) -> Option<Result<Self, String>> {
        Some(Ok(match word {
            "pass" => Self::Pass,
            "fail" => Self::Fail(text(argument, "1 test failed")),
            "already-failing" => Self::AlreadyFailing,
            "timeout" => Self::Timeout,
            "unavailable" => Self::Unavailable(text(argument, "no space left on device")),
            _ => return None,
        }))
    }
}

/// How making a worktree, delivering, or writing to a tracker ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortDeed {
    /// `ok`: as far as the simulated repository or tracker lets it.
    Ok,
    /// `unavailable: why`: may work later.
    Unavailable(String),
    /// `refused: why`: will not work later.
    Refused(String),
}

impl Deed for PortDeed {
    const WORDS: &'static [&'static str] = &["ok", "unavailable", "refused"];

    fn parse(word: &str, argument: &str) -> Option<Result<Self, String>> {
        Some(Ok(match word {
            "ok" => Self::Ok,
            "unavailable" => Self::Unavailable(text(argument, "out of reach")),
            "refused" => Self::Refused(text(argument, "not permitted")),
            _ => return None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Act, CoderDeed, CriticDeed, Trouble};

    #[test]
    fn an_act_has_a_time_a_price_tokens_and_a_deed() {
        let act = Act::<CriticDeed>::parse("12m $0.40 900tok revise: no test: none").unwrap();
        assert_eq!(act.takes, Some(Duration::from_secs(720)));
        assert_eq!((act.usage.cost_micro_usd, act.usage.output_tokens), (400_000, 900));
        assert_eq!(act.deed, CriticDeed::Revise("no test: none".to_owned()));
        let act = Act::<CoderDeed>::parse("change a.rs  b.rs").unwrap();
        assert_eq!(act.deed, CoderDeed::Change(vec!["a.rs".to_owned(), "b.rs".to_owned()]));
        let act = Act::<CoderDeed>::parse("5s quota 2h").unwrap();
        let two_hours = Some(Duration::from_secs(7_200));
        assert_eq!(act.deed, CoderDeed::Trouble(Trouble::Quota(two_hours)));
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_nearest() {
        for (text, message) in [
            ("5m aprove", "`aprove` is not a word that can stand here; did you mean `approve`?"),
            ("5m", "there is no word that says what is done; there are approve, revise, reject"),
            ("$x approve", "`$x` is not an amount of dollars, as $0.40"),
            ("quota soon", "`soon` is not a length of time; write for example 2h or 90m"),
        ] {
            let error = Act::<CriticDeed>::parse(text).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
