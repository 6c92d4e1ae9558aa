//! The reference page of the configuration, from the same descriptions that check it.

use super::check::expected;
use super::schema::{Key, Presence, ROOT, Shape};

/// The page as Markdown: `docs/reference/config.md`.
#[must_use]
pub fn render() -> String {
    let mut page = vec![PREAMBLE.to_owned()];
    section(&mut page, ROOT, "");
    page.concat()
}

const PREAMBLE: &str = "\
<!-- Generated from src/config; a test compares them. `UPDATE_REFERENCE=1 cargo test --lib config` writes it anew. -->

# Configuration

`config.toml`, in TOML.
Every mistake is reported at once, with its line; a key that is not listed here is one.

- `${VAR}` and `${VAR:-default}` in any text are filled in from the environment, or from a `.env` file beside the configuration.
  A variable without a value and without a default is a mistake; `:-` also stands in for an empty one; `$${` is a plain `${`.
  Where a number, `true`, `false` or a list is wanted, the text that results is read as one.
- An empty text is the same as leaving the key out.
- Paths may begin with `~`; relative ones start at the directory of the configuration.
- `ENACT_FACTORY_<SECTION>__<KEY>` in the environment overrides a single value, for example `ENACT_FACTORY_DAEMON__STATE_DIR`.
- camelCase and kebab-case forms of all keys are understood, with a remark.
";

/// A list entry per value, then a heading for each table below.
fn section(page: &mut Vec<String>, keys: &[Key], path: &str) {
    if keys.iter().any(|key| matches!(key.shape, Shape::Value(_))) {
        page.push("\n".to_owned());
    }
    for key in keys {
        if let Shape::Value(kind) = &key.shape {
            let without = match key.presence {
                Presence::Default(default) => format!("default `{default}`"),
                Presence::Optional(without) => format!("without it: {without}"),
                Presence::Required => "required".to_owned(),
            };
            page.push(format!("- **`{}`**: {}; {without}.\n", key.name, expected(kind)));
            page.push(format!("  {}\n", key.about));
            if !key.aliases.is_empty() {
                page.push(format!("  {}\n", also(key.aliases)));
            }
        }
    }
    for key in keys {
        group(page, key, path);
    }
}

fn group(page: &mut Vec<String>, key: &Key, parent: &str) {
    let path = join(parent, key.name);
    let below = match &key.shape {
        Shape::Map(name, Shape::Table(_)) => format!("{path}.<{name}>"),
        Shape::Value(_) | Shape::Table(_) | Shape::Tables(_) | Shape::Map(..) => path,
    };
    match &key.shape {
        Shape::Value(_) => return,
        Shape::Tables(_) => page.push(format!("\n## `[[{below}]]`\n\n{}\n", key.about)),
        Shape::Table(_) | Shape::Map(..) => {
            page.push(format!("\n## `[{below}]`\n\n{}\n", key.about));
        }
    }
    if !key.aliases.is_empty() {
        page.push(format!("{}\n", also(key.aliases)));
    }
    match &key.shape {
        Shape::Value(_) => {}
        Shape::Table(keys) | Shape::Tables(keys) | Shape::Map(_, Shape::Table(keys)) => {
            section(page, keys, &below);
        }
        Shape::Map(name, of) => {
            if let Shape::Value(kind) = of {
                page.push(format!("\n- **`<{name}>`**: {}.\n", expected(kind)));
            }
        }
    }
}

fn also(aliases: &[&str]) -> String {
    let aliases: Vec<String> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
    format!("Also understood: {}.", aliases.join(", "))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}
