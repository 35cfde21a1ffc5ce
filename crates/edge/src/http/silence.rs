//! How long an HTTP/1 connection may be silent between requests, and how long a head may take once it has begun. The
//! server has one timer for both, which runs from when it is ready for a request; here it is set anew by the first bytes
//! of that request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::net::TcpStream;
use tokio_util::io::InspectReader;

/// How often something was read from a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<AtomicUsize>);

impl Heard {
    /// The stream, with what is read from it counted.
    pub(super) fn listen(&self, stream: TcpStream) -> InspectReader<TcpStream, impl FnMut(&[u8]) + use<>> {
        let heard = Arc::clone(&self.0);
        InspectReader::new(stream, move |_| {
            heard.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection's timer.
#[derive(Debug)]
pub(super) struct HeadTimer {
    pub(super) heard: Heard,
    /// How long a head may take from its first bytes.
    pub(super) patience: Duration,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Silence {
            over: Box::pin(tokio::time::sleep_until(deadline.into())),
            heard: self.heard.clone(),
            since: Some(self.heard.times()),
            patience: self.patience,
        })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

struct Silence {
    over: Pin<Box<tokio::time::Sleep>>,
    heard: Heard,
    /// What had been heard when it began; `None` once it was broken.
    since: Option<usize>,
    patience: Duration,
}

impl Future for Silence {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The server looks at its timer whenever it has read and still misses a part of the head.
        if self.since.is_some_and(|since| since != self.heard.times()) {
            self.since = None;
            let deadline = tokio::time::Instant::now() + self.patience;
            self.over.as_mut().reset(deadline);
        }
        self.over.as_mut().poll(cx)
    }
}

impl Sleep for Silence {}
