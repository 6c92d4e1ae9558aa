//! Every command, defined once: what is typed after the prefix, what Discord is told of slash commands, the help and the
//! manual all come from here.

use crate::domain::access::Level;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Explain the commands.
    Help,
    /// The whole picture.
    Status,
    /// The repositories.
    DevList,
    /// A task in a repository.
    Dev,
    /// What is under way.
    Tasks,
    /// Stop a run.
    Cancel,
    /// Start nothing new.
    Pause,
    /// Start again.
    Resume,
    /// What a run has done lately.
    Log,
    /// All items.
    WorkItems,
    /// One item.
    WorkItem,
    /// What was spent and what may be.
    Limits,
    /// How autonomous work stands.
    Auto,
    /// Let work start by itself.
    AutoStart,
    /// Let it not.
    AutoStop,
    /// Plan now.
    AutoRun,
    /// Let agents start on an item.
    Approve,
    /// Refuse that.
    Reject,
    /// Coder and critic pairs at work.
    Pair,
    /// Put an item to a pair.
    PairStart,
    /// Put a named item to a pair.
    PairRun,
    /// Stop a pair.
    PairStop,
    /// Runs that are over.
    PairHistory,
    /// What came of them.
    PairStats,
    /// Scheduled jobs.
    ScheduleList,
    /// Do a job now.
    ScheduleRun,
    /// Switch a job on or off.
    ScheduleToggle,
    /// A new job.
    ScheduleAdd,
    /// No such job any more.
    ScheduleRemove,
    /// State of continuous integration.
    Ci,
    /// Which agent works by default.
    Provider,
    /// Records of sessions.
    Codex,
    /// What is remembered.
    MemorySearch,
    /// More runs for some hours.
    Turbo,
    /// Why an item does not run.
    Why,
    /// Tell an agent something now.
    Steer,
    /// Tell a run something for its next turn.
    FollowUp,
    /// Back to work.
    Retry,
    /// An agent is signed in again.
    AgentOk,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One word, or several in quotes.
    Word,
    /// The rest of the line, or something in quotes.
    Text,
    /// A whole number within bounds, both included.
    Count(u32, u32),
    /// Five to seven fields of a cron expression, with or without quotes.
    Cron,
    /// `--name`, or nothing.
    Flag,
}

/// Where suggestions for an argument come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggest {
    /// Nowhere.
    Nothing,
    /// Items that are not settled.
    Items,
    /// Items that wait for an approval.
    Approvals,
    /// Runs under way.
    Runs,
    /// Configured projects.
    Projects,
    /// Configured agents.
    Agents,
    /// Commands.
    Commands,
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Its name, also as the option of a slash command.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// Where suggestions come from.
    pub suggest: Suggest,
}

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// What it does.
    pub action: Action,
    /// The words that stand for it.
    pub words: &'static str,
    /// Other words that do.
    pub also: &'static [&'static str],
    /// Name of its slash command, and its subcommand's after a space.
    pub slash: &'static str,
    /// Who may use it.
    pub level: Level,
    /// What it takes, in order.
    pub arguments: &'static [Argument],
    /// An example of what stands after its words.
    pub example: &'static str,
}

const fn needed(name: &'static str, kind: Kind, suggest: Suggest) -> Argument {
    Argument { name, kind, required: true, suggest }
}

const fn optional(name: &'static str, kind: Kind, suggest: Suggest) -> Argument {
    Argument { name, kind, required: false, suggest }
}

const fn define(
    action: Action,
    words: &'static str,
    slash: &'static str,
    level: Level,
    arguments: &'static [Argument],
    example: &'static str,
) -> Definition {
    Definition { action, words, also: &[], slash, level, arguments, example }
}

impl Definition {
    const fn or(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    /// What is typed after the prefix, with the names of its arguments.
    #[must_use]
    pub fn usage(&self) -> String {
        let mut usage = self.words.to_owned();
        for argument in self.arguments {
            let name = match (argument.kind, argument.required) {
                (Kind::Flag, _) => format!(" [--{}]", argument.name),
                (Kind::Text, true) => format!(" \"<{}>\"", argument.name),
                (Kind::Text, false) => format!(" [\"{}\"]", argument.name),
                (_, true) => format!(" <{}>", argument.name),
                (_, false) => format!(" [{}]", argument.name),
            };
            usage.push_str(&name);
        }
        usage
    }

    /// Name of the sentence about it in the texts.
    #[must_use]
    pub fn help(&self) -> String {
        format!("discord.help-{}", self.words.to_lowercase().replace(' ', "-"))
    }

    /// Every spelling of its words.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.words).chain(self.also.iter().copied())
    }
}

use Action as Do;
use Kind::{Count, Cron, Flag, Text, Word};
use Level::{Admin, Operate, Watch};
use Suggest::{Agents, Approvals, Commands, Items, Nothing, Projects, Runs};

const ITEM: Argument = needed("item", Word, Items);
const RUN: Argument = needed("run", Word, Runs);
const NAME: Argument = needed("name", Word, Nothing);

/// Every command, in the order of the help.
pub static CATALOGUE: &[Definition] = &[
    define(
        Do::Dev,
        "dev",
        "dev run",
        Operate,
        &[needed("repo", Word, Projects), needed("task", Text, Nothing)],
        "shop \"fix the rounding of totals\"",
    ),
    define(Do::DevList, "dev list", "dev list", Watch, &[], "").or(&["repos"]),
    define(Do::Tasks, "tasks", "tasks", Watch, &[], ""),
    define(Do::Cancel, "cancel", "cancel", Operate, &[needed("task", Word, Runs)], "SHOP-12"),
    define(Do::Status, "status", "status", Watch, &[], ""),
    define(Do::Pause, "pause", "pause", Operate, &[optional("session", Word, Runs)], ""),
    define(Do::Resume, "resume", "resume", Operate, &[optional("session", Word, Runs)], ""),
    define(
        Do::Log,
        "log",
        "log",
        Watch,
        &[needed("session", Word, Runs), optional("lines", Count(1, 500), Nothing)],
        "SHOP-12 40",
    ),
    define(Do::WorkItems, "workItems", "workitems", Watch, &[], "").or(&["work items", "items"]),
    define(Do::WorkItem, "workItem", "workitem", Watch, &[needed("id", Word, Items)], "SHOP-12")
        .or(&["work item", "item"]),
    define(Do::Limits, "limits", "limits", Watch, &[], ""),
    define(Do::Auto, "auto", "auto status", Watch, &[], "").or(&["auto status"]),
    define(
        Do::AutoStart,
        "auto start",
        "auto start",
        Operate,
        &[optional("cron", Cron, Nothing), optional("pair", Flag, Nothing)],
        "*/30 * * * * --pair",
    ),
    define(Do::AutoStop, "auto stop", "auto stop", Operate, &[], ""),
    define(Do::AutoRun, "auto run", "auto run", Operate, &[], ""),
    define(
        Do::Approve,
        "approve",
        "approve",
        Operate,
        &[optional("id", Word, Approvals)],
        "SHOP-12",
    ),
    define(Do::Reject, "reject", "reject", Operate, &[optional("id", Word, Approvals)], "SHOP-12"),
    define(Do::Pair, "pair", "pair status", Watch, &[], "").or(&["pair status"]),
    define(
        Do::PairStart,
        "pair start",
        "pair start",
        Operate,
        &[optional("task", Word, Items)],
        "SHOP-12",
    ),
    define(
        Do::PairRun,
        "pair run",
        "pair run",
        Operate,
        &[needed("task", Word, Items), optional("project", Word, Projects)],
        "SHOP-12 shop",
    ),
    define(
        Do::PairStop,
        "pair stop",
        "pair stop",
        Operate,
        &[optional("session", Word, Runs)],
        "SHOP-12",
    ),
    define(
        Do::PairHistory,
        "pair history",
        "pair history",
        Watch,
        &[optional("n", Count(1, 25), Nothing)],
        "10",
    ),
    define(Do::PairStats, "pair stats", "pair stats", Watch, &[], ""),
    define(Do::ScheduleList, "schedule", "schedule list", Watch, &[], "").or(&["schedule list"]),
    define(Do::ScheduleRun, "schedule run", "schedule run", Operate, &[NAME], "nightly"),
    define(Do::ScheduleToggle, "schedule toggle", "schedule toggle", Operate, &[NAME], "nightly"),
    define(
        Do::ScheduleAdd,
        "schedule add",
        "schedule add",
        Admin,
        &[
            NAME,
            needed("path", Word, Projects),
            needed("interval", Word, Nothing),
            needed("prompt", Text, Nothing),
        ],
        "nightly shop 24h \"update the dependencies\"",
    ),
    define(Do::ScheduleRemove, "schedule remove", "schedule remove", Admin, &[NAME], "nightly")
        .or(&["schedule delete"]),
    define(Do::Ci, "ci", "ci", Watch, &[], ""),
    define(Do::Provider, "provider", "provider", Admin, &[optional("name", Word, Agents)], "codex"),
    define(Do::Codex, "codex", "codex", Watch, &[optional("n", Count(1, 25), Nothing)], "10"),
    define(
        Do::MemorySearch,
        "memory search",
        "memory search",
        Watch,
        &[needed("query", Text, Nothing)],
        "\"rounding of totals\"",
    ),
    define(Do::Turbo, "turbo", "turbo", Operate, &[optional("hours", Count(0, 168), Nothing)], "3"),
    define(Do::Why, "why", "why", Watch, &[ITEM], "SHOP-12"),
    define(
        Do::Steer,
        "steer",
        "steer",
        Operate,
        &[RUN, needed("text", Text, Nothing)],
        "SHOP-12 \"leave the tests alone\"",
    ),
    define(
        Do::FollowUp,
        "follow-up",
        "follow-up",
        Operate,
        &[RUN, needed("text", Text, Nothing)],
        "SHOP-12 \"then update the manual\"",
    )
    .or(&["followUp", "follow up"]),
    define(
        Do::Retry,
        "retry",
        "retry",
        Operate,
        &[ITEM, optional("note", Text, Nothing)],
        "SHOP-12 \"use the existing parser\"",
    ),
    define(Do::AgentOk, "agent ok", "agent ok", Admin, &[needed("name", Word, Agents)], "claude"),
    define(Do::Help, "help", "help", Watch, &[optional("command", Text, Commands)], "auto start"),
];

/// The definition of an action. Every action has one, which tests hold the catalogue to.
#[must_use]
pub fn of(action: Action) -> Option<&'static Definition> {
    CATALOGUE.iter().find(|definition| definition.action == action)
}

#[cfg(test)]
mod tests;
