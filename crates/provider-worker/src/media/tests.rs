//! Hostile URLs, downloads and what they may be, over real loopback connections.

mod download;
mod hostile;
mod rebinding;
mod types;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};

use egress::Rules;
use egress::resolve::Resolve;

use super::{Config, Fetcher};

/// Counts the connections that arrive at a place where none should.
struct Trap {
    address: SocketAddr,
    arrived: Arc<AtomicUsize>,
}

impl Trap {
    async fn set(address: &str) -> Option<Self> {
        let listener = TcpListener::bind(address).await.ok()?;
        let trap = Self { address: listener.local_addr().unwrap(), arrived: Arc::default() };
        let arrived = Arc::clone(&trap.arrived);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                arrived.fetch_add(1, Ordering::SeqCst);
            }
        });
        Some(trap)
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many arrived so far: connections are accepted in their order, so one of our own comes last.
    async fn count(&self) -> usize {
        let before = self.arrived.load(Ordering::SeqCst);
        drop(TcpStream::connect(self.address).await.unwrap());
        while self.arrived.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
        self.arrived.load(Ordering::SeqCst) - 1
    }
}

/// A resolver that answers by script; the last answer for a name stays.
#[derive(Default)]
struct Script {
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn with(self, name: &str, answers: &[&[&str]]) -> Self {
        let answers = answers.iter().map(|all| all.iter().map(|text| text.parse().unwrap()).collect());
        self.names.lock().unwrap().insert(name.to_owned(), answers.collect());
        self
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolve for Script {
    fn resolve(&self, name: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.clone());
        let mut names = self.names.lock().unwrap();
        let answer = match names.get_mut(&name) {
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        Box::pin(std::future::ready(answer))
    }
}

fn config() -> Config {
    Config {
        allowed_origins: Vec::new(),
        max_bytes: 4_096,
        max_request_bytes: 10_000,
        max_files: 3,
        timeout_ms: 10_000,
        max_fetches: 8,
    }
}

/// A fetcher that would call these ports if their addresses were public.
fn fetcher(config: &Config, ports: &[u16], resolver: Arc<Script>) -> Fetcher {
    let mut rules = Rules::new(&config.allowed_origins).unwrap();
    rules.ports.extend(ports);
    Fetcher::with(config, rules, resolver).unwrap()
}
