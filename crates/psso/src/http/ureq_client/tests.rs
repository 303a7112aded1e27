use super::*;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Instant;
use url::Url;

/// Answers one connection after the other with `reply`, and reports what it was sent.
fn server(reply: impl Fn(&mut TcpStream) + Send + 'static) -> (Url, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/path?q=1", listener.local_addr().unwrap())).unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // The tests' requests end with "END" or with an empty line and no body.
            let whole = |request: &[u8]| {
                request.ends_with(b"END") || (request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n"))
            };
            while !whole(&request) {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(len) => request.extend_from_slice(&buffer[..len]),
                }
            }
            let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
            reply(&mut stream);
        }
    });
    (url, receiver)
}

fn fixed(text: &'static str) -> impl Fn(&mut TcpStream) + Send + 'static {
    move |stream| drop(stream.write_all(text.as_bytes()))
}

fn post(url: &Url) -> HttpRequest {
    HttpRequest::post(url, "a/b", "c/d", b"body END".to_vec()).with_header("client-request-id", "ID-1")
}

fn quick() -> UreqClient {
    UreqClient::new(TimeLimits { connect: Duration::from_secs(5), total: Duration::from_millis(300) })
}

#[test]
fn a_request_and_its_answer() {
    let (url, seen) = server(fixed("HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
    let client = UreqClient::default();
    let response = client.send(&post(&url)).unwrap();
    assert_eq!((response.status, response.body.as_slice()), (401, &b"{}"[..]));
    assert_eq!(response.content_type.as_deref(), Some("application/json"));
    let request = seen.recv().unwrap().to_ascii_lowercase();
    assert!(request.starts_with("post /path?q=1 http/1.1\r\n"), "{request}");
    for line in
        ["accept: a/b", "content-type: c/d", "client-request-id: id-1", "content-length: 8", "user-agent: pivkit/"]
    {
        assert!(request.contains(line), "{line} in {request}");
    }
    assert!(request.ends_with("\r\n\r\nbody end"));

    let response = client.send(&HttpRequest::get(&url, "x/y")).unwrap();
    assert_eq!(response.status, 401);
    assert!(seen.recv().unwrap().starts_with("GET /path?q=1 HTTP/1.1\r\n"));
}

#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let reply = format!("HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:9/evil\r\nContent-Length: 0\r\n\r\n");
        let (url, _seen) = server(move |stream| drop(stream.write_all(reply.as_bytes())));
        assert_eq!(UreqClient::default().send(&post(&url)).unwrap().status, status);
        assert_eq!(UreqClient::default().send(&HttpRequest::get(&url, "x/y")).unwrap().status, status);
    }
}

#[test]
fn a_slow_server_is_given_up() {
    // One that never answers, and one that drips.
    let (silent, _a) = server(|stream| drop(stream.read(&mut [0; 1])));
    let (dripping, _b) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while stream.write_all(b".").is_ok() {
            std::thread::yield_now();
            if stream.set_write_timeout(Some(Duration::from_millis(20))).is_err() {
                break;
            }
            // Waits for the peer without a timer: nothing comes, so this is the drip's pause.
            let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
            let _ = stream.read(&mut [0; 1]);
        }
    });
    for url in [silent, dripping] {
        let started = Instant::now();
        let error = quick().send(&post(&url)).unwrap_err();
        assert!(matches!(error, HttpError::Timeout { limit } if limit == Duration::from_millis(300)), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn an_encoded_answer_is_refused_by_its_name() {
    for (fields, name) in [
        ("Content-Encoding: gzip\r\n", "gzip"),
        ("content-encoding: BR\r\n", "BR"),
        ("Content-Encoding: identity\r\nContent-Encoding: x-own\r\n", "x-own"),
        ("Content-Encoding: identity, zstd , deflate\r\n", "zstd, deflate"),
    ] {
        for status in [200, 401] {
            let reply = format!("HTTP/1.1 {status} x\r\n{fields}Content-Length: 2\r\n\r\n{{}}");
            let (url, seen) = server(move |stream| drop(stream.write_all(reply.as_bytes())));
            let error = UreqClient::default().send(&post(&url)).unwrap_err();
            assert!(matches!(&error, HttpError::Encoded { encoding } if encoding == name), "{fields}: {error:?}");
            let request = seen.recv().unwrap().to_ascii_lowercase();
            assert!(
                !request.contains("accept-encoding: ") || request.contains("accept-encoding: identity"),
                "{request}"
            );
        }
    }
    let plain = "HTTP/1.1 200 x\r\nContent-Encoding: Identity\r\nContent-Encoding:\r\nContent-Length: 2\r\n\r\n{}";
    let (url, _seen) = server(fixed(plain));
    assert_eq!(UreqClient::default().send(&post(&url)).unwrap().body.as_slice(), b"{}");
}

#[test]
fn an_endless_header_is_refused() {
    let (one, _a) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let (many, _b) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(format!("X: {}\r\n", "x".repeat(1000)).as_bytes()).is_ok() {}
    });
    let (short, _c) = server(|stream| {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000)).as_bytes());
    });
    for url in [one, many, short] {
        let error = UreqClient::default().send(&post(&url)).unwrap_err();
        assert!(error.is_answer(), "{error:?}");
        let error = crate::Error::Network { endpoint: "token endpoint", url: "URL".to_owned(), source: error };
        assert_eq!(error.to_string(), "the token endpoint at URL sent an answer that is not taken");
    }
}

#[test]
fn a_huge_answer_is_refused() {
    let (declared, _a) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let (endless, _b) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"1000\r\n").and_then(|()| stream.write_all(&[b'x'; 4096])).is_ok() {
            if stream.write_all(b"\r\n").is_err() {
                break;
            }
        }
    });
    for url in [declared, endless] {
        let error = UreqClient::default().send(&post(&url)).unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { limit: MAX_BODY_LEN }), "{error:?}");
    }
    // Exactly the limit is read.
    let (full, _c) = server(|stream| {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {MAX_BODY_LEN}\r\n\r\n").as_bytes());
        let _ = stream.write_all(&vec![b'x'; MAX_BODY_LEN]);
    });
    assert_eq!(UreqClient::default().send(&post(&full)).unwrap().body.len(), MAX_BODY_LEN);
}

/// tcpmux: no system has run it for decades, and a port that was free a moment ago may be another test's by now.
const NOBODY: u16 = 1;

#[test]
fn nobody_there() {
    let url = Url::parse(&format!("http://127.0.0.1:{NOBODY}/")).unwrap();
    let error = UreqClient::default().send(&post(&url)).unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_)), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn connections_that_break() {
    let (closing, _a) = server(|_| ());
    let (garbage, _b) = server(fixed("SSH-2.0-OpenSSH_9\r\n"));
    let (short, _c) = server(fixed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
    for url in [closing, garbage, short] {
        let error = UreqClient::default().send(&post(&url)).unwrap_err();
        assert!(matches!(error, HttpError::Broken(_)), "{error:?}");
    }
}

#[test]
fn what_is_not_tls_is_no_secure_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let error = UreqClient::default().send(&HttpRequest::get(&url, "x/y")).unwrap_err();
    assert!(matches!(error, HttpError::Tls(_)), "{error:?}");
}

#[test]
fn plain_http_stays_on_this_machine() {
    let url = Url::parse("http://idp.example/").unwrap();
    assert!(matches!(UreqClient::default().send(&post(&url)), Err(HttpError::Insecure)));
}

#[test]
fn a_name_that_does_not_resolve_is_nobody_there() {
    // RFC 6761 6.4: .invalid never resolves.
    let url = Url::parse("https://idp.invalid/").unwrap();
    let client = UreqClient::build(TimeLimits::default(), RootCerts::PlatformVerifier, None);
    let error = client.send(&HttpRequest::get(&url, "x/y")).unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_) | HttpError::Timeout { .. }), "{error:?}");
}

/// A certificate for 127.0.0.1 from an authority, and the key to it.
fn server_identity(authority: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

fn authority() -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

/// A server with TLS that has nothing to say.
fn tls_server(certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> Url {
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port())).unwrap();
    std::thread::spawn(move || {
        let config = std::sync::Arc::new(config);
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            let mut head = [0; 512];
            // Fails when the client sends its alert, as it should.
            if stream.read(&mut head).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 204 No\r\nconnection: close\r\n\r\n");
            }
        }
    });
    url
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_not_trusted() {
    let authority = authority();
    let (certificate, key) = server_identity(&authority);
    let url = tls_server(&certificate, &key);
    let error = UreqClient::default().send(&HttpRequest::get(&url, "x/y")).unwrap_err();
    assert!(matches!(error, HttpError::Untrusted(_)), "{error:?}");
}

#[test]
fn given_roots_are_trusted_and_no_others() {
    let (ours, other) = (authority(), authority());
    let (certificate, key) = server_identity(&ours);
    let url = tls_server(&certificate, &key);
    let send = |pem: String| {
        let roots = Roots::from_pem(&pem).unwrap();
        UreqClient::with_roots(TimeLimits::default(), &roots).send(&HttpRequest::get(&url, "x/y"))
    };
    assert_eq!(send(ours.pem()).unwrap().status, 204);
    assert_eq!(send(format!("{}\n{}", other.pem(), ours.pem())).unwrap().status, 204);
    let error = send(other.pem()).unwrap_err();
    assert!(matches!(error, HttpError::Untrusted(_)), "{error:?}");
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let authority = authority();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    let url = tls_server(&params.signed_by(&key, &authority).unwrap(), &key);
    let client = UreqClient::with_roots(TimeLimits::default(), &Roots::from_pem(&authority.pem()).unwrap());
    let error = client.send(&HttpRequest::get(&url, "x/y")).unwrap_err();
    assert!(matches!(error, HttpError::Untrusted(_)), "{error:?}");
}

#[test]
fn a_proxy_on_the_way_is_named_without_its_password() {
    let proxy = Proxy::new(&format!("http://alice:SECRET@127.0.0.1:{NOBODY}")).unwrap();
    let client = UreqClient::build(TimeLimits::default(), RootCerts::PlatformVerifier, Some(proxy));
    let url = Url::parse("https://idp.example/").unwrap();
    let error = client.send(&HttpRequest::get(&url, "x/y")).unwrap_err();
    assert!(matches!(&error, HttpError::Proxy { proxy, .. } if *proxy == format!("127.0.0.1:{NOBODY}")), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("SECRET"));
    // This machine is never reached through it.
    let (url, _seen) = server(fixed("HTTP/1.1 204 No\r\n\r\n"));
    assert_eq!(client.send(&HttpRequest::get(&url, "x/y")).unwrap().status, 204);
}
