//! Requests that are far too much of something: each is refused or its connection ends, in bounded memory.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Site, patiently};
use crate::drills::is_long;

const MEBIBYTE: usize = 1024 * 1024;
const DEEP: usize = 100_000;
const BODY: usize = 100 * MEBIBYTE;
const HEADERS: usize = 10_000;
const RESETS: u32 = 20_000;
/// What each service may grow by, in bytes.
const GROWTH: usize = 100 * MEBIBYTE;
/// Whoever has not been answered by then never is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Programs of other people.
const NOT_OURS: [&str; 4] = ["postgres", "redis", "nats", "simulator"];

pub(super) async fn too_much_is_refused_in_bounded_memory(site: &Site) -> anyhow::Result<()> {
    let services = services(site)?;
    let before: Vec<usize> = services.iter().map(|(_, pid)| forget_peak(*pid)).collect();
    let rounds = if is_long() { 20 } else { 1 };
    for _ in 0..rounds {
        deep(site).await.context("deep")?;
        compressed(site).await.context("compressed")?;
        for edge in &site.edges()[..attacked(site)] {
            let edge = edge.trim_start_matches("http://");
            long(edge, &site.tenant.api_key, true).await.context("long")?;
            long(edge, &site.tenant.api_key, false).await.context("long, in pieces")?;
            many_headers(edge).await.context("many headers")?;
            many_resets(edge).await.context("many resets")?;
        }
    }
    for ((name, pid), before) in services.iter().zip(before) {
        let grown = memory(*pid, "VmHWM:").saturating_sub(before);
        eprintln!("{name} grew by {} MiB at most", grown / MEBIBYTE);
        ensure!(grown <= GROWTH, "{name} grew by {grown} bytes");
    }
    site.serves().await
}

/// How many of the edges it is tried on: one is like another.
fn attacked(site: &Site) -> usize {
    if is_long() { site.clients.len() } else { 1 }
}

/// Every process of ours.
fn services(site: &Site) -> anyhow::Result<Vec<(String, i32)>> {
    let ours = site.platform.processes()?.into_iter().filter(|one| !NOT_OURS.contains(&one.name.as_str()));
    Ok(ours.flat_map(|one| one.pids.into_iter().map(move |pid| (one.instance.clone(), pid))).collect())
}

/// Has Linux count the most memory anew, and answers with what there is now.
fn forget_peak(pid: i32) -> usize {
    // Where that is not allowed the peak until now counts as if it came from here: stricter, not laxer.
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
    memory(pid, "VmRSS:")
}

/// Bytes, as Linux says them.
fn memory(pid: i32, of: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(of));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// Everything that is read as JSON.
fn readers(site: &Site) -> Vec<(&'static str, String)> {
    let dev = &site.platform.dev;
    let inference = format!("Bearer {}", site.tenant.api_key);
    let management = format!("Bearer {}", site.tenant.management_key);
    let mut all: Vec<(&str, String)> = [
        "/api/v1/chat/completions",
        "/api/v1/completions",
        "/api/v1/responses",
        "/api/v1/messages",
        "/api/v1/messages/count_tokens",
        "/api/v1/embeddings",
        "/api/v1/rerank",
        "/api/v1/images",
        "/api/v1/audio/speech",
    ]
    .map(|path| (path, inference.clone()))
    .to_vec();
    all.extend(["/api/v1/keys", "/api/v1/guardrails", "/api/v1/byok"].map(|path| (path, management.clone())));
    let operator = format!("Bearer {}", dev.admin_token);
    all.extend(["/admin/v1/tenants", "/admin/v1/route/explain"].map(|path| (path, operator.clone())));
    all.push(("/account/v1/sign-in", String::new()));
    all
}

async fn refused(site: &Site, headers: &[(&str, &str)], path: &str, body: Vec<u8>) -> anyhow::Result<()> {
    for client in &site.clients[..attacked(site)] {
        match patiently(|| client.send("POST", path, headers, body.clone())).await {
            Ok(reply) => ensure!((400..500).contains(&reply.status), "{path}: {reply:?}"),
            // It may hang up before it has read what it will not take.
            Err(error) => ensure!(error.to_string().contains("error sending request"), "{path}: {error:?}"),
        }
    }
    Ok(())
}

async fn deep(site: &Site) -> anyhow::Result<()> {
    let lists = format!("{{\"messages\":{}{}}}", "[".repeat(DEEP), "]".repeat(DEEP));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEEP), "}".repeat(DEEP));
    let open = "[{\"a\":".repeat(DEEP);
    for (path, credential) in readers(site) {
        let headers = [("authorization", credential.as_str()), ("content-type", "application/json")];
        for body in [&lists, &objects, &open] {
            refused(site, &headers, path, body.clone().into_bytes()).await?;
        }
    }
    Ok(())
}

/// A hundred mebibytes of blanks in a hundred kibibytes.
async fn compressed(site: &Site) -> anyhow::Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let blanks = vec![b' '; MEBIBYTE];
    for _ in 0..BODY / MEBIBYTE {
        encoder.write_all(&blanks)?;
    }
    let bomb = encoder.finish()?;
    for (path, credential) in readers(site) {
        let headers = [
            ("authorization", credential.as_str()),
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
        ];
        refused(site, &headers, path, bomb.clone()).await?;
    }
    Ok(())
}

/// A body of a hundred mebibytes whose length is said before, or is not.
async fn long(edge: &str, key: &str, is_said: bool) -> anyhow::Result<()> {
    let length =
        if is_said { format!("content-length: {BODY}") } else { "transfer-encoding: chunked".to_owned() };
    let head = format!(
        "POST /api/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{length}\r\n\r\n"
    );
    let (mut reads, mut writes) = TcpStream::connect(edge).await?.into_split();
    let sending = tokio::spawn(async move {
        let blanks = vec![b' '; MEBIBYTE];
        writes.write_all(head.as_bytes()).await?;
        for _ in 0..BODY / MEBIBYTE {
            if !is_said {
                writes.write_all(format!("{MEBIBYTE:x}\r\n").as_bytes()).await?;
            }
            writes.write_all(&blanks).await?;
            if !is_said {
                writes.write_all(b"\r\n").await?;
            }
        }
        anyhow::Ok(())
    });
    let status = tokio::time::timeout(PATIENCE, status(&mut reads)).await.context("no answer")?;
    sending.abort();
    ensure!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
    Ok(())
}

async fn many_headers(edge: &str) -> anyhow::Result<()> {
    let (mut reads, mut writes) = TcpStream::connect(edge).await?.into_split();
    let sending = tokio::spawn(async move {
        writes.write_all(b"GET /api/v1/models HTTP/1.1\r\nhost: x\r\n").await?;
        for n in 0..HEADERS {
            writes.write_all(format!("x-{n}: {n}\r\n").as_bytes()).await?;
        }
        writes.write_all(b"\r\n").await
    });
    let status = tokio::time::timeout(PATIENCE, status(&mut reads)).await.context("no answer")?;
    sending.abort();
    ensure!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
    Ok(())
}

/// The status of an answer; `None` when the connection ended without one.
async fn status(reads: &mut tokio::net::tcp::OwnedReadHalf) -> Option<u16> {
    let mut said = Vec::new();
    while said.len() < "HTTP/1.1 413".len() {
        let read = reads.read_buf(&mut said).await.ok()?;
        if read == 0 {
            return None;
        }
    }
    std::str::from_utf8(&said).ok()?.get(9..12)?.parse().ok()
}

/// HTTP/2 requests that are taken back as soon as they are made. The server says goodbye.
async fn many_resets(edge: &str) -> anyhow::Result<()> {
    /// GET, http, `/`, and an authority `x`, out of the static table.
    const REQUEST: [u8; 6] = [0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
    const HEADERS_THAT_END: [u8; 5] = [0, 0, 6, 1, 5];
    const RESET: [u8; 5] = [0, 0, 4, 3, 0];
    const CANCEL: u32 = 8;
    let (mut reads, mut writes) = TcpStream::connect(edge).await?.into_split();
    let sending = tokio::spawn(async move {
        writes.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        // Settings that change nothing.
        writes.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
        for many in 0..RESETS / 100 {
            let mut frames = Vec::new();
            for n in 0..100 {
                let stream = (2 * (many * 100 + n) + 1).to_be_bytes();
                frames.extend([&HEADERS_THAT_END[..], &stream, &REQUEST].concat());
                frames.extend([&RESET[..], &stream, &CANCEL.to_be_bytes()].concat());
            }
            writes.write_all(&frames).await?;
        }
        std::future::pending::<()>().await;
        std::io::Result::Ok(())
    });
    let mut said = Vec::new();
    let goodbye = tokio::time::timeout(PATIENCE, async {
        while reads.read_buf(&mut said).await.is_ok_and(|length| length > 0) {}
    });
    goodbye.await.context("the connection goes on")?;
    sending.abort();
    Ok(())
}
