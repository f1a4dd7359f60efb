//! The Lambda runtime API on a loopback port: enough HTTP to see a function start.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use crate::process::{Failure, Outcome};

/// A runtime API that reports polls and has no event.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    polls: Receiver<Instant>,
}

impl RuntimeApi {
    /// Listens on a free port. The threads behind it end with the process.
    pub(crate) fn listen() -> Outcome<Self> {
        let fault = |error| Failure::of("listen on loopback", &error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let (report, polls) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let report = report.clone();
                // A connection ends with an error when its process is killed, which is not reported.
                thread::spawn(move || drop(serve(stream, &report)));
            }
        });
        Ok(Self { address, polls })
    }

    /// `host:port`
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The arrival of `GET /invocation/next`; `None` if it does not come within `patience`.
    pub(crate) fn polled(&self, patience: Duration) -> Option<Instant> {
        self.polls.recv_timeout(patience).ok()
    }
}

fn serve(stream: TcpStream, polls: &Sender<Instant>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(target) = read_request(&mut reader)? {
        if target.ends_with("/invocation/next") {
            // The function waits for the answer until it is killed.
            polls.send(Instant::now()).map_err(io::Error::other)?;
        } else {
            respond_not_found(&mut writer)?;
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

fn respond_not_found(writer: &mut TcpStream) -> io::Result<()> {
    let body = r#"{"message": "there is nothing here"}"#;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         x-amzn-ErrorType: ResourceNotFoundException\r\n\r\n"
    );
    writer.write_all((head + body).as_bytes())
}
