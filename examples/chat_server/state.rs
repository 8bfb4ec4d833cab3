//! The whole shared state of the server as one immutable value.
//!
//! Every method that changes something returns the next state and leaves this one as it
//! was, so it can be the closure of a `swap` that runs several times. The collections share
//! their structure: a copy costs a few reference counts, a change a few nodes.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rpds::{HashTrieMapSync, VectorSync};

/// Where everybody starts.
pub(crate) const LOBBY: &str = "lobby";

/// Lines a room keeps. A follower further behind than this is told how many it missed.
pub(crate) const HISTORY: u64 = 1024;

/// Lines from before one's time that are shown to whoever enters a room.
pub(crate) const REPLAY: u64 = 10;

pub(crate) type ClientId = u64;

#[derive(Clone)]
pub(crate) struct State {
    clients: HashTrieMapSync<ClientId, Client>,
    /// Nicknames in lower case, so that `Ann` and `ann` cannot both be here.
    nicknames: HashTrieMapSync<String, ClientId>,
    /// Only rooms with somebody in them: there are never more rooms than clients.
    rooms: HashTrieMapSync<Arc<str>, Room>,
    seats_given: u64,
    closing: bool,
}

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) nickname: Arc<str>,
    pub(crate) room: Arc<str>,
    pub(crate) address: SocketAddr,
    /// Where its reading of the room begins.
    entered: Position,
    /// How many lines from before its time it reads first.
    replayed: u64,
}

/// How far somebody has read in a room: all a reader, however slow, costs the server.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    /// One stay of one client in one room. Numbers of lines mean something only inside it:
    /// a room that was left empty and opened again counts from the start.
    seat: u64,
    next_line: u64,
}

/// A bounded history: line `n` is at index `n % HISTORY` until line `n + HISTORY` is said.
#[derive(Clone)]
struct Room {
    members: usize,
    lines_said: u64,
    lines: VectorSync<Arc<str>>,
}

/// Why a change was refused; the state is then as it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NicknameTaken,
    ServerFull,
    Closing,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NicknameTaken => "that nickname is taken, choose another",
            Refusal::ServerFull => "the server is full, try again later",
            Refusal::Closing => "the server is shutting down",
        })
    }
}

impl State {
    pub(crate) fn new() -> Self {
        State {
            clients: HashTrieMapSync::new_sync(),
            nicknames: HashTrieMapSync::new_sync(),
            rooms: HashTrieMapSync::new_sync(),
            seats_given: 0,
            closing: false,
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn clients(&self) -> &HashTrieMapSync<ClientId, Client> {
        &self.clients
    }

    /// The names and sizes of the rooms, in alphabetical order.
    pub(crate) fn rooms(&self) -> Vec<(Arc<str>, usize)> {
        let rooms = self.rooms.iter();
        let mut rooms: Vec<_> = rooms.map(|(name, r)| (name.clone(), r.members)).collect();
        rooms.sort();
        rooms
    }

    /// The nicknames in a room, in alphabetical order.
    pub(crate) fn members(&self, room: &str) -> Vec<Arc<str>> {
        let here = self.clients.values().filter(|c| *c.room == *room);
        let mut nicknames: Vec<_> = here.map(|c| c.nickname.clone()).collect();
        nicknames.sort();
        nicknames
    }

    // The changes.

    pub(crate) fn close(&self) -> Self {
        let mut next = self.clone();
        next.closing = true;
        next
    }

    /// A new client, with a free nickname, in the lobby.
    pub(crate) fn connect(
        &self,
        id: ClientId,
        address: SocketAddr,
        limit: usize,
    ) -> Result<Self, Refusal> {
        if self.closing {
            return Err(Refusal::Closing);
        }
        if self.clients.size() >= limit {
            return Err(Refusal::ServerFull);
        }
        let mut next = self.clone();
        let nickname = self.free_nickname(id);
        next.nicknames.insert_mut(fold(&nickname), id);
        next.enter(id, nickname.into(), address, LOBBY);
        Ok(next)
    }

    pub(crate) fn disconnect(&self, id: ClientId, reason: &str) -> Self {
        let mut next = self.clone();
        if let Some(client) = self.clients.get(&id) {
            next.leave(
                &client.room,
                &format!("-- {} left: {reason}", client.nickname),
            );
            next.nicknames.remove_mut(&fold(&client.nickname));
            next.clients.remove_mut(&id);
        }
        next
    }

    pub(crate) fn rename(&self, id: ClientId, nickname: &str) -> Result<Self, Refusal> {
        let mut next = self.clone();
        let Some(client) = next.clients.get_mut(&id) else {
            return Ok(next);
        };
        if self
            .nicknames
            .get(&fold(nickname))
            .is_some_and(|&owner| owner != id)
        {
            return Err(Refusal::NicknameTaken);
        }
        let old = std::mem::replace(&mut client.nickname, nickname.into());
        let room = client.room.clone();
        next.nicknames.remove_mut(&fold(&old));
        next.nicknames.insert_mut(fold(nickname), id);
        next.announce(&room, format!("-- {old} is now known as {nickname}"));
        Ok(next)
    }

    pub(crate) fn join(&self, id: ClientId, room: &str) -> Self {
        let mut next = self.clone();
        if let Some(client) = self.clients.get(&id) {
            next.leave(
                &client.room,
                &format!("-- {} went to {room}", client.nickname),
            );
            next.enter(id, client.nickname.clone(), client.address, room);
        }
        next
    }

    /// Says `text` in the client's room; `render` puts its nickname and the text together.
    pub(crate) fn say(&self, id: ClientId, render: impl Fn(&str) -> String) -> Self {
        let mut next = self.clone();
        if let Some(client) = self.clients.get(&id) {
            next.announce(&client.room, render(&client.nickname));
        }
        next
    }

    // Reading a room.

    /// Where a client starts to read in the room it is in now, and how many of the first
    /// lines there are from before its time.
    pub(crate) fn entered(&self, id: ClientId) -> Option<(Position, u64)> {
        let client = self.clients.get(&id)?;
        Some((client.entered, client.replayed))
    }

    /// The next line for a reader at `position`, which moves past it, and how many lines
    /// before that one the room no longer has.
    pub(crate) fn read(&self, id: ClientId, position: &mut Position) -> Option<(u64, Arc<str>)> {
        let client = self.clients.get(&id)?;
        if client.entered.seat != position.seat {
            return None; // a state from before the reader's last move
        }
        let room = self.rooms.get(&client.room)?;
        let number = position.next_line.max(room.oldest());
        let line = room.line(number)?;
        let missed = number - position.next_line;
        position.next_line = number + 1;
        Some((missed, line))
    }

    // Pieces of changes, on a state that nobody else has seen yet.

    fn free_nickname(&self, id: ClientId) -> String {
        let guests = (id..).map(|n| format!("guest{n}"));
        let mut free = guests.filter(|name| !self.nicknames.contains_key(name));
        free.next().expect("there are fewer clients than numbers")
    }

    fn enter(&mut self, id: ClientId, nickname: Arc<str>, address: SocketAddr, name: &str) {
        let mut room = self.rooms.get(name).cloned().unwrap_or_else(Room::new);
        room.members += 1;
        self.seats_given += 1;
        let replayed = room.lines_said.min(REPLAY);
        let entered = Position {
            seat: self.seats_given,
            next_line: room.lines_said - replayed,
        };
        room.push(format!("-- {nickname} joined {name}").into());
        let name: Arc<str> = name.into();
        self.rooms.insert_mut(name.clone(), room);
        let client = Client {
            nickname,
            room: name,
            address,
            entered,
            replayed,
        };
        self.clients.insert_mut(id, client);
    }

    fn leave(&mut self, name: &Arc<str>, notice: &str) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        room.members -= 1;
        room.push(notice.into());
        if room.members == 0 {
            self.rooms.remove_mut(name);
        }
    }

    fn announce(&mut self, name: &Arc<str>, line: String) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.push(line.into());
        }
    }
}

impl Room {
    fn new() -> Self {
        Room {
            members: 0,
            lines_said: 0,
            lines: VectorSync::new_sync(),
        }
    }

    fn oldest(&self) -> u64 {
        self.lines_said.saturating_sub(HISTORY)
    }

    fn line(&self, number: u64) -> Option<Arc<str>> {
        let said = number < self.lines_said;
        said.then(|| self.lines[(number % HISTORY) as usize].clone())
    }

    fn push(&mut self, line: Arc<str>) {
        if self.lines_said < HISTORY {
            self.lines.push_back_mut(line);
        } else {
            self.lines
                .set_mut((self.lines_said % HISTORY) as usize, line);
        }
        self.lines_said += 1;
    }
}

fn fold(nickname: &str) -> String {
    nickname.to_lowercase()
}
