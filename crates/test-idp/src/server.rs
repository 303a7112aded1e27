//! The socket and the life of the server: at most 256 connections at one time, each of which has as long for the head of a
//! request as a request may take (ten seconds unless the options say otherwise), also when it is idle, and as long without
//! progress for an answer that its client does not read.
//!
//! When all places are taken, connections that are older than two seconds end with the answer under way, or at once, and a
//! client that reads nothing for two seconds is cut off: whoever waits gets a place.

mod stall;
mod traffic;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::idp::Idp;
use crate::options::{BaseUrl, Options};
use crate::routes::router;
use stall::Unstalled;
use traffic::{Traffic, wanted_back};

/// An identity provider that listens, and answers once it is [served](Self::serve).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    url: String,
    max_connections: usize,
    idp: Arc<Idp>,
}

impl Server {
    /// Takes the socket, opens the state directory and reads the trust file.
    ///
    /// # Errors
    /// [`Error::NotLoopback`] and [`Error::Unspecified`] for an address that is not allowed,
    /// [`Error::Listen`] for one that cannot be had, [`Error::User`] for a name given twice, and
    /// the errors of the state directory and of the trust file.
    pub fn bind(options: &Options) -> Result<Self, Error> {
        let address = options.listen;
        // With another URL, clients are not told this address: in a container, for example.
        if address.ip().is_unspecified() && options.url.is_none() {
            return Err(Error::Unspecified { address });
        }
        if !address.ip().is_loopback() && !options.allow_remote {
            return Err(Error::NotLoopback { address });
        }
        let (listener, bound) = listen(address).map_err(|source| Error::Listen { address, source })?;
        let url = format!("http://{bound}");
        let issuer = options.url.as_ref().map_or(url.as_str(), BaseUrl::as_str);
        let idp = Arc::new(Idp::open(options, issuer)?);
        Ok(Self { listener, url, max_connections: options.max_connections, idp })
    }

    /// The URL at which the server listens; `/psso.toml` there has the rest. It is also the issuer, unless the options
    /// give another URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL that stands in every configuration and id_token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.idp.endpoints.issuer
    }

    /// Answers requests until `stop` is ready, and then for half a second more those under way.
    ///
    /// Needs a tokio runtime with time and I/O; requests that are still waiting end with it.
    ///
    /// # Errors
    /// [`Error::Serve`] when the runtime cannot take the socket.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(Error::Serve)?;
        let limit = self.idp.request_time_limit;
        // Also for an answer that is late on purpose.
        let longest = limit + Faults::from([Fault::Slow].as_slice()).extra_time();
        let mut http = http1::Builder::new();
        // Also the time that a connection may be idle: who sends nothing has sent no header.
        http.timer(TokioTimer::new()).header_read_timeout(limit);
        let service = TowerToHyperService::new(router(self.idp));
        let places = u32::try_from(self.max_connections).unwrap_or(u32::MAX).max(1);
        let room = Arc::new(Semaphore::new(places as usize));
        let (traffic, told) = watch::channel(Traffic::Free);
        let mut stop = pin!(stop);
        loop {
            let (stream, place) = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &room, &traffic) => accepted,
            };
            let io = TokioIo::new(Unstalled::new(stream, limit, told.clone()));
            let connection = http.serve_connection(io, service.clone());
            let wanted_back = wanted_back(told.clone());
            tokio::spawn(async move {
                let mut connection = pin!(connection);
                let ended = tokio::select! {
                    ended = &mut connection => ended,
                    () = wanted_back => {
                        connection.as_mut().graceful_shutdown();
                        tokio::time::timeout(longest, connection).await.unwrap_or(Ok(()))
                    }
                };
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(listener);
        traffic.send_replace(Traffic::Ending);
        tokio::select! {
            // When all places are free, all connections have ended.
            _ = room.acquire_many(places) => {}
            () = tokio::time::sleep(GRACE) => {}
        }
        Ok(())
    }

    /// A runtime for [`serve`](Self::serve): one thread for the sockets, and one for each processor for what blocks, which
    /// is the cryptography and the database.
    ///
    /// # Errors
    /// [`Error::Serve`] when the system gives no threads.
    pub fn runtime() -> Result<Runtime, Error> {
        let processors = thread::available_parallelism().map_or(2, usize::from);
        Builder::new_current_thread().enable_all().max_blocking_threads(processors).build().map_err(Error::Serve)
    }

    /// Runs a server in a thread of this process, for tests; it ends with the handle.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind), and [`Error::Serve`] when there can be no thread.
    pub fn start(options: &Options) -> Result<(String, Handle), Error> {
        let server = Self::bind(options)?;
        let url = server.url().to_owned();
        let runtime = Self::runtime()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // A handle that is gone without a word means the same.
            let _ = stopped.await;
        };
        let thread = thread::Builder::new()
            .name("test-idp".to_owned())
            .spawn(move || runtime.block_on(server.serve(stopped)))
            .map_err(Error::Serve)?;
        Ok((url, Handle { stop: Some(stop), thread: Some(thread) }))
    }
}

/// A running server of [`Server::start`]. Dropping it stops the server.
#[derive(Debug)]
pub struct Handle {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Handle {
    /// Stops the server and waits until it has ended; its state directory is free then.
    ///
    /// # Errors
    /// [`Error::Serve`] when it had ended before, in failure.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(Error::Serve(std::io::Error::other("the server's thread panicked"))),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nobody is left to be told; `stop` is for those who want to know.
        let _ = self.end();
    }
}

/// The next connection, once there is room for one more: until then the system lets clients wait.
async fn accept(
    listener: &tokio::net::TcpListener,
    room: &Arc<Semaphore>,
    traffic: &watch::Sender<Traffic>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    if room.available_permits() == 0 {
        traffic.send_replace(Traffic::Crowded);
    }
    // Only a semaphore that was closed has none to give; this one never is.
    let place = Arc::clone(room).acquire_owned().await.ok();
    traffic.send_replace(Traffic::Free);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it an answer in two pieces waits for an acknowledgement; with an error, it does.
                let _ = stream.set_nodelay(true);
                return (stream, place);
            }
            Err(error) => {
                // A client that is gone already, or no more file descriptors: others will end.
                tracing::debug!(%error, "a connection cannot be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// For requests under way when the server is told to stop.
const GRACE: Duration = Duration::from_millis(500);
