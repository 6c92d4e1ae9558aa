//! Bodies with files in them.

use serde_json::Value;

use super::world::Upload;

/// The payload and the files of a body with this type; `None` when it is not well made.
pub fn parse(content_type: &str, body: &[u8]) -> Option<(Value, Vec<Upload>)> {
    let boundary = content_type.split("boundary=").nth(1)?.trim().trim_matches('"');
    let mark = format!("--{boundary}");
    let mut payload = Value::Null;
    let mut files = Vec::new();
    let mut at = find(body, mark.as_bytes(), 0)? + mark.len();
    while !body[at..].starts_with(b"--") {
        let head_end = find(body, b"\r\n\r\n", at)?;
        let head = std::str::from_utf8(&body[at..head_end]).ok()?;
        let start = head_end + 4;
        let end = find(body, format!("\r\n{mark}").as_bytes(), start)?;
        let bytes = &body[start..end];
        match parameter(head, "name")?.as_str() {
            "payload_json" => payload = serde_json::from_slice(bytes).ok()?,
            field => files.push(Upload {
                field: field.to_owned(),
                name: parameter(head, "filename")?,
                content_type: header(head, "content-type").unwrap_or_default(),
                bytes: bytes.to_vec(),
            }),
        }
        at = end + 2 + mark.len();
    }
    Some((payload, files))
}

fn find(body: &[u8], what: &[u8], from: usize) -> Option<usize> {
    body.get(from..)?.windows(what.len()).position(|it| it == what).map(|at| from + at)
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn parameter(head: &str, name: &str) -> Option<String> {
    let disposition = header(head, "content-disposition")?;
    disposition.split(';').find_map(|part| {
        let (own, value) = part.trim().split_once('=')?;
        (own == name).then(|| value.trim_matches('"').to_owned())
    })
}
