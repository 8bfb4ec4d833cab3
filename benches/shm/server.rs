//! How it is done without shared memory: a process holds the value and a lock, and is asked
//! through a socket. To change the value is to be given it with the lock, and to give both back.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Mutex;
use std::thread;

use crate::children::Folder;
use crate::value::filled;

const LOAD: u8 = 0;
const LOCK: u8 = 1;

pub(crate) fn serve(folder: &Folder, len: usize) {
    let listener = UnixListener::bind(folder.path("socket")).expect("a socket");
    let value = Mutex::new(filled(len));
    thread::scope(|scope| {
        for client in listener.incoming() {
            // A client that has gone is no error.
            scope.spawn(|| attend(client?, &value));
        }
    });
}

fn attend(mut client: UnixStream, value: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut verb = [0];
    loop {
        client.read_exact(&mut verb)?;
        let mut value = value.lock().expect("nobody panics");
        client.write_all(&value)?;
        if verb == [LOCK] {
            client.read_exact(&mut value)?;
        }
    }
}

pub(crate) struct Client {
    stream: UnixStream,
    value: Vec<u8>,
}

impl Client {
    /// To the server of a value of so many bytes.
    pub(crate) fn connect(folder: &Folder, len: usize) -> RefCell<Self> {
        let stream = folder.soon(|folder| UnixStream::connect(folder.path("socket")).ok());
        let value = filled(len);
        RefCell::new(Self { stream, value })
    }

    pub(crate) fn load(&mut self) -> &[u8] {
        self.ask(LOAD);
        &self.value
    }

    pub(crate) fn swap(&mut self, f: impl FnOnce(&mut [u8])) {
        self.ask(LOCK);
        f(&mut self.value);
        self.stream.write_all(&self.value).expect("a server");
    }

    fn ask(&mut self, verb: u8) {
        self.stream.write_all(&[verb]).expect("a server");
        self.stream.read_exact(&mut self.value).expect("a server");
    }
}
