//! Lines from a stream of bytes that nobody has promised to be text, or to be short.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Line(String),
    /// Said as soon as the limit is passed; the rest of the line is skipped in silence.
    TooLong,
    NotUtf8,
    /// The other side has said all it will say.
    End,
}

/// Holds at most one line of the limit and one chunk, whatever is sent.
pub(crate) struct LineReader<R> {
    source: R,
    buffer: Vec<u8>,
    limit: usize,
    skipping: bool,
}

const CHUNK: usize = 1024;

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(crate) fn new(source: R, limit: usize) -> Self {
        LineReader {
            source,
            buffer: Vec::new(),
            limit,
            skipping: false,
        }
    }

    /// Cancel safe: what has been read so far stays in the buffer.
    pub(crate) async fn next(&mut self) -> io::Result<Input> {
        loop {
            if let Some(input) = self.take() {
                return Ok(input);
            }
            let mut chunk = [0; CHUNK];
            match self.source.read(&mut chunk).await? {
                0 => return Ok(self.take_last()),
                n => self.buffer.extend_from_slice(&chunk[..n]),
            }
        }
    }

    fn take(&mut self) -> Option<Input> {
        while let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            if !std::mem::take(&mut self.skipping) {
                return Some(self.decode(&line[..end]));
            }
        }
        if self.skipping {
            self.buffer.clear();
        } else if without_return(&self.buffer).len() > self.limit {
            self.skipping = true;
            self.buffer.clear();
            return Some(Input::TooLong);
        }
        None
    }

    /// A last line may lack its newline.
    fn take_last(&mut self) -> Input {
        let line = std::mem::take(&mut self.buffer);
        if line.is_empty() {
            Input::End
        } else {
            self.decode(&line)
        }
    }

    fn decode(&self, line: &[u8]) -> Input {
        let line = without_return(line);
        if line.len() > self.limit {
            return Input::TooLong;
        }
        match std::str::from_utf8(line) {
            Ok(text) => Input::Line(text.to_owned()),
            Err(_) => Input::NotUtf8,
        }
    }
}

/// Telnet ends its lines with a carriage return before the newline.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
