//! A time limit on writing: a client that does not read its answers loses its connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Sleep};

use super::traffic::Traffic;

/// A stream on which writing fails when the other side takes nothing for too long.
#[derive(Debug)]
pub(super) struct Unstalled<S> {
    stream: S,
    limit: Duration,
    traffic: Receiver<Traffic>,
    /// Since when nothing could be written, and the next look at the clock.
    stalled: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> Unstalled<S> {
    /// `limit` is the longest time without progress; it is shorter while all places are taken.
    pub(super) fn new(stream: S, limit: Duration, traffic: Receiver<Traffic>) -> Self {
        Self { stream, limit, traffic, stalled: None }
    }

    /// Passes on what came of a write, unless it waits for too long already.
    fn progress(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let now = Instant::now();
        let (since, look) =
            self.stalled.get_or_insert_with(|| (now, Box::pin(tokio::time::sleep(LOOK.min(self.limit)))));
        while look.as_mut().poll(context).is_ready() {
            let crowded = *self.traffic.borrow() != Traffic::Free;
            let limit = if crowded { self.limit.min(CROWDED) } else { self.limit };
            if since.elapsed() >= limit {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads no answers")));
            }
            look.as_mut().reset(Instant::now() + LOOK.min(self.limit));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.progress(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// The longest time without progress while all places are taken.
const CROWDED: Duration = Duration::from_secs(2);
