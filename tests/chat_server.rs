//! The chat server of `examples/chat_server`, driven as its users drive it: over TCP.
//!
//! Most tests run its modules in this process, where the state itself says when to go on,
//! so nothing sleeps. The last ones build and start the real program.

#![cfg(all(feature = "tokio", not(loom), not(miri)))]

#[path = "../examples/chat_server/limits.rs"]
mod limits;
#[path = "../examples/chat_server/lines.rs"]
mod lines;
#[path = "../examples/chat_server/outbox.rs"]
mod outbox;
#[path = "../examples/chat_server/server.rs"]
mod server;
#[path = "../examples/chat_server/session.rs"]
mod session;
#[path = "../examples/chat_server/state.rs"]
mod state;
#[path = "../examples/chat_server/text.rs"]
mod text;

#[path = "chat_server/harness.rs"]
mod harness;
#[cfg(unix)]
#[path = "chat_server/program.rs"]
mod program;
#[path = "chat_server/shutdown.rs"]
mod shutdown;

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use harness::{Client, DEADLINE, Running, flood, numbers, position, read_until, said, within};
use limits::Limits;
use state::State;

/// G1, G3: 50 clients in five rooms say 40 lines each; everybody in a room sees all of its
/// lines exactly once, in one and the same order, and none of another room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_see_every_line_once_in_one_order() {
    within(async {
        let server = Running::start(Limits::default()).await;
        let names: Vec<_> = (0..50).map(|n| format!("c{n}")).collect();
        let mut clients = join_all(names.iter().map(|name| server.named(name))).await;
        for (n, client) in clients.iter_mut().enumerate() {
            client.say(&format!("/join room{}", n % 5)).await;
        }
        let settled = |state: &State| {
            let rooms = state.rooms();
            rooms.len() == 5 && rooms.iter().all(|(_, members)| *members == 10)
        };
        server.state.wait_for(settled).await.unwrap();

        let talks = clients.into_iter().map(|client| tokio::spawn(talk(client)));
        let seen = join_all(talks).await.into_iter().map(Result::unwrap);

        let mut orders: HashMap<usize, Vec<String>> = HashMap::new();
        for (n, lines) in seen.enumerate() {
            let order = orders.entry(n % 5).or_insert_with(|| lines.clone());
            assert_eq!(*order, lines, "members of room{} disagree", n % 5);
        }
        for (room, order) in orders {
            assert_complete(room, &order);
        }
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

const LINES_EACH: usize = 40;

/// Says its lines while it reads those of its room; leaves when it has seen them all, and
/// returns everything that was said until the connection ended.
async fn talk(client: Client) -> Vec<String> {
    let Client {
        mut lines,
        mut sink,
    } = client;
    let talking = tokio::spawn(async move {
        for k in 0..LINES_EACH {
            sink.write_all(format!("{k}\n").as_bytes()).await.unwrap();
        }
        sink
    });
    let mut seen = Vec::new();
    while seen.len() < 10 * LINES_EACH {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the server goes on");
        seen.extend(line.starts_with('<').then_some(line));
    }
    let mut client = Client {
        lines,
        sink: talking.await.unwrap(),
    };
    client.say("/quit").await;
    seen.extend(said(&client.rest().await).into_iter().map(str::to_owned));
    seen
}

fn assert_complete(room: usize, order: &[String]) {
    for n in (room..50).step_by(5) {
        let prefix = format!("<c{n}> ");
        let own: Vec<_> = order
            .iter()
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect();
        let expected: Vec<_> = (0..LINES_EACH).map(|k| k.to_string()).collect();
        assert_eq!(own, expected, "lines of c{n} in room{room}");
    }
    assert_eq!(
        order.len(),
        10 * LINES_EACH,
        "strangers spoke in room{room}"
    );
}

/// G1, G7: 20 clients want one nickname at the same time. One gets it; the `Err` of the
/// closure refuses the others and leaves their old nicknames alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nickname_has_one_owner() {
    within(async {
        let server = Running::start(Limits::default()).await;
        let mut clients = join_all((0..20).map(|_| server.client())).await;
        server.count(20).await;
        let wishes = clients.iter_mut().enumerate().map(async |(n, client)| {
            let wish = if n % 2 == 0 { "Ann" } else { "ann" };
            client.say(&format!("/nick {wish}\n/who")).await;
            let answer = client.until("-- in lobby:").await;
            answer
                .iter()
                .filter(|line| line.contains("nickname is taken"))
                .count()
        });
        let refused: Vec<_> = join_all(wishes).await;
        assert_eq!(refused.iter().sum::<usize>(), 19, "{refused:?}");

        let members = server.state.with(|state| state.members(state::LOBBY));
        assert_eq!(
            members
                .iter()
                .filter(|name| name.starts_with("guest"))
                .count(),
            19
        );
        assert!(
            members.iter().any(|name| name.eq_ignore_ascii_case("ann")),
            "{members:?}"
        );

        // The nickname of whoever leaves is free again.
        drop(clients);
        server.count(0).await;
        server.named("Ann").await;
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G3: on the way from room to room no line is lost, shown twice, or shown in the wrong one.
#[tokio::test]
async fn moving_between_rooms_loses_nothing() {
    within(async {
        let server = Running::start(Limits::default()).await;
        let mut ann = server.named("ann").await;
        let mut bob = server.named("bob").await;
        for n in 0..50 {
            ann.say(&format!("here {n}")).await;
            ann.until(&format!("<ann> here {n}")).await;
            // Said, but perhaps not yet shown to bob, who goes now.
            bob.say("/join kitchen\nthere\n/join lobby\n/who").await;
            let seen = bob.until("-- in lobby: ").await;
            let moved = position(&seen, "-- bob joined kitchen");
            let back = moved + position(&seen[moved..], "-- what was said before you came");
            assert_eq!(seen[moved - 1], format!("<ann> here {n}"), "{seen:#?}");
            assert_eq!(said(&seen[..moved]).len(), 1, "{seen:#?}");
            assert_eq!(said(&seen[moved..back]), ["<bob> there"], "{seen:#?}");
        }
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G3: what one client sends wrongly costs it that line; everybody sees the others once and
/// in order.
#[tokio::test]
async fn bad_lines_are_refused_and_hurt_nobody_else() {
    within(async {
        let server = Running::start(Limits {
            line: 100,
            ..Limits::default()
        })
        .await;
        let mut ann = server.named("ann").await;
        let mut bob = server.named("bob").await;
        let longest = "x".repeat(100);
        ann.say(&format!("{longest}\r")).await;
        ann.say(&format!("{longest}y")).await;
        ann.send(&[b'z'; 50_000]).await; // one line without an end, in many pieces
        ann.say("").await;
        ann.send(b"\xC3\x28 \xFF\xFE\n\0\n").await;
        ann.say("\x1b[31mred\x07\tand \u{202e}back\u{9b}1m").await;
        ann.say("/nick b!b\n/nick\n/nick 012345678901234567890\n/what")
            .await;
        ann.say("//last").await;

        let heard = bob.until("<ann> /last").await;
        let expected = [
            &format!("<ann> {longest}"),
            "<ann> [31mred and back1m",
            "<ann> /last",
        ];
        assert_eq!(said(&heard), expected);

        let told = ann.until("<ann> /last").await;
        let complaints: Vec<_> = told.iter().filter(|line| line.starts_with("!!")).collect();
        let expected = [
            "at most 100 bytes",
            "at most 100 bytes",
            "not UTF-8",
            "letters, digits",
        ];
        let expected = expected
            .iter()
            .chain(&["missing: /nick NAME", "20 characters", "/what"]);
        assert_eq!(
            complaints.len(),
            expected.clone().count(),
            "{complaints:#?}"
        );
        for (complaint, part) in complaints.iter().zip(expected) {
            assert!(complaint.contains(part), "{complaint} should say {part}");
        }
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G8: whoever vanishes is taken out of the state, however the connection ends.
#[tokio::test]
async fn vanished_clients_are_removed() {
    within(async {
        let server = Running::start(Limits::default()).await;
        let mut ann = server.named("ann").await;

        // Closing with unread input resets the connection.
        let mut reset = server.client().await;
        reset.say("hello").await;
        ann.until("> hello").await;
        drop(reset);
        ann.until("left: ").await;
        server.count(1).await;

        // Closing one direction is a goodbye; the last line needs no newline.
        let mut half = server.client().await;
        half.send(b"last words").await;
        half.sink.shutdown().await.unwrap();
        let rest = half.rest().await;
        assert!(
            rest.iter().any(|line| line.contains("last words")),
            "{rest:#?}"
        );
        assert_eq!(rest.last().unwrap(), "-- goodbye");
        server.count(1).await;
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G8: a silent client is asked whether it is there; one that answers stays.
#[tokio::test]
async fn silence_is_asked_about_and_then_ended() {
    within(async {
        let silent = Duration::from_millis(20);
        let patient = Limits {
            silent,
            ..Limits::default()
        };
        let server = Running::start(patient).await;
        let mut alive = server.client().await;
        for _ in 0..3 {
            alive.until("are you still there?").await;
            alive.say("").await;
        }
        assert_eq!(server.stop().await, 0);

        let strict = Limits {
            answer: silent,
            ..patient
        };
        let server = Running::start(strict).await;
        let mut dead = server.client().await;
        let lines = dead.rest().await;
        assert!(
            lines
                .iter()
                .any(|line| line.contains("are you still there?")),
            "{lines:#?}"
        );
        assert_eq!(lines.last().unwrap(), "-- no answer, goodbye");
        server.count(0).await;
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G10: a client that never reads holds nobody up and is removed.
#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    within(async {
        let stalled = Duration::from_millis(200);
        let server = Running::start(Limits {
            stalled,
            ..Limits::default()
        })
        .await;
        let _frozen = server.frozen().await;
        let mut ann = server.named("ann").await;
        let mut bob = server.named("bob").await;
        let mut heard = Vec::new();
        let mut n = 0;
        while server.state.with(|state| state.clients().size() == 3) {
            ann.say(&format!("{n} {}", "x".repeat(1000))).await;
            heard.extend(bob.until("<ann> ").await);
            ann.until("<ann> ").await;
            n += 1;
        }
        ann.say(&format!("{n} done")).await;
        heard.extend(bob.until("done").await);
        assert_eq!(numbers(&heard), (0..=n).collect::<Vec<_>>());
        position(&heard, "left: did not read in time");
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G10: a client that reads late finds the last lines of its room, without a gap to the
/// present, and is told how many it missed; in the meantime it cost no more than that.
#[tokio::test]
async fn a_late_reader_is_told_what_it_missed() {
    const SAID: u64 = 3 * state::HISTORY;
    within(async {
        let stalled = DEADLINE;
        let server = Running::start(Limits {
            stalled,
            ..Limits::default()
        })
        .await;
        let late = server.frozen().await;
        let mut ann = server.named("ann").await;
        flood(&mut ann, SAID).await;

        let mut late = Client::new(late);
        let lines = late.until(&format!("<ann> {} ", SAID - 1)).await;
        let gap = lines
            .iter()
            .position(|line| line.contains("read too slowly"))
            .expect("a gap");
        let missed: u64 = lines[gap]
            .split(' ')
            .find_map(|word| word.parse().ok())
            .unwrap();
        assert!(missed > 0);
        assert_eq!(
            numbers(&lines[..gap]),
            (0..numbers(&lines[..gap]).len() as u64).collect::<Vec<_>>()
        );
        let first = numbers(&lines[..gap]).len() as u64 + missed;
        assert_eq!(numbers(&lines[gap..]), (first..SAID).collect::<Vec<_>>());
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G10: whoever asks and asks without reading the answers is not listened to until it has
/// read, so its answers do not pile up.
#[tokio::test]
async fn answers_do_not_pile_up() {
    // More answers than the kernel and the outbox hold, fewer than there are turns below.
    const ASKED: usize = 1000;
    within(async {
        let server = Running::start(Limits {
            stalled: DEADLINE,
            ..Limits::default()
        })
        .await;
        let (source, mut sink) = server.frozen().await.into_split();
        let asking = tokio::spawn(async move {
            let questions = "/help\n".repeat(ASKED) + "/nick late\n";
            sink.write_all(questions.as_bytes()).await.unwrap();
            sink
        });
        let mut ann = server.named("ann").await;
        flood(&mut ann, 3 * state::HISTORY).await;
        let renamed = |state: &State| state.members(state::LOBBY).contains(&"late".into());
        assert!(!server.state.with(renamed), "all questions were answered");

        let mut lines = BufReader::new(source).lines();
        let answers = read_until(&mut lines, "is now known as late").await;
        let answers = answers.iter().filter(|line| line.contains("this text"));
        assert_eq!(answers.count(), ASKED);
        drop(asking.await.unwrap());
        assert_eq!(server.stop().await, 0);
    })
    .await;
}

/// G1: the limit on clients holds exactly, and a place that becomes free is given away again.
#[tokio::test]
async fn a_full_server_says_so() {
    within(async {
        let server = Running::start(Limits {
            clients: 2,
            ..Limits::default()
        })
        .await;
        let mut ann = server.named("ann").await;
        let _bob = server.named("bob").await;
        let refused = server.client().await.rest().await;
        assert_eq!(refused, ["!! the server is full, try again later"]);
        ann.say("/quit").await;
        ann.rest().await;
        server.count(1).await;
        server.named("eve").await;
        assert_eq!(server.stop().await, 0);
    })
    .await;
}
