//! What agents are told, in every language: versioned templates from `locale/`, compiled in.
//!
//! Each file of `locale/<language>/` holds texts, each after a line `=== <name>`; the name of a text is that of its file
//! and its own (`coder.task`). Every language has the same texts with the same variables, which tests hold them to.

pub mod template;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::language::Language;

use template::{Template, Value};

/// Version of the templates: goes up whenever a text changes what an agent is asked for.
pub const VERSION: u32 = 5;

/// The files of one language.
type Files = [(&'static str, &'static str); 11];

macro_rules! files {
    ($language:literal) => {
        [
            ("auditor", include_str!(concat!("../locale/", $language, "/auditor.md"))),
            ("coder", include_str!(concat!("../locale/", $language, "/coder.md"))),
            ("common", include_str!(concat!("../locale/", $language, "/common.md"))),
            ("critic", include_str!(concat!("../locale/", $language, "/critic.md"))),
            ("diagnose", include_str!(concat!("../locale/", $language, "/diagnose.md"))),
            ("discord", include_str!(concat!("../locale/", $language, "/discord.md"))),
            ("documenter", include_str!(concat!("../locale/", $language, "/documenter.md"))),
            ("headings", include_str!(concat!("../locale/", $language, "/headings.md"))),
            ("planner", include_str!(concat!("../locale/", $language, "/planner.md"))),
            (
                "stage-documenter",
                include_str!(concat!("../locale/", $language, "/stage-documenter.md")),
            ),
            ("tester", include_str!(concat!("../locale/", $language, "/tester.md"))),
        ]
    };
}

static EN: Files = files!("en");
static KO: Files = files!("ko");

/// Texts by name, by language.
static TEXTS: LazyLock<BTreeMap<Language, BTreeMap<String, &'static str>>> = LazyLock::new(|| {
    let all = Language::ALL.into_iter();
    all.map(|language| (language, texts(files(language)))).collect()
});

fn files(language: Language) -> &'static Files {
    match language {
        Language::En => &EN,
        Language::Ko => &KO,
    }
}

fn texts(files: &'static Files) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for (file, text) in files {
        for part in text.split("\n=== ").skip(1) {
            if let Some((name, body)) = part.split_once('\n') {
                found.insert(format!("{file}.{}", name.trim()), body.trim());
            }
        }
    }
    found
}

/// The text called `name`, as it stands in the file. A name that no language has stands for itself.
#[must_use]
pub fn text(language: Language, name: &str) -> &str {
    let of = |language| TEXTS.get(&language).and_then(|texts| texts.get(name)).copied();
    of(language).or_else(|| of(Language::En)).unwrap_or(name)
}

/// The text called `name` with `values` filled in. That every value is given is what tests are for: a text that lacks
/// one is shown as it stands.
#[must_use]
pub fn fill(language: Language, name: &str, values: &[(&str, &str)]) -> String {
    let text = text(language, name);
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), Value::text(*value)));
    let filled = Template::parse(text).and_then(|template| template.render(&values.collect()));
    filled.unwrap_or_else(|_incomplete| text.to_owned())
}

/// What a section is headed with; its name where there is no other heading.
#[must_use]
pub fn heading(language: Language, section: &str) -> String {
    let key = format!("headings.{}", section.to_lowercase().replace(' ', "-"));
    let found = text(language, &key);
    if found == key { section.to_owned() } else { found.to_owned() }
}

#[cfg(test)]
mod tests;
