//! Steady paid load on every edge while a drill does its worst.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use testkit::{Api, Platform, Streamed};
use tokio::task::JoinHandle;

/// One request of the load as its client saw it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// `None` when no answer began.
    pub(crate) answer: Option<Streamed>,
}

impl Seen {
    /// The stream came to its own good end.
    pub(crate) fn is_whole(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            answer.status == 200 && answer.is_done() && answer.error().is_none() && !answer.text().is_empty()
        })
    }

    /// The stream ended with an error after content had come, and says so in the stream.
    pub(crate) fn is_typed_error_after_content(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            answer.status == 200 && !answer.text().is_empty() && answer.error().is_some() && !answer.broken
        })
    }

    /// It was refused before it began, because something of ours is away for a while.
    pub(crate) fn is_refused_for_a_while(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.status == 503 && answer.chunks.is_empty())
    }

    /// Its generation, once the client has seen one with content.
    pub(crate) fn delivered(&self) -> Option<&str> {
        let answer = self.answer.as_ref()?;
        if answer.text().is_empty() { None } else { answer.id() }
    }
}

/// A running load. Ends when [`Load::stop`] is called or its requests are used up.
pub(crate) struct Load {
    clients: Vec<JoinHandle<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Load {
    /// `clients` clients spread over the edges, `requests` requests in all.
    pub(crate) fn start(
        platform: &Platform,
        model: &str,
        prompt: &str,
        clients: usize,
        requests: usize,
    ) -> Self {
        Self::start_as(platform, &platform.dev.api_key, model, prompt, clients, requests)
    }

    /// The same with another key.
    pub(crate) fn start_as(
        platform: &Platform,
        key: &str,
        model: &str,
        prompt: &str,
        clients: usize,
        requests: usize,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicUsize::new(0));
        let begun = Arc::new(AtomicUsize::new(0));
        let bases = platform.api_bases();
        let clients = (0..clients)
            .map(|n| {
                let api = Api::new(&bases[n % bases.len()], key);
                let body = json!({
                    "model": model,
                    "stream": true,
                    "max_tokens": 400,
                    "messages": [{"role": "user", "content": prompt}],
                });
                let (stop, done, begun) = (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&begun));
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    while !stop.load(Ordering::Relaxed) && begun.fetch_add(1, Ordering::Relaxed) < requests {
                        // An edge that is killed answers nothing.
                        seen.push(Seen { answer: api.stream_with(&body).await.ok() });
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    seen
                })
            })
            .collect();
        Self { clients, stop, done }
    }

    /// How many requests have ended.
    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Whether all requests are used up.
    pub(crate) fn is_over(&self) -> bool {
        self.clients.iter().all(JoinHandle::is_finished)
    }

    /// Waits until so many more requests have ended, or all are used up.
    pub(crate) async fn progress(&self, more: usize) {
        let until = self.done() + more;
        while self.done() < until && !self.is_over() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Lets the running requests end and hands over what was seen.
    pub(crate) async fn stop(self) -> anyhow::Result<Vec<Seen>> {
        self.stop.store(true, Ordering::Relaxed);
        self.wait().await
    }

    /// Waits until all requests are used up and hands over what was seen.
    pub(crate) async fn wait(self) -> anyhow::Result<Vec<Seen>> {
        let mut seen = Vec::new();
        for client in self.clients {
            seen.extend(client.await?);
        }
        Ok(seen)
    }
}
