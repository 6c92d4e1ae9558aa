//! `git`: the few subcommands that only read, for turns without a shell. Executed without one.
//!
//! What is allowed is listed, options included: some options of harmless subcommands write files or run programs, and
//! git understands any unambiguous beginning of an option.

use std::ffi::OsString;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::process::capture::{Capture, Captured};

use super::shell::complaint;
use super::{Bench, Complaint, Description};

const PATIENCE: Duration = Duration::from_secs(60);

/// Subcommands that read, and nothing but the repository.
const SUBCOMMANDS: &[&str] = &[
    "diff",
    "log",
    "ls-files",
    "ls-tree",
    "merge-base",
    "rev-list",
    "rev-parse",
    "show",
    "status",
];

/// Options that stand as they are.
const OPTIONS: &[&str] = &[
    "--",
    "--abbrev-commit",
    "--all",
    "--cached",
    "--count",
    "--decorate",
    "--first-parent",
    "--follow",
    "--graph",
    "--is-ancestor",
    "--merge-base",
    "--merges",
    "--name-only",
    "--name-status",
    "--no-color",
    "--no-merges",
    "--no-patch",
    "--no-renames",
    "--numstat",
    "--oneline",
    "--patch",
    "--porcelain",
    "--reverse",
    "--short",
    "--shortstat",
    "--staged",
    "--stat",
    "--summary",
    "--word-diff",
    "-M",
    "-C",
    "-b",
    "-l",
    "-p",
    "-r",
    "-s",
    "-t",
    "-u",
    "-w",
    "-z",
    "--ignore-all-space",
    "--others",
    "--exclude-standard",
    "--abbrev-ref",
    "--verify",
];

/// Options with a value behind `=`, or directly behind the letter.
const WITH_VALUE: &[&str] = &[
    "--after=",
    "--author=",
    "--before=",
    "--diff-filter=",
    "--format=",
    "--grep=",
    "--max-count=",
    "--pretty=",
    "--since=",
    "--unified=",
    "--until=",
    "--stat=",
    "--date=",
    "-U",
    "-n",
    "-L",
    "-S",
    "-G",
];

/// Settings under which git runs no program of anybody's choice and takes no locks.
const SETTINGS: &[&str] = &[
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "diff.external=",
    "-c",
    "color.ui=false",
];

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    args: Vec<String>,
}

pub(super) fn describe() -> Description {
    let text = format!(
        "Run git without a shell; for example args [\"log\", \"--oneline\", \"-n5\"]. Only what reads: {}.",
        SUBCOMMANDS.join(", ")
    );
    let args = json!({ "type": "array", "items": { "type": "string" }, "description": "without the word git" });
    (text, vec!["args"], json!({ "args": args }))
}

pub(super) async fn run(bench: &Bench, arguments: &Arguments) -> Result<String, Complaint> {
    let args = allowed(&arguments.args)?;
    let captured = execute(bench, &args, bench.most).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&captured.stdout), text(&captured.stderr));
    Ok(match captured.exit.code {
        Some(0) if out.is_empty() => "(no output)".to_owned(),
        Some(0) => out,
        Some(code) => format!("exit code {code}\n{out}{err}"),
        None => format!("git did not end by itself\n{out}{err}"),
    })
}

/// Whether the worktree differs from its last commit.
pub(super) async fn is_changed(bench: &Bench) -> Option<bool> {
    let captured = execute(bench, &["status", "--porcelain", "-z"], 4096).await.ok()?;
    captured.succeeded().then_some(!captured.stdout.is_empty())
}

/// Files of the worktree that git tracks or would track; `None` when there is no repository.
pub(super) async fn files(bench: &Bench) -> Option<Vec<String>> {
    const LONGEST_LIST: usize = 16 * 1024 * 1024;
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let captured = execute(bench, &args, LONGEST_LIST).await.ok()?;
    if !captured.succeeded() || captured.truncated {
        return None;
    }
    let names = captured.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Some(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

async fn execute(bench: &Bench, args: &[&str], most: usize) -> Result<Captured, Complaint> {
    let mut env = bench.environment.clone();
    for (name, value) in [
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_PAGER", "cat"),
        ("GIT_LITERAL_PATHSPECS", "1"),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    let capture = Capture {
        program: "git".into(),
        args: SETTINGS.iter().chain(args).map(OsString::from).collect(),
        cwd: bench.place.root().to_owned(),
        env,
        stdin: None,
        timeout: PATIENCE,
        max_output: most,
    };
    capture.run(&bench.cancel).await.map_err(|error| complaint(&error))
}

fn allowed(args: &[String]) -> Result<Vec<&str>, Complaint> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let args = args.strip_prefix(&["git"]).unwrap_or(&args);
    let (Some(subcommand), rest) = (args.first(), args.get(1..).unwrap_or_default()) else {
        return Err(Complaint::new("denied: no subcommand"));
    };
    if !SUBCOMMANDS.contains(subcommand) {
        let list = SUBCOMMANDS.join(", ");
        return Err(Complaint(format!("denied: git {subcommand} is none of {list}")));
    }
    if let Some(denied) = rest.iter().find(|arg| !is_allowed(arg)) {
        return Err(Complaint(format!(
            "denied: {denied:?}. Options are {}, {}…; paths stay inside of the worktree",
            OPTIONS.join(" "),
            WITH_VALUE.join("… ")
        )));
    }
    let mut allowed = vec![*subcommand];
    if ["diff", "log", "show"].contains(subcommand) {
        allowed.extend(["--no-ext-diff", "--no-textconv"]);
    }
    allowed.extend(rest);
    Ok(allowed)
}

fn is_allowed(arg: &str) -> bool {
    if arg.contains('\0') {
        return false;
    }
    if let Some(option) = arg.strip_prefix('-') {
        let is_count = !option.is_empty() && option.bytes().all(|byte| byte.is_ascii_digit());
        return is_count
            || OPTIONS.contains(&arg)
            || WITH_VALUE.iter().any(|option| arg.starts_with(option) && arg.len() > option.len());
    }
    // Two paths of which one is outside make `git diff` compare files anywhere.
    !arg.starts_with(['/', '~']) && !arg.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::allowed;

    fn is_allowed(text: &str) -> bool {
        allowed(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn what_reads_is_allowed() {
        for line in [
            "log --oneline -n5",
            "git log -3",
            "diff main..HEAD --stat -- src/lib.rs",
            "show HEAD~2:a/b.rs",
            "diff origin/main...HEAD",
            "status --short",
            "ls-files",
            "rev-parse HEAD",
            "log --since=yesterday -Sneedle",
        ] {
            assert!(is_allowed(line), "{line}");
        }
    }

    #[test]
    fn what_writes_runs_programs_or_leaves_the_worktree_is_denied() {
        for line in [
            "commit -m x",
            "push",
            "checkout main",
            "config user.name x",
            "-c alias.x=!sh log",
            "diff --output=x",
            "diff --outp=x",
            "log --ext-diff",
            "show --textconv",
            "diff --no-index a b",
            "diff a /etc/passwd",
            "diff a ../../x",
            "log -Oorder",
            "grep -O x",
            "--git-dir=/x log",
            "log --exec=x",
            "",
            "diff --no-i a b",
            "worktree add x",
            "stash",
            "show --output x",
            "log -",
        ] {
            assert!(!is_allowed(line), "{line}");
        }
    }
}
