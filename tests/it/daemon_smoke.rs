use enact_factory::config::{environment::Defaults, load::load};
use enact_factory::daemon::{Daemon, Setup};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tokio_util::sync::CancellationToken;

fn git(dir: &Path, args: &[&str]) {
    let out = Command::new("git").current_dir(dir).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?} {}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn smoke() {
    let temp = tempfile::tempdir().unwrap().keep();
    println!("{}", temp.display());
    let repo = temp.join("repo");
    fs::create_dir_all(&repo).unwrap();
    git(&repo, &["init", "-q", "-b", "main"]);
    git(
        &repo,
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "init",
        ],
    );
    let items = temp.join("items");
    fs::create_dir_all(&items).unwrap();
    fs::write(items.join("A-1.md"), "+++\ntitle = \"First\"\n+++\nDo it\n").unwrap();
    fs::write(
        items.join("B-2.md"),
        "+++\ntitle = \"Second\"\nblocked_by = [\"A-1\"]\n+++\nDo it too\n",
    )
    .unwrap();
    let config = temp.join("config.toml");
    fs::write(&config, format!("[daemon]\nstate_dir = \"{0}/state\"\npoll_interval_ms = 200\n[autonomous]\nenabled = true\n[autonomous.default_stages.coder]\nadapter = \"sh\"\n[autonomous.default_stages.critic]\nadapter = \"sh\"\n[agents.sh]\nkind = \"command\"\nprogram = \"/tmp/smoke/agent.sh\"\nread_only_enforced = true\n[local]\ndirectory = \"{0}/items\"\n[[projects]]\nname = \"demo\"\npath = \"{0}/repo\"\ndelivery = \"merge\"\nchecks = [\"true\"]\n", temp.display())).unwrap();
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let loaded = load(&config, &env, &Defaults { cwd: temp.clone(), home: Some(temp.clone()) })
        .unwrap_or_else(|r| panic!("{r}"));
    let setup = Setup { settings: loaded.settings, environment: env, program: "/bin/false".into() };
    tracing_subscriber::fmt().with_env_filter("debug").init();
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let daemon = Daemon::open(&setup).await.unwrap();
        let handle = daemon.handle();
        let stop = CancellationToken::new();
        let s2 = stop.clone();
        let watch = async move {
            for _ in 0..60 {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                let status = handle.status().await.unwrap();
                for i in &status.items {
                    println!("{} {} {} | {}", i.id, i.status, i.state, i.decision);
                }
                for r in &status.runs {
                    println!("   run {} {} round {} {:?}", r.short, r.phase, r.round, r.waiting);
                }
                if !status.items.is_empty() && status.items.iter().all(|i| i.state == "Done") {
                    break;
                }
            }
            s2.cancel();
        };
        let (ended, ()) = tokio::join!(daemon.run(stop), watch);
        ended.unwrap();
    });
    git(&repo, &["log", "--oneline", "--graph", "main"]);
    println!(
        "{}",
        String::from_utf8_lossy(
            &Command::new("git")
                .current_dir(&repo)
                .args(["log", "--oneline", "--graph", "main"])
                .output()
                .unwrap()
                .stdout
        )
    );
    println!("{}", fs::read_to_string(items.join("B-2.md")).unwrap());
}
