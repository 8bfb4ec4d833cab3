//! The end of the server: whom it waits for, and for how long.

use std::time::Duration;

use atomos::Atom;
use futures::future::join_all;
use tokio::net::TcpStream;

use super::harness::{Client, DEADLINE, Running, flood, within};
use super::limits::Limits;
use super::server::Server;
use super::state;

/// G2, G4: a shutdown says goodbye, admits nobody, and ends when the state has no clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_until_everybody_is_gone() {
    within(async {
        let server = Running::start(Limits {
            drain: DEADLINE,
            ..Limits::default()
        })
        .await;
        let (address, state) = (server.address, server.state.clone());
        let mut clients = join_all((0..50).map(|_| server.client())).await;
        server.count(50).await;
        assert_eq!(server.stop().await, 0);
        for client in &mut clients {
            let lines = client.rest().await;
            assert_eq!(
                lines.last().unwrap(),
                "-- the server is shutting down, goodbye"
            );
        }
        assert!(state.with(|state| state.clients().is_empty() && state.rooms().is_empty()));
        assert!(state.is_closed(), "a task still holds the atom");
        assert!(TcpStream::connect(address).await.is_err());
    })
    .await;
}

/// G8: who is not gone by the deadline, or when the operator insists, is cut off; the state
/// is empty all the same.
#[tokio::test]
async fn a_shutdown_cuts_off_who_does_not_go() {
    within(async {
        for (drain, stops) in [(Duration::from_millis(50), 1), (DEADLINE, 2)] {
            let limits = Limits {
                drain,
                stalled: DEADLINE,
                ..Limits::default()
            };
            let server = Running::start(limits).await;
            let _frozen = server.frozen().await;
            let mut ann = server.named("ann").await;
            flood(&mut ann, 2 * state::HISTORY).await;
            let state = server.state.clone();
            server.stops.reset(1);
            ann.until("shutting down").await;
            server.stops.reset(stops);
            assert_eq!(
                server.ended.await.unwrap(),
                1,
                "only the frozen client was cut off"
            );
            assert!(state.with(|state| state.clients().is_empty()));
        }
    })
    .await;
}

/// G3: the server has not ended before the watches have been told that the last client is
/// gone, so that the operator's log is complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_for_the_log() {
    within(async {
        let server = Server::bind("127.0.0.1:0", Limits::default())
            .await
            .unwrap();
        let (stop, ended) = (Atom::new(false), Atom::new(false));
        let overtaken = Atom::new(None);
        server.state().add_watch("slow log", {
            let (ended, overtaken) = (ended.clone(), overtaken.clone());
            move |event| {
                if event.new.is_closing() && event.new.clients().is_empty() {
                    let early = ended.blocking_wait_for_timeout(|&ended| ended, PATIENCE);
                    overtaken.reset(Some(early.is_some()));
                }
            }
        });
        let socket = TcpStream::connect(server.address().unwrap()).await.unwrap();
        let client = tokio::spawn(one_visit(socket, stop.clone()));

        // On the thread of the test and not on a worker's, which the watch holds up.
        let stopped = async move { drop(stop.wait_for(|&stop| stop).await) };
        assert_eq!(server.run(stopped, std::future::pending()).await, 0);
        ended.reset(true);
        assert!(!overtaken.wait_map(|overtaken| *overtaken).await);
        client.await.unwrap();
    })
    .await;
}

/// How long a watch waits for what must not happen in the meantime.
const PATIENCE: Duration = Duration::from_millis(100);

async fn one_visit(socket: TcpStream, stop: Atom<bool>) {
    let mut client = Client::new(socket);
    client.until("joined lobby").await;
    stop.reset(true);
    client.rest().await;
}
