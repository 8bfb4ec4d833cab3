//! The seats of a theatre, sold by several box offices: `update_when` waits for a free seat
//! and takes it in one step, so none is sold twice, and no office asks another.
//!
//! ```text
//! cargo run --example inventory
//! ```
//!
//! Look at the waiting list: tickets that are returned go to those who wait, in the order in
//! which they came, and one who has left the line is passed over.

use std::array;

use atomos::AtomicU32;
use futures::{future::BoxFuture, poll};
use tokio::task::{JoinHandle, JoinSet, yield_now};

const SEATS: u32 = 100;
const OFFICES: usize = 4;
const BUYERS_OF_EACH: u32 = 40;

static FREE: AtomicU32 = AtomicU32::new(SEATS);
/// Tickets in people's hands: at no moment more than there are seats.
static TICKETS: AtomicU32 = AtomicU32::new(0);
/// What each office has sold.
static SOLD: [AtomicU32; OFFICES] = [const { AtomicU32::new(0) }; OFFICES];

#[tokio::main]
async fn main() {
    sell_out().await;
    serve_the_waiting_list().await;
    assert_eq!((FREE.get(), TICKETS.get()), (0, SEATS));
}

async fn buy() {
    FREE.update_when(|free| free > 0, |free| free - 1).await;
    let tickets = TICKETS.increment_and_get();
    assert!(tickets <= SEATS, "oversold: {tickets} tickets");
}

fn give_back() {
    TICKETS.decrement_and_get();
    FREE.increment_and_get();
}

async fn sell_out() {
    let mut offices = JoinSet::new();
    for sold in &SOLD {
        offices.spawn(async {
            for _buyer in 0..BUYERS_OF_EACH {
                buy().await;
                sold.increment_and_get();
                yield_now().await;
            }
        });
    }
    FREE.wait_equal(0).await;
    // Every office that still has buyers is waiting for a seat. Ending it leaves nothing behind.
    offices.shutdown().await;

    let sold: [u32; OFFICES] = array::from_fn(|office| SOLD[office].get());
    println!("sold out: the offices have sold {sold:?}");
    assert_eq!(sold.iter().sum::<u32>(), SEATS);
}

async fn serve_the_waiting_list() {
    let mut line = Vec::new();
    for fan in 1..=6 {
        line.push(stand_in_line(fan).await);
    }
    println!("six fans wait in line; number 2 goes home");
    let tired = line.remove(1);
    tired.abort();
    assert!(tired.await.unwrap_err().is_cancelled());

    for fan in line.drain(..3) {
        give_back();
        let served = fan.await.expect("a ticket for the next in line");
        println!("a returned ticket goes to number {served}");
    }

    println!("the performance begins: the others leave without a ticket");
    for fan in line {
        assert!(!fan.is_finished());
        fan.abort();
    }
}

/// Takes a place in line, which the first poll does, and waits on in a task.
async fn stand_in_line(fan: u32) -> JoinHandle<u32> {
    let mut ticket: BoxFuture<'static, ()> = Box::pin(buy());
    assert!(poll!(&mut ticket).is_pending());
    tokio::spawn(async move {
        ticket.await;
        fan
    })
}
