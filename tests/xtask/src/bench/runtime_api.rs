//! The Lambda runtime API on a loopback port: enough HTTP to start a function and to give it an event.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use crate::process::{Failure, Outcome};

/// What the function did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// `GET /invocation/next`, and when it had arrived.
    Polled(Instant),
    /// `POST /invocation/ID/response` or `/error`.
    Answered,
}

/// A runtime API that reports what it sees and hands out what it is given.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    seen: Receiver<Seen>,
    events: Sender<String>,
}

impl RuntimeApi {
    /// Listens on a free port. The threads behind it end with the process.
    pub(crate) fn listen() -> Outcome<Self> {
        let fault = |error| Failure::of("listen on loopback", &error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let (report, seen) = mpsc::channel();
        let (events, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (report, queue) = (report.clone(), Arc::clone(&queue));
                // A connection ends with an error when its process is ended: nobody is left to tell.
                thread::spawn(move || drop(serve(stream, &report, &queue)));
            }
        });
        Ok(Self { address, seen, events })
    }

    /// `host:port`
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next thing that the function does; `None` if it does nothing for so long.
    pub(crate) fn seen(&self, patience: Duration) -> Option<Seen> {
        self.seen.recv_timeout(patience).ok()
    }

    /// Answers the function's poll with this event.
    pub(crate) fn give(&self, event: &str) {
        // The queue is gone only when no function is there, and then `seen` tells.
        let _ = self.events.send(event.to_owned());
    }
}

fn serve(stream: TcpStream, report: &Sender<Seen>, queue: &Mutex<Receiver<String>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(target) = read_request(&mut reader)? {
        if target.ends_with("/invocation/next") {
            report.send(Seen::Polled(Instant::now())).map_err(io::Error::other)?;
            let event = queue.lock().map_err(|_| io::ErrorKind::Other)?.recv().map_err(io::Error::other)?;
            let invocation = "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                              Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                              Lambda-Runtime-Invoked-Function-Arn: \
                              arn:aws:lambda:eu-west-1:123456789012:function:cast-spot\r\n";
            respond(&mut writer, "200 OK", invocation, &event)?;
        } else if target.contains("/runtime/") {
            respond(&mut writer, "202 Accepted", "", "{}")?;
            report.send(Seen::Answered).map_err(io::Error::other)?;
        } else {
            let error = "x-amzn-ErrorType: ResourceNotFoundException\r\n";
            respond(&mut writer, "404 Not Found", error, r#"{"message": "there is nothing here"}"#)?;
        }
    }
    Ok(())
}

/// Reads one request to its end and returns its target; `None` when the peer has closed.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(Some(target))
}

fn respond(writer: &mut TcpStream, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    writer.write_all((head + body).as_bytes())
}
