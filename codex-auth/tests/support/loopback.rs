//! A loopback server and requests to it over plain HTTP, for the processes of one test.

use core::net::SocketAddr;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::{Request, Response};

use super::response;

/// A request as the server received it.
pub struct Call {
    lines: Vec<String>,
    pub body: String,
}

impl Call {
    pub fn path(&self) -> &str {
        self.lines[0].split(' ').nth(1).unwrap()
    }

    /// Returns the value of a header, or an empty text without one.
    pub fn header(&self, name: &str) -> &str {
        let mut fields = self.lines.iter().filter_map(|line| line.split_once(": "));
        let found = fields.find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Serves until the process ends, with a thread for each connection.
pub fn serve(handle: impl Fn(&Call) -> (u16, String) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let handle = Arc::clone(&handle);
            thread::spawn(move || converse(&*handle, stream));
        }
    });
    address
}

fn converse(handle: &impl Fn(&Call) -> (u16, String), stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some((lines, body))) = message(&mut stream) {
        let (status, body) = handle(&Call { lines, body });
        let answer = format!(
            "HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Sends a request over a new connection.
pub fn post(address: &str, request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    let mut head = format!("POST {} HTTP/1.1\r\n", request.uri().path());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    head += &format!("content-length: {}\r\n\r\n", request.body().len());
    stream
        .get_mut()
        .write_all(&[head.as_bytes(), request.body()].concat())?;
    let (status, body) = answer(&mut stream)?;
    Ok(response(status, body))
}

/// Reads the response to a request.
pub fn answer(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, String)> {
    let (head, body) = message(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((head[0].split(' ').nth(1).unwrap().parse().unwrap(), body))
}

/// Returns the header lines and the body of one HTTP message; `None` at the end of the connection.
fn message(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(Vec<String>, String)>> {
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((head, String::from_utf8(body).unwrap())))
}
