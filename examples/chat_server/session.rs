//! One client: a task that reads what it types and shows it what its room says.
//!
//! # How a client follows its room
//!
//! Through `snapshots()`, the conflating stream of the atom, with the number of the next
//! line to show. Each snapshot holds the last lines of the room, numbered, so whatever was
//! said between two looks is found in the second: nothing is missed although states are
//! skipped. The stream is polled only when all earlier output has been sent, so a client
//! that does not read costs a number and an outbox of bounded size.
//!
//! Every commit wakes every client, which then finds nothing new in two look-ups. A server
//! with very many rooms would `wait_map` for "my room has line n" and be woken for no other.
//!
//! A lossless `changes()` would queue every commit of every room for it without bound; a
//! `changes_bounded(n)` would keep n whole states alive for each slow client, count commits
//! of *other* rooms against n, and after a `Lagged` would need this same numbering to go on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use atomos::{Atom, Change};
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::limits::Limits;
use super::lines::{Input, LineReader};
use super::outbox::Outbox;
use super::state::{Client, ClientId, LOBBY, Position, Refusal, State};
use super::text::{self, Command};

/// A client is in the state for as long as its `Session` exists, however that ends.
pub(crate) struct Session {
    atom: Atom<State>,
    id: ClientId,
    limits: Limits,
    position: Position,
    outbox: Outbox,
    /// The room had more to show than went into the outbox.
    behind: bool,
    heard: Instant,
    asked: bool,
    /// To be closed as soon as the outbox is empty.
    leaving: bool,
    /// Why the client left, for its room.
    farewell: &'static str,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.atom
            .swap(|state| state.disconnect(self.id, self.farewell));
    }
}

impl Session {
    pub(crate) fn open(
        atom: &Atom<State>,
        id: ClientId,
        address: SocketAddr,
        limits: Limits,
    ) -> Result<Self, Refusal> {
        let state = atom.try_swap(|state| state.connect(id, address, limits.clients))?;
        let (position, replayed) = state.entered(id).expect("it has just been connected");
        let mut session = Session {
            atom: atom.clone(),
            id,
            limits,
            position,
            outbox: Outbox::new(limits.stalled),
            behind: false,
            heard: Instant::now(),
            asked: false,
            leaving: false,
            farewell: "connection lost",
        };
        session.greet(&state.clients()[&id].nickname);
        session.announce_replay(replayed);
        Ok(session)
    }

    /// Ends when the client has left, was too slow, or the connection broke.
    pub(crate) async fn run(mut self, mut socket: TcpStream) {
        let ending = self.converse(&mut socket).await;
        if ending.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            self.farewell = "did not read in time";
        }
    }

    async fn converse(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        let (source, mut sink) = socket.split();
        let mut lines = LineReader::new(source, self.limits.line);
        let mut snapshots = self.atom.snapshots();
        while !(self.leaving && self.outbox.is_empty()) {
            let nothing_to_send = self.outbox.is_empty();
            let listening = !self.leaving && !self.outbox.is_full();
            let silence = self.end_of_silence();
            tokio::select! {
                sent = self.outbox.send(&mut sink), if !nothing_to_send => sent?,
                Some(state) = snapshots.next(), if nothing_to_send => self.show(&state),
                input = lines.next(), if listening => {
                    self.hear(input?);
                    // One line a turn: a burst of one client must not outrun the others.
                    tokio::task::yield_now().await;
                }
                () = sleep_until(silence), if !self.leaving => self.break_silence(),
            }
            if self.behind && self.outbox.is_empty() {
                let state = self.atom.load();
                self.show(&state);
            }
        }
        sink.shutdown().await?;
        discard_input(socket);
        Ok(())
    }

    fn end_of_silence(&self) -> Instant {
        let answer = if self.asked {
            self.limits.answer
        } else {
            Duration::ZERO
        };
        self.heard + self.limits.silent + answer
    }

    fn break_silence(&mut self) {
        if self.asked {
            return self.leave("-- no answer, goodbye", "no sign of life");
        }
        self.asked = true;
        let seconds = self.limits.answer.as_secs_f32().ceil();
        self.outbox.push(&format!(
            "-- are you still there? press Enter within {seconds} seconds"
        ));
    }

    fn leave(&mut self, goodbye: &str, farewell: &'static str) {
        self.outbox.push(goodbye);
        self.farewell = farewell;
        self.leaving = true;
    }

    // From the state to the client.

    fn greet(&mut self, nickname: &str) {
        self.outbox.push(&format!(
            "-- welcome, you are {nickname} in the room {LOBBY}"
        ));
        self.outbox
            .push("-- /nick NAME changes your name, /help shows the rest");
    }

    fn announce_replay(&mut self, lines: u64) {
        if lines > 0 {
            self.outbox
                .push(&format!("-- what was said before you came, last {lines}:"));
        }
    }

    /// Shows what the client has not seen yet: as much as the outbox takes.
    fn show(&mut self, state: &State) {
        self.show_while(state, |outbox| !outbox.is_full());
        if state.is_closing() && !self.leaving && !self.behind {
            self.leave(
                "-- the server is shutting down, goodbye",
                "server shut down",
            );
        }
    }

    fn show_while(&mut self, state: &State, room_for_more: impl Fn(&Outbox) -> bool) {
        self.behind = true;
        while room_for_more(&self.outbox) {
            let Some((missed, line)) = state.read(self.id, &mut self.position) else {
                self.behind = false;
                return;
            };
            if missed > 0 {
                self.outbox
                    .push(&format!("!! you read too slowly and missed {missed} lines"));
            }
            self.outbox.push(&line);
        }
    }

    // From the client to the state.

    fn hear(&mut self, input: Input) {
        self.heard = Instant::now();
        self.asked = false;
        match input {
            Input::Line(line) => match text::parse(&line) {
                Ok(command) => self.obey(command),
                Err(complaint) => self.complain(&complaint),
            },
            Input::TooLong => self.complain(&format!(
                "a line has at most {} bytes; yours was not sent",
                self.limits.line
            )),
            Input::NotUtf8 => self.complain("that line was not UTF-8 text and was not sent"),
            Input::End => self.quit(),
        }
    }

    fn complain(&mut self, complaint: &str) {
        self.outbox.push(&format!("!! {complaint}"));
    }

    fn obey(&mut self, command: Command) {
        let id = self.id;
        match command {
            Command::Say(text) => {
                self.atom
                    .swap(|state| state.say(id, |nickname| format!("<{nickname}> {text}")));
            }
            Command::Emote(text) => {
                self.atom
                    .swap(|state| state.say(id, |nickname| format!("* {nickname} {text}")));
            }
            Command::Nick(nickname) => self.rename(&nickname),
            Command::Join(room) => self.join(&room),
            Command::Rooms => self.list_rooms(),
            Command::Who => self.list_members(),
            Command::Help => text::HELP.iter().for_each(|line| self.outbox.push(line)),
            Command::Quit => self.quit(),
            Command::Nothing => {}
        }
    }

    fn rename(&mut self, nickname: &str) {
        if self.client(|client| *client.nickname == *nickname) == Some(true) {
            return self.complain(&format!("you are {nickname} already"));
        }
        // Two clients may ask for the same name at once: the closure decides, on the very
        // state it changes, so one of them is refused.
        let renamed = self.atom.try_swap(|state| state.rename(self.id, nickname));
        if let Err(refusal) = renamed {
            self.complain(&refusal.to_string());
        }
    }

    fn join(&mut self, room: &str) {
        if self.client(|client| *client.room == *room) == Some(true) {
            return self.complain(&format!("you are in {room} already"));
        }
        // `old` is the very last state with the client in the old room, and `new` the first
        // with it in the new one: between the two no line can be lost or shown twice.
        let Change { old, new } = self.atom.swap_vals(|state| state.join(self.id, room));
        self.show_while(&old, |_| true);
        let (position, replayed) = new
            .entered(self.id)
            .expect("it stays until its session ends");
        self.position = position;
        self.announce_replay(replayed);
        self.show(&new);
    }

    fn quit(&mut self) {
        let state = self.atom.load();
        self.show_while(&state, |_| true);
        self.leave("-- goodbye", "quit");
    }

    fn list_rooms(&mut self) {
        for (name, members) in self.atom.with(State::rooms) {
            self.outbox.push(&format!("-- {name} ({members})"));
        }
    }

    fn list_members(&mut self) {
        let Some(room) = self.client(|client| client.room.clone()) else {
            return;
        };
        let members = self.atom.with(|state| state.members(&room));
        self.outbox
            .push(&format!("-- in {room}: {}", members.join(", ")));
    }

    /// Something about this client; only its own task changes it.
    fn client<R>(&self, f: impl FnOnce(&Client) -> R) -> Option<R> {
        self.atom.with(|state| state.clients().get(&self.id).map(f))
    }
}

/// Closing a socket with unread input resets the connection, and the reset could reach the
/// client before the goodbye does.
fn discard_input(socket: &TcpStream) {
    let mut chunk = [0; 1024];
    while socket.try_read(&mut chunk).is_ok_and(|n| n > 0) {}
}
