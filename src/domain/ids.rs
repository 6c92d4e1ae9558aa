//! Identifiers: one newtype per thing that can be named.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// Wraps `text` without looking at it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A work item across all trackers: `<source>/<identifier>`, for example `local/DEMO-1`.
    ItemId
);
text_id!(
    /// A configured project's name, or the absolute path of a repository that is not configured.
    ProjectId
);
text_id!(
    /// An event stream: `work/<item>`, `run/<uuid>` or `ops/<name>`.
    StreamId
);
text_id!(
    /// Deterministic name of a side effect: the same wish always has the same key.
    EffectKey
);

impl ItemId {
    /// The tracker part, before the first slash (`local`, `cli`).
    #[must_use]
    pub fn source(&self) -> &str {
        self.0.split_once('/').map_or("", |(source, _)| source)
    }

    /// The part people type, after the first slash.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, rest)| rest)
    }

    /// The stream that holds this item's events.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        StreamId(format!("work/{}", self.0))
    }
}

/// One driven attempt at a work item (UUIDv7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl RunId {
    /// The stream that holds this run's events.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        StreamId(format!("run/{}", self.0))
    }

    /// Last eight hex digits: short enough to type, random enough to be told apart.
    #[must_use]
    pub fn short(&self) -> String {
        let text = self.0.simple().to_string();
        text[text.len() - 8..].to_owned()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Stream of the daemon's own transitions: started, stopped, paused, turbo, refused agents.
pub const OPS_STREAM: &str = "ops/daemon";
