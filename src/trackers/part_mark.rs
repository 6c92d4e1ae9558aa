//! The mark in the text of an item that the factory has created: which part of which item it is, signed. It proves who
//! wrote the item first, not what has become of its text since.

use super::status_comment::SigningKey;
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::work_item::Trust;

use super::log_line;

const OPENING: &str = "<!-- enact-factory:part ";
const SIGNED: &str = " hmac-sha256=";
const CLOSING: &str = " -->";

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartMark {
    /// The mark of the key that it was created for.
    pub(super) key: String,
    /// The item it is a part of.
    pub(super) parent: ItemId,
    /// The trust in who wrote that.
    pub(super) trust: Trust,
}

impl PartMark {
    /// The mark of a part.
    pub(super) fn new(key: &EffectKey, parent: &ItemId, trust: Trust) -> Self {
        Self { key: log_line::mark(key), parent: parent.clone(), trust }
    }

    /// The mark as it stands at the end of a text.
    pub(super) fn render(&self, signing: &SigningKey) -> String {
        let said = self.said();
        let code = signing.sign_part(&said);
        format!("{OPENING}{said}{SIGNED}{code}{CLOSING}")
    }

    /// The mark in `text`, if it was written with `signing`, and the text without it.
    pub(super) fn find(text: &str, signing: &SigningKey) -> Option<(Self, String)> {
        let (before, rest) = text.rsplit_once(OPENING)?;
        let (inside, after) = rest.split_once(CLOSING)?;
        let (said, code) = inside.rsplit_once(SIGNED)?;
        if !signing.is_of_part(said, code) {
            return None;
        }
        let mut words = said.split(' ');
        let (key, parent, trust) = (words.next()?, words.next()?, words.next()?);
        let trust = match trust {
            "trusted" => Trust::Trusted,
            _ => Trust::Untrusted,
        };
        let mark = Self { key: key.to_owned(), parent: ItemId::new(parent), trust };
        Some((mark, format!("{}{after}", before.trim_end())))
    }

    /// Whether `text` may hold a mark, signed or not.
    pub(super) fn is_in(text: &str) -> bool {
        text.contains(OPENING)
    }

    fn said(&self) -> String {
        let trust = match self.trust {
            Trust::Trusted => "trusted",
            Trust::Untrusted => "untrusted",
        };
        format!("{} {} {trust}", self.key, self.parent)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn key(secret: &str) -> SigningKey {
        SigningKey::derived(&SecretString::from(secret.to_owned()))
    }

    #[test]
    fn a_mark_is_found_again_with_the_same_secret_and_by_nobody_else() {
        let created_for = EffectKey("work/github/o/r#7/part/1/2".to_owned());
        let parent = ItemId::new("github/o/r#7");
        let mark = PartMark::new(&created_for, &parent, Trust::Untrusted);
        let text = format!("Do it.\n\n{}", mark.render(&key("a")));
        assert_eq!(PartMark::find(&text, &key("a")), Some((mark.clone(), "Do it.".to_owned())));
        assert_eq!(PartMark::find(&text, &key("b")), None);
        let forged = text.replace(" untrusted ", " trusted ");
        assert_eq!(PartMark::find(&forged, &key("a")), None);
        assert_eq!(PartMark::find("Do it.", &key("a")), None);
        let edited = format!("{text}\nand more");
        let (found, left) = PartMark::find(&edited, &key("a")).unwrap();
        assert_eq!((found, left.as_str()), (mark, "Do it.\nand more"));
    }
}
