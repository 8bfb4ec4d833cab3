//! A server in this process and clients that talk to it over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use atomos::{Atom, AtomView};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::limits::Limits;
use super::server::Server;
use super::state::State;

/// No test hangs: what takes this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.expect("the test took too long")
}

/// A server in this process, and how often it has been told to stop.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) state: AtomView<State>,
    pub(crate) stops: Atom<u32>,
    pub(crate) ended: JoinHandle<usize>,
}

impl Running {
    pub(crate) async fn start(limits: Limits) -> Self {
        let server = Server::bind("127.0.0.1:0", limits).await.unwrap();
        let stops = Atom::new(0);
        let (first, second) = (stops.clone(), stops.clone());
        Running {
            address: server.address().unwrap(),
            state: server.state(),
            stops,
            ended: tokio::spawn(server.run(
                async move { drop(first.wait_for(|&n| n >= 1).await) },
                async move { drop(second.wait_for(|&n| n >= 2).await) },
            )),
        }
    }

    /// Returns when the state says that this many clients are connected.
    pub(crate) async fn count(&self, clients: usize) {
        let reached = self
            .state
            .wait_for(move |state| state.clients().size() == clients);
        reached.await.expect("the server runs");
    }

    pub(crate) async fn client(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// A client in the lobby by this name, which has seen itself arrive.
    pub(crate) async fn named(&self, nickname: &str) -> Client {
        let mut client = self.client().await;
        client.say(&format!("/nick {nickname}")).await;
        client.until(&format!("is now known as {nickname}")).await;
        client
    }

    /// A client that reads nothing, and whose kernel buffers little for it.
    pub(crate) async fn frozen(&self) -> TcpStream {
        let before = self.state.with(|state| state.clients().size());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        self.count(before + 1).await;
        stream
    }

    pub(crate) async fn stop(self) -> usize {
        self.stops.swap(|n| n + 1);
        self.ended.await.unwrap()
    }
}

pub(crate) struct Client {
    pub(crate) lines: Lines<BufReader<OwnedReadHalf>>,
    pub(crate) sink: OwnedWriteHalf,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let (source, sink) = stream.into_split();
        Client {
            lines: BufReader::new(source).lines(),
            sink,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.sink.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes()).await;
    }

    /// The next line; `None` when the server has closed the connection.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.lines.next_line().await.unwrap()
    }

    /// Reads up to the first line that contains `text`, and returns all it has read.
    pub(crate) async fn until(&mut self, text: &str) -> Vec<String> {
        read_until(&mut self.lines, text).await
    }

    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut read = Vec::new();
        while let Some(line) = self.line().await {
            read.push(line);
        }
        read
    }
}

pub(crate) async fn read_until<R>(lines: &mut Lines<BufReader<R>>, text: &str) -> Vec<String>
where
    R: AsyncRead + Unpin,
{
    let mut read = Vec::new();
    while !read.last().is_some_and(|line: &String| line.contains(text)) {
        match lines.next_line().await.unwrap() {
            Some(line) => read.push(line),
            None => panic!("waited for {text:?}, but the connection ended after {read:#?}"),
        }
    }
    read
}

/// What was said, without notices.
pub(crate) fn said(lines: &[String]) -> Vec<&str> {
    let lines = lines.iter().map(String::as_str);
    lines.filter(|line| line.starts_with('<')).collect()
}

/// Where the first line is that contains `text`.
pub(crate) fn position(lines: &[String], text: &str) -> usize {
    let found = lines.iter().position(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("{text:?} is missing in {lines:#?}"))
}

/// Says more than the kernel buffers for a frozen client.
pub(crate) async fn flood(client: &mut Client, lines: u64) {
    for n in 0..lines {
        client.say(&format!("{n} {}", "x".repeat(400))).await;
        client.until(&format!("> {n} ")).await;
    }
}

/// The first words of what was said, which are numbers.
pub(crate) fn numbers(lines: &[String]) -> Vec<u64> {
    let lines = said(lines).into_iter();
    lines
        .map(|line| line.split(' ').nth(1).unwrap().parse().unwrap())
        .collect()
}
