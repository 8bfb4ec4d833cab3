//! The program itself, built by the cargo that built this test.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::{Child, ChildStdout, Command};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;

use super::harness::{Client, read_until, within};

/// Where cargo put this test says how it was asked to build: `[triple]/profile/deps`
/// below the target directory.
fn executable() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let test = std::env::current_exe().unwrap();
    let folders = test
        .strip_prefix(target)
        .unwrap()
        .parent()
        .unwrap()
        .parent()
        .unwrap();
    let profile = folders.file_name().unwrap().to_str().unwrap();
    let profile = if profile == "debug" { "dev" } else { profile };
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("build")
        .arg("--offline");
    cargo.args(["--quiet", "--example", "chat_server", "--profile", profile]);
    cargo.arg("--target-dir").arg(target);
    if let Some(triple) = folders.parent().filter(|triple| *triple != Path::new("")) {
        cargo.arg("--target").arg(triple);
    }
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    target.join(folders).join("examples/chat_server")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(executable());
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn output(arguments: &[&str]) -> Output {
    command(arguments).output().await.unwrap()
}

async fn interrupt(child: &Child) {
    let id = child.id().expect("it runs").to_string();
    let sent = Command::new("kill")
        .args(["-INT", &id])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
}

type Log = Lines<BufReader<ChildStdout>>;

async fn start() -> (Child, Log, String) {
    let mut child = command(&["127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let banner = read_until(&mut log, "listening on").await;
    let address = banner[0].rsplit(' ').next().unwrap().to_owned();
    (child, log, address)
}

/// G2, G3, G4: Ctrl-C with clients connected says goodbye to them, logs all that
/// happened in order, and exits with success.
#[tokio::test]
async fn an_interrupt_shuts_down_gracefully() {
    within(async {
        let (mut child, mut log, address) = start().await;
        let mut ann = Client::new(TcpStream::connect(&address).await.unwrap());
        ann.say("/nick ann").await;
        ann.until("is now known as ann").await;
        let mut bob = Client::new(TcpStream::connect(&address).await.unwrap());
        bob.say("/join kitchen").await;
        bob.until("joined kitchen").await;
        ann.say("/quit").await;
        ann.rest().await;
        let seen = read_until(&mut log, "left, 1 online").await;

        interrupt(&child).await;
        let goodbye = bob.rest().await;
        assert_eq!(
            goodbye.last().unwrap(),
            "-- the server is shutting down, goodbye"
        );
        assert_eq!(child.wait().await.unwrap().code(), Some(0));

        let seen = [seen, read_until(&mut log, "everybody has left").await].concat();
        let mut seen = seen.iter();
        for event in [
            "+ guest1 (#1) connected from 127.0.0.1:",
            "guest1 (#1) is now ann",
            "+ guest2 (#2) connected",
            "guest2 (#2) joined kitchen, left lobby",
            "- ann (#1) left, 1 online",
            "closing, 1 online",
            "- guest2 (#2) left, 0 online",
            "everybody has left",
        ] {
            assert!(
                seen.any(|line| line.contains(event)),
                "{event:?} is missing in the log"
            );
        }
    })
    .await;
}

/// G4: it ends by itself when told to, without anybody to wait for, and says what is wrong
/// instead of panicking.
#[tokio::test]
async fn exit_codes_and_complaints() {
    within(async {
        let done = output(&["127.0.0.1:0", "--for", "0.01"]).await;
        assert_eq!(done.status.code(), Some(0));

        let (child, _log, address) = start().await;
        let taken = output(&[&address]).await;
        assert_eq!(taken.status.code(), Some(1));
        let complaint = String::from_utf8(taken.stderr).unwrap();
        assert!(
            complaint.contains("another program listens there"),
            "{complaint}"
        );
        drop(child);

        let usage = output(&["--help"]).await;
        assert_eq!(usage.status.code(), Some(0));
        assert!(
            String::from_utf8(usage.stdout)
                .unwrap()
                .starts_with("usage:")
        );
        for wrong in [["--for", "soon"], ["--what", ""], ["a", "b"]] {
            assert_eq!(output(&wrong).await.status.code(), Some(2), "{wrong:?}");
        }
    })
    .await;
}
