//! What a cluster says to its Redis and its NATS, word by word.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Platform;

/// Listens until it is dropped.
pub struct Wiretap {
    heard: Arc<Mutex<Vec<u8>>>,
    _listening: JoinSet<()>,
}

impl Wiretap {
    /// Listens to every command that Redis gets and every message that NATS carries. A platform of one process
    /// has neither.
    ///
    /// # Errors
    /// When a server does not let itself be listened to.
    pub async fn start(platform: &Platform) -> anyhow::Result<Self> {
        let heard = Arc::default();
        let mut listening = JoinSet::new();
        for program in ["redis", "nats"] {
            let Some(server) = server(platform, program) else { continue };
            let mut stream = TcpStream::connect(&server.address).await?;
            let hello = match program {
                "redis" => format!("AUTH {}\r\nMONITOR\r\n", server.password),
                _ => format!(
                    "CONNECT {{\"verbose\":false,\"headers\":true,\"user\":\"{}\",\"pass\":\"{}\"}}\r\nSUB > 1\r\nPING\r\n",
                    server.user, server.password
                ),
            };
            stream.write_all(hello.as_bytes()).await?;
            let agreed: &[u8] = if program == "redis" { b"+OK\r\n+OK\r\n" } else { b"PONG\r\n" };
            let mut said = Vec::new();
            while !said.windows(agreed.len()).any(|window| window == agreed) {
                ensure!(stream.read_buf(&mut said).await? > 0, "{program} hung up: {said:?}");
            }
            listening.spawn(listen(stream, Arc::clone(&heard)));
        }
        Ok(Self { heard, _listening: listening })
    }

    /// Everything so far.
    #[must_use]
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listen(mut stream: TcpStream, heard: Arc<Mutex<Vec<u8>>>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length) = stream.read(&mut piece).await {
        if length == 0 {
            return;
        }
        // NATS wants to know whether anybody still listens; Redis never says this.
        if piece[..length].ends_with(b"PING\r\n") && stream.write_all(b"PONG\r\n").await.is_err() {
            return;
        }
        heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..length]);
    }
}

struct Server {
    address: String,
    user: String,
    password: String,
}

fn server(platform: &Platform, program: &str) -> Option<Server> {
    let kept = platform.kept().ok()?;
    let instance = kept["instances"].as_array()?.iter().find(|one| one["program"] == program)?.clone();
    read(instance["url"].as_str()?).context("no URL").ok()
}

/// Of `scheme://user:password@host:port/`.
fn read(url: &str) -> Option<Server> {
    let (who, place) = url.split_once("://")?.1.split_once('@')?;
    let (user, password) = who.split_once(':')?;
    let address = place.trim_end_matches('/');
    Some(Server { address: address.to_owned(), user: user.to_owned(), password: password.to_owned() })
}
