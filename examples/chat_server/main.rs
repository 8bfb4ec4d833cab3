//! A chat server whose whole shared state is one [`Atom`](atomos::Atom).
//!
//! ```text
//! cargo run --example chat_server                      # on 127.0.0.1:7777
//! cargo run --example chat_server -- 127.0.0.1:0       # on a free port
//! cargo run --example chat_server -- --for 60          # ends by itself
//! nc 127.0.0.1 7777                                    # in one or two other terminals
//! ```
//!
//! Every connection is a task; there are no channels and no locks. Look at
//!
//! - `state.rs`: clients, nicknames and rooms as one immutable value, with every change a
//!   pure function from state to state. A taken nickname is refused by the closure's `Err`;
//! - `session.rs`: a client follows its room through a stream of the atom, and why that
//!   stream is the conflating one;
//! - `log.rs`: the operator's log compares the old state with the new one in a watch;
//! - `server.rs`: a graceful shutdown sets a flag in the state, waits with `wait_for` until
//!   the state has no clients, and cuts off who is left after five seconds.

mod interrupts;
mod limits;
mod lines;
mod log;
mod outbox;
mod server;
mod session;
mod state;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use limits::Limits;
use server::Server;

const DEFAULT_ADDRESS: &str = "127.0.0.1:7777";

const USAGE: &str = "\
usage: chat_server [ADDR] [--for SECONDS]

  ADDR           address and port to listen on, 127.0.0.1:7777 by default; port 0 takes a free one
  --for SECONDS  shut down gracefully after that time
  --help         this text

Ctrl-C shuts down gracefully, a second Ctrl-C at once.";

struct Options {
    address: String,
    lifetime: Option<Duration>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match parse_arguments(std::env::args().skip(1)) {
        Ok(Some(options)) => run(options).await,
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("{complaint}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// `None` when only the usage was asked for.
fn parse_arguments(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut address = None;
    let mut lifetime = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--for" => lifetime = Some(parse_seconds(words.next())?),
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            _ if address.is_some() => {
                return Err(format!("one address is enough, not also {word}"));
            }
            _ => address = Some(word),
        }
    }
    let address = address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    Ok(Some(Options { address, lifetime }))
}

fn parse_seconds(word: Option<String>) -> Result<Duration, String> {
    let word = word.ok_or("--for needs a number of seconds")?;
    let seconds = word.parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("--for needs a number of seconds, not {word}"))
}

async fn run(options: Options) -> ExitCode {
    match serve(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot listen on {}: {}", options.address, explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there already; choose another port, or port 0 for a free one"
                .to_owned()
        }
        io::ErrorKind::InvalidInput => "an address looks like 127.0.0.1:7777".to_owned(),
        _ => error.to_string(),
    }
}

async fn serve(options: &Options) -> io::Result<()> {
    // Before the address is printed: whoever has read it may already interrupt.
    let interrupts = interrupts::count()?;
    let server = Server::bind(&options.address, Limits::default()).await?;
    let address = server.address()?;
    say(&format!("chat server listening on {address}"));
    let (ip, port) = (address.ip(), address.port());
    say(&format!(
        "try it from other terminals: nc {ip} {port}   (or: telnet {ip} {port})"
    ));
    say("Ctrl-C shuts it down; below, [n] is the version of the state");
    log::attach(&server.state());

    let stop = async {
        tokio::select! {
            _ = interrupts.wait_for(|told| told.count >= 1) => {}
            () = lifetime(options.lifetime) => {}
        }
    };
    let hurry = async {
        interrupts.wait_for(|told| told.count >= 2).await;
    };
    match server.run(stop, hurry).await {
        0 => say("everybody has left"),
        1 => say("1 client had not left in time and was cut off"),
        n => say(&format!(
            "{n} clients had not left in time and were cut off"
        )),
    }
    Ok(())
}

async fn lifetime(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Unlike `println!` this does not panic when nobody reads the output.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
