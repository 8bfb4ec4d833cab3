//! The listening socket, a task for each connection, and the end of it all.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use atomos::{Atom, AtomView};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::task::{JoinError, JoinSet};

use super::limits::Limits;
use super::session::Session;
use super::state::{ClientId, State};

/// What the kernel may keep for a client that does not read. Left alone it would grow to
/// megabytes before the server noticed.
const SEND_BUFFER: u32 = 64 * 1024;

const BACKLOG: u32 = 1024;

pub(crate) struct Server {
    listener: TcpListener,
    atom: Atom<State>,
    tasks: JoinSet<()>,
    last_id: ClientId,
    limits: Limits,
}

impl Server {
    pub(crate) async fn bind(address: &str, limits: Limits) -> io::Result<Self> {
        Ok(Server {
            listener: listen(address).await?,
            atom: Atom::new(State::new()),
            tasks: JoinSet::new(),
            last_id: 0,
            limits,
        })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(crate) fn state(&self) -> AtomView<State> {
        self.atom.view()
    }

    /// Serves until `stop`, then lets everybody go, or cuts them off when they are not gone
    /// in time or at `hurry`. Returns how many were cut off.
    pub(crate) async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> usize {
        tokio::select! {
            () = stop => {}
            () = self.accept_connections() => {}
        }
        // From this commit on the state itself refuses newcomers, also those whose
        // connection has been accepted already, and everybody who follows it says goodbye.
        self.atom.swap(State::close);
        let Server {
            listener,
            atom,
            tasks,
            limits,
            ..
        } = self;
        drop(listener);
        drain(&atom, tasks, limits.drain, hurry).await
    }

    async fn accept_connections(&mut self) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, address)) => self.spawn_session(socket, address),
                    Err(error) => survive(&error).await,
                },
                Some(ended) = self.tasks.join_next() => report_panic(&ended),
            }
        }
    }

    fn spawn_session(&mut self, mut socket: TcpStream, address: SocketAddr) {
        self.last_id += 1;
        let session = Session::open(&self.atom, self.last_id, address, self.limits);
        let patience = self.limits.stalled;
        self.tasks.spawn(async move {
            match session {
                Ok(session) => session.run(socket).await,
                Err(refusal) => {
                    let text = format!("!! {refusal}\n");
                    let told = socket.write_all(text.as_bytes());
                    // Whether it hears why is its own affair.
                    let _ = tokio::time::timeout(patience, told).await;
                }
            }
        });
    }
}

async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut candidates = lookup_host(address).await?;
    let address = candidates.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // On Unix this lets a restarted server have its port at once; on Windows it would let
    // two servers share one.
    socket.set_reuseaddr(cfg!(unix))?;
    // Inherited by every accepted connection.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A failed `accept` concerns one connection, or lasts until one is closed ("too many open
/// files"): the server goes on, but not in a busy loop.
async fn survive(error: &io::Error) {
    eprintln!("could not accept a connection: {error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn report_panic(ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        eprintln!("a client's task failed: {error}");
    }
}

/// Waits for the state: no client is left when it says so. Returns how many had to be cut off.
async fn drain(
    atom: &Atom<State>,
    mut tasks: JoinSet<()>,
    patience: Duration,
    hurry: impl Future<Output = ()>,
) -> usize {
    let everybody_gone = atom.wait_for(|state| state.clients().is_empty());
    let cut_off = tokio::select! {
        _ = everybody_gone => 0,
        () = tokio::time::sleep(patience) => atom.with(|state| state.clients().size()),
        () = hurry => atom.with(|state| state.clients().size()),
    };
    // An aborted task drops its session, which takes the client out of the state. And a task
    // whose client is out already may still be telling the log so: a wait can be over before
    // the watches have seen the commit that ended it.
    tasks.shutdown().await;
    atom.wait_for(|state| state.clients().is_empty()).await;
    cut_off
}
