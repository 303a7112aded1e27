//! The identity provider of the login tests behind a socket: just enough HTTP/1.1, one request per connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use psso::http::{HttpRequest, Method};
use url::Url;

use super::idp::Idp;

/// Serves until the process ends; returns the base URL.
pub(crate) fn serve(idp: Arc<Idp>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let url = base.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&idp, &url, stream.unwrap());
        }
    });
    base
}

fn answer(idp: &Idp, base: &str, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut words = line.split(' ');
    let method = if words.next() == Some("GET") { Method::Get } else { Method::Post };
    let url = Url::parse(&format!("{base}{}", words.next().unwrap())).unwrap();
    let (mut headers, mut len) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        for known in ["accept", "content-type", "client-request-id"] {
            if name.eq_ignore_ascii_case(known) {
                headers.push((known, value.to_owned()));
            }
        }
        if name.eq_ignore_ascii_case("content-length") {
            len = value.parse().unwrap();
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).unwrap();
    let response = idp.answer(&HttpRequest { method, url, headers, body: body.into() });
    // Chunked, because the client's library logs chunks.
    let head = format!(
        "HTTP/1.1 {} x\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n",
        response.status,
        response.content_type.unwrap_or_default(),
        response.body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&response.body).unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").unwrap();
}
