//! A server on this machine, for as long as a test runs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Serves what it was given by path.
pub(crate) struct Server {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn of(files: BTreeMap<String, Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        // Ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &files, &noted);
            }
        });
        Server { address, asked }
    }

    /// Serves the same, in a way of its own.
    pub(crate) fn behaving(files: BTreeMap<String, Vec<u8>>, manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                converse(&stream, &files, &manner, &noted);
            }
        });
        Server { address, asked }
    }

    /// The paths that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// What a server does that no server should.
pub(crate) struct Manner {
    /// It answers so many requests on a connection, and closes it when the next one is there.
    pub(crate) answers: usize,
    /// It waits so long before each answer.
    pub(crate) delay: Duration,
    /// It sends a byte at a time, and waits as long before each.
    pub(crate) by_the_byte: bool,
}

fn converse(
    stream: &TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    manner: &Manner,
    asked: &Mutex<Vec<String>>,
) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    for _ in 0..manner.answers {
        let Some(first) = lines.next() else { return };
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
        asked.lock().unwrap().push(path.clone());
        std::thread::sleep(manner.delay);
        let (status, body) = reply(files, &path);
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        let mut send = |bytes: &[u8]| stream.write_all(bytes).is_ok();
        let size = if manner.by_the_byte {
            1
        } else {
            body.len().max(1)
        };
        let sent = send(head.as_bytes())
            && body.chunks(size).all(|chunk| {
                if manner.by_the_byte {
                    std::thread::sleep(manner.delay);
                }
                send(chunk)
            });
        if !sent {
            return;
        }
    }
    // The next request is read and left without an answer.
    let _ = lines.next();
}

fn answer(stream: TcpStream, files: &BTreeMap<String, Vec<u8>>, asked: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(&stream).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
    asked.lock().unwrap().push(path.clone());
    let (status, body) = reply(files, &path);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = &stream;
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
}

/// The status and the body of an answer.
fn reply<'a>(files: &'a BTreeMap<String, Vec<u8>>, path: &str) -> (&'static str, &'a [u8]) {
    match files.get(path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", b"no"),
    }
}
