//! The visible text of a status comment, as it is written and as it comes back.

/// Text in which nothing looks like our own hidden parts.
pub(super) fn inert(text: &str) -> String {
    let text = text.replace("<!--", "&lt;!--").replace("</details", "&lt;/details");
    normal(&text.replace("<details", "&lt;details"))
}

/// Text as trackers give it back: with their own line endings and without the space that nobody sees.
pub(super) fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}
