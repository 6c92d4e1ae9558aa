//! Where what people say is taken: who it is, what they want, what is on record of it, and what is answered. Nothing here
//! knows how it came or how the answer goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::access::{Access, Level, Person, Place, Refusal};
use crate::domain::command::Command;
use crate::domain::inbox::Owed;
use crate::domain::language::Language;
use crate::runtime::engine::{Asked, Chat, Reply};
use crate::runtime::handle::{DaemonHandle, Stopping};
use crate::store::StoreReader;

use super::answers::Wording;
use super::catalogue::Action;
use super::message::{Answer, Tone};
use super::parse::{Invocation, Mistake, parse};
use super::text::{clip, neutral, neutral_line};
use super::wish::{Known, Wish, wish};

/// Longest text of a command that is recorded, in UTF-16 units.
const RECORDED: usize = 600;

/// Takes secrets out of a text.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What the desk goes by.
#[derive(Clone)]
pub struct Rules {
    /// Who may ask, and where.
    pub access: Access,
    /// What stands before a command.
    pub prefix: String,
    /// The language of answers.
    pub language: Language,
    /// Configured projects, and the paths of their repositories.
    pub projects: BTreeMap<String, String>,
    /// Takes secrets out of what is shown or recorded.
    pub redact: Redact,
}

/// Something that was said to the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub place: Place,
    /// By whom.
    pub person: Person,
    /// The message or interaction.
    pub id: u64,
    /// What stands before the line on record: the prefix, or `/` for slash commands and buttons.
    pub before: String,
    /// The line, without what stands before it.
    pub line: String,
}

/// What became of something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It was taken before, or it is not listened to.
    Nothing,
    /// It is answered.
    Answer(Box<Answer>),
    /// It is for an agent at work, which may take a while; to be carried out and then answered.
    Steer(Command, String),
}

/// Takes what is said.
#[derive(Clone)]
pub struct Desk {
    /// The door to the loop.
    pub handle: DaemonHandle,
    /// The log.
    pub store: Arc<dyn StoreReader>,
    /// What it goes by.
    pub rules: Arc<Rules>,
}

impl Desk {
    /// How things are worded.
    #[must_use]
    pub fn wording(&self) -> Wording<'_> {
        Wording { language: self.rules.language, prefix: &self.rules.prefix }
    }

    /// Takes what was said, once.
    ///
    /// # Errors
    /// When the daemon is stopping; then it may or may not have been taken.
    pub async fn take(&self, said: &Said) -> Result<Taken, Stopping> {
        let parsed = parse(&said.line);
        let needs = parsed.as_ref().map_or(Level::Watch, needed);
        let judged = self.rules.access.judge(said.place, &said.person, needs);
        let level = match judged {
            Ok(level) => Some(level),
            Err(Refusal::Level { has, .. }) => Some(has),
            Err(Refusal::Nobody) => None,
            Err(refusal @ (Refusal::Bot | Refusal::DirectMessage | Refusal::Place)) => {
                tracing::debug!(?refusal, channel = said.place.channel, "not listened to");
                return Ok(Taken::Nothing);
            }
        };
        let asked = Asked {
            by: actor(&said.person),
            level: level.map_or("", Level::word),
            channel: said.place.channel,
            message: said.id,
            text: clip(&(self.rules.redact)(&format!("{}{}", said.before, said.line)), RECORDED),
        };
        if let Err(refusal) = judged {
            let (sentence, answer) = self.refusal(refusal);
            return self.refuse(asked, sentence, answer).await;
        }
        match parsed {
            Err(mistake) => {
                let answer = self.wording().mistake(&mistake);
                self.refuse(asked, summary(&mistake), answer).await
            }
            Ok(invocation) => self.carry_out(asked, &invocation).await,
        }
    }

    fn refusal(&self, refusal: Refusal) -> (String, Answer) {
        let wording = self.wording();
        let shown = match refusal {
            Refusal::Level { has, needs } => {
                wording.say("refused-level", &[("has", has.word()), ("needs", needs.word())])
            }
            Refusal::Nobody | Refusal::Bot | Refusal::DirectMessage | Refusal::Place => {
                wording.say("refused-nobody", &[])
            }
        };
        let sentence = match refusal {
            Refusal::Level { needs, .. } => format!("it takes the level {}", needs.word()),
            _ => "they may do nothing".to_owned(),
        };
        (sentence, wording.answer(Tone::Bad, "refused", shown))
    }

    async fn refuse(
        &self,
        asked: Asked,
        sentence: String,
        answer: Answer,
    ) -> Result<Taken, Stopping> {
        let chat = Chat::Asked { asked, command: None, refused: Some(sentence) };
        Ok(match self.handle.chat(chat).await? {
            Some(_) => Taken::Answer(Box::new(answer)),
            None => Taken::Nothing,
        })
    }

    async fn carry_out(&self, asked: Asked, invocation: &Invocation) -> Result<Taken, Stopping> {
        let status = self.handle.status().await?;
        let known = Known {
            projects: &self.rules.projects,
            status: &status,
            prefix: &self.rules.prefix,
            language: self.rules.language,
            message: asked.message,
        };
        match wish(invocation, &known) {
            Wish::Cannot(sentence) => {
                let title = match invocation.definition.action {
                    Action::Ci
                    | Action::MemorySearch
                    | Action::ScheduleList
                    | Action::ScheduleRun
                    | Action::ScheduleToggle
                    | Action::ScheduleAdd
                    | Action::ScheduleRemove => "not-here",
                    _ => "refused",
                };
                let answer = self.wording().answer(Tone::Bad, title, sentence.clone());
                self.refuse(asked, sentence, answer).await
            }
            // What an agent was told cannot be taken back: it is on record first, and told at most once.
            Wish::Command(command @ Command::Steer { .. }) => {
                let by = asked.by.clone();
                let chat = Chat::Asked { asked, command: None, refused: None };
                let first = self.handle.chat(chat).await?;
                Ok(first.map_or(Taken::Nothing, |_| Taken::Steer(command, by)))
            }
            Wish::Command(command) => {
                let chat = Chat::Asked { asked, command: Some(command), refused: None };
                let reply = self.handle.chat(chat).await?;
                Ok(reply
                    .map_or(Taken::Nothing, |reply| Taken::Answer(Box::new(self.reply(&reply)))))
            }
            Wish::Question(_) => {
                let chat = Chat::Asked { asked, command: None, refused: None };
                if self.handle.chat(chat).await?.is_none() {
                    return Ok(Taken::Nothing);
                }
                let answer = self.tell(invocation, &status).await?;
                Ok(Taken::Answer(Box::new(answer)))
            }
        }
    }

    /// Tells an agent something, and what came of it.
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn steer(&self, command: Command, by: &str) -> Result<Answer, Stopping> {
        Ok(self.reply(&self.handle.submit(command, by).await?))
    }

    /// What the factory said to a command.
    #[must_use]
    pub fn reply(&self, reply: &Reply) -> Answer {
        let (tone, title) =
            if reply.accepted { (Tone::Good, "done") } else { (Tone::Bad, "refused") };
        let message = neutral(&(self.rules.redact)(&reply.message));
        let subject = reply.item.as_ref().map(|item| neutral_line(item.identifier()));
        let body = subject.map_or_else(|| message.clone(), |name| format!("**{name}**: {message}"));
        self.wording().answer(tone, title, body)
    }

    /// The answer to a command that was carried out and, as far as is known, not answered.
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn owed(&self, owed: &Owed) -> Result<Answer, Stopping> {
        let again = self.wording().say("line-again", &[]);
        let line = owed.text.strip_prefix(&self.rules.prefix).unwrap_or(&owed.text);
        let line = line.strip_prefix('/').unwrap_or(line);
        let asked = neutral_line(&owed.text);
        let answer = match (owed.outcome.as_str(), parse(line)) {
            ("", Ok(invocation)) if invocation.definition.action != Action::Steer => {
                let status = self.handle.status().await?;
                self.tell(&invocation, &status).await?
            }
            (outcome, _) => {
                let unknown = "whether it was told is not known; tell it again if need be";
                let known = !outcome.is_empty();
                let message = if known { outcome } else { unknown }.to_owned();
                let accepted = known && owed.accepted;
                self.reply(&Reply { accepted, message, item: None, run: None })
            }
        };
        Ok(answer.after(&format!("{again}\n> {asked}")))
    }

    async fn tell(
        &self,
        invocation: &Invocation,
        status: &crate::runtime::engine::Status,
    ) -> Result<Answer, Stopping> {
        let wording = self.wording();
        let name = |argument: &str| invocation.get(argument).unwrap_or_default().to_owned();
        let action = invocation.definition.action;
        let answer = match action {
            Action::Help => wording.help(invocation.get("command")),
            Action::DevList => {
                let lines: Vec<String> = self
                    .rules
                    .projects
                    .iter()
                    .map(|(name, path)| {
                        format!("**{}** {}", neutral_line(name), neutral_line(path))
                    })
                    .collect();
                let none = || wording.say("dev-none", &[]);
                let body = if lines.is_empty() { none() } else { lines.join("\n") };
                wording.answer(Tone::Plain, "repositories", body)
            }
            Action::Why => {
                let item = name("item");
                wording.why(&item, self.handle.why(&item).await?.as_ref())
            }
            Action::WorkItem => {
                let item = name("id");
                wording.why(&item, self.handle.why(&item).await?.as_ref())
            }
            Action::Log => {
                let lines = invocation.count("lines").unwrap_or(super::records::LINES);
                self.log(&name("session"), lines).await?
            }
            Action::Codex => self.sessions(invocation.count("n")).await,
            Action::PairHistory => self.history(invocation.count("n")).await,
            Action::PairStats => self.statistics().await,
            other => wording.picture(other, status),
        };
        Ok(self.without_secrets(answer))
    }

    /// The same without secrets in it.
    #[must_use]
    pub fn without_secrets(&self, mut answer: Answer) -> Answer {
        let redact = &self.rules.redact;
        answer.title = redact(&answer.title);
        answer.body = redact(&answer.body);
        for field in &mut answer.fields {
            field.value = redact(&field.value);
        }
        answer
    }
}

/// `human:discord:<id>`.
#[must_use]
pub fn actor(person: &Person) -> String {
    format!("human:discord:{}", person.user)
}

/// What an invocation takes: seeing a setting takes less than changing it.
fn needed(invocation: &Invocation) -> Level {
    match invocation.definition.action {
        Action::Provider if invocation.get("name").is_none() => Level::Watch,
        Action::Turbo if invocation.get("hours").is_none() => Level::Watch,
        _ => invocation.definition.level,
    }
}

/// A mistake for the record.
fn summary(mistake: &Mistake) -> String {
    match mistake {
        Mistake::Nothing => "no command".to_owned(),
        Mistake::Unknown { .. } => "no such command".to_owned(),
        Mistake::Missing { argument, .. } => format!("`{argument}` is missing"),
        Mistake::Wrong { argument, .. } => format!("`{}` is not as it must be", argument.name),
        Mistake::TooMuch { .. } => "more than the command takes".to_owned(),
        Mistake::Unclosed { .. } => "a quotation mark is missing".to_owned(),
    }
}
