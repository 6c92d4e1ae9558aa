//! What the agent is told: a file at its start, lines on its standard input.

use std::path::Path;

use crate::domain::failure::{Failure, FailureClass};

use super::super::protocol::Told;
use super::super::settings::Brief;

/// Reads what the agent is told.
///
/// # Errors
/// A configuration failure that says what is wrong with the file.
pub fn read_brief(path: &Path) -> Result<Brief, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let brief =
        text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    brief.map_err(|reason| {
        let message = format!("the agent's file {} cannot be used: {reason}", path.display());
        Failure::new(FailureClass::Configuration, message)
    })
}

/// The prompt out of the first line of standard input.
///
/// # Errors
/// A configuration failure when the line is none.
pub fn read_prompt(line: &str) -> Result<String, Failure> {
    match serde_json::from_str(line) {
        Ok(Told::Prompt(prompt)) => Ok(prompt),
        Ok(Told::Instruction(_)) | Err(_) => Err(Failure::new(
            FailureClass::Configuration,
            "the first line that it read is no prompt",
        )),
    }
}

/// The instruction in a further line of standard input; `None` for anything else.
#[must_use]
pub fn read_instruction(line: &str) -> Option<String> {
    match serde_json::from_str(line) {
        Ok(Told::Instruction(text)) => Some(text),
        Ok(Told::Prompt(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{read_brief, read_instruction, read_prompt};
    use crate::domain::failure::FailureClass;

    #[test]
    fn lines_are_what_they_say() {
        assert_eq!(read_prompt("{\"prompt\":\"do\\nit\"}\n").as_deref(), Ok("do\nit"));
        for line in ["", "do it", "{\"instruction\":\"x\"}"] {
            let failure = read_prompt(line).expect_err("no prompt");
            assert_eq!(failure.class, FailureClass::Configuration, "{line}");
        }
        assert_eq!(read_instruction("{\"instruction\":\"left\"}").as_deref(), Some("left"));
        assert_eq!(read_instruction("left"), None);
        assert!(read_brief(Path::new("/nowhere")).is_err());
    }
}
