//! The operator's log: a watch that prints what differs between two states.
//!
//! Nobody reports events to it. It sees every commit exactly once and in order, and derives
//! from each pair of states what has happened.

use std::io::{self, Write};

use atomos::{AtomView, Snapshot};

use super::state::{Client, ClientId, State};

/// Logs to standard output until the atom closes.
pub(crate) fn attach(state: &AtomView<State>) {
    state.add_watch("operator log", |event| {
        let version = Snapshot::version(event.new);
        for line in differences(event.old, event.new) {
            // A watch runs in whichever task has committed: that nobody reads the log any
            // more must not become a client's problem.
            let _ = writeln!(io::stdout(), "[{version}] {line}");
        }
    });
}

pub(crate) fn differences(old: &State, new: &State) -> Vec<String> {
    let mut lines = Vec::new();
    if new.is_closing() && !old.is_closing() {
        lines.push(format!("closing, {} online", new.clients().size()));
    }
    // A message leaves the very same map of clients behind: nothing to compare.
    if !old.clients().ptr_eq(new.clients()) {
        let online = new.clients().size();
        for (id, client) in new.clients() {
            lines.extend(came_or_changed(*id, old.clients().get(id), client, online));
        }
        for (id, client) in old
            .clients()
            .iter()
            .filter(|(id, _)| !new.clients().contains_key(id))
        {
            lines.push(format!(
                "- {} (#{id}) left, {online} online",
                client.nickname
            ));
        }
    }
    lines
}

fn came_or_changed(id: ClientId, old: Option<&Client>, new: &Client, online: usize) -> Vec<String> {
    let Client {
        nickname,
        room,
        address,
        ..
    } = new;
    let Some(old) = old else {
        return vec![format!(
            "+ {nickname} (#{id}) connected from {address}, {online} online"
        )];
    };
    let mut lines = Vec::new();
    if old.nickname != *nickname {
        lines.push(format!("  {} (#{id}) is now {nickname}", old.nickname));
    }
    if old.room != *room {
        lines.push(format!(
            "  {nickname} (#{id}) joined {room}, left {}",
            old.room
        ));
    }
    lines
}
