//! What the installed agents call their versions, keys and logins.

use crate::domain::agent::AgentKind;

/// What an agent's own words for these things are.
pub(super) struct Manners {
    /// The program's usual name.
    pub(super) program: &'static str,
    /// The oldest version that was tried.
    pub(super) oldest: &'static str,
    /// Variables that hold a key or token; the first is the one to recommend.
    pub(super) keys: &'static [&'static str],
    /// Variables that select a provider with credentials of its own.
    pub(super) elsewhere: &'static [&'static str],
    /// How it is asked whether it is logged in; empty when it has no answer that can be relied on.
    pub(super) status: &'static [&'static str],
    /// How it is asked whether it can be talked to during a turn; empty when every version that works can, or none.
    pub(super) talks: &'static [&'static str],
    /// Its login file, below the home.
    pub(super) login: &'static str,
}

const CLAUDE: Manners = Manners {
    program: "claude",
    oldest: "2.1.197",
    keys: &["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN"],
    elsewhere: &["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"],
    status: &["auth", "status"],
    talks: &[],
    login: ".claude/.credentials.json",
};

const CODEX: Manners = Manners {
    program: "codex",
    oldest: "0.169.0",
    keys: &["CODEX_API_KEY"],
    elsewhere: &[],
    status: &["login", "status"],
    talks: &["app-server", "--help"],
    login: ".codex/auth.json",
};

const OPENCODE: Manners = Manners {
    program: "opencode",
    oldest: "1.18.33",
    keys: &["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENCODE_API_KEY", "OPENROUTER_API_KEY"],
    elsewhere: &["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS"],
    status: &[],
    talks: &[],
    login: ".local/share/opencode/auth.json",
};

const CURSOR: Manners = Manners {
    program: "cursor-agent",
    oldest: "2026.9.2",
    keys: &["CURSOR_API_KEY"],
    elsewhere: &[],
    status: &[],
    talks: &[],
    login: ".config/cursor/auth.json",
};

const HERMES: Manners = Manners {
    program: "hermes",
    oldest: "0.19.0",
    keys: &["OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HERMES_API_KEY"],
    elsewhere: &[],
    status: &[],
    talks: &["acp", "--check"],
    login: ".hermes/auth.json",
};

/// What keeps the programs from changing themselves or asking around while they are asked.
pub(super) const QUIET: &[(&str, &str)] = &[
    ("DISABLE_AUTOUPDATER", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
    ("HERMES_DISABLE_LAZY_INSTALLS", "1"),
];

/// Where the programs keep things, below the home.
pub(super) const DIRECTORIES: &[(&str, &str)] = &[
    ("CLAUDE_CONFIG_DIR", ".claude"),
    ("CODEX_HOME", ".codex"),
    ("HERMES_HOME", ".hermes"),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_STATE_HOME", ".local/state"),
];

/// The words of a kind of agent; none for those of which nothing is known.
pub(super) fn manners(kind: AgentKind) -> Option<&'static Manners> {
    match kind {
        AgentKind::Claude => Some(&CLAUDE),
        AgentKind::Codex => Some(&CODEX),
        AgentKind::Opencode => Some(&OPENCODE),
        AgentKind::Cursor => Some(&CURSOR),
        AgentKind::Hermes => Some(&HERMES),
        AgentKind::Acp | AgentKind::Command | AgentKind::Scripted => None,
    }
}
