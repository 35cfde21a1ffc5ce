//! Clients that say as little as they can for as long as they may: all are cut off, and others do not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::Site;
use crate::drills::is_long;

/// Far above what the limits of this platform come to; whoever is not cut off by then never is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two bytes.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn connections_are_cut_off_while_others_are_served(site: &Site) -> anyhow::Result<()> {
    let many = if is_long() { 1_000 } else { 64 };
    let openings = openings(site);
    let edges = site.edges();
    let over = Arc::new(AtomicBool::new(false));
    let served = tokio::spawn(serve(site.platform.api(), site.model.clone(), Arc::clone(&over)));
    let slow = (0..many).map(|n| {
        let edge = edges[n % edges.len()].trim_start_matches("http://").to_owned();
        let opening = openings[n / edges.len() % openings.len()].clone();
        async move {
            let shown = opening.lines().next().unwrap_or_default().to_owned();
            let cut = tokio::time::timeout(PATIENCE, until_cut(&edge, &opening)).await;
            cut.with_context(|| format!("never cut off: {shown}"))?.with_context(|| shown)
        }
    });
    let cut = join_all(slow).await;
    over.store(true, Ordering::Relaxed);
    let served = served.await??;
    for outcome in cut {
        outcome?;
    }
    eprintln!("{many} slow connections were cut off while {served} requests were served");
    ensure!(served > 0, "nobody else was served");
    Ok(())
}

/// How slow clients begin, each of its own kind.
fn openings(site: &Site) -> Vec<String> {
    let body = |path: &str, bearer: &str, kind: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-type: {kind}\r\n\
             content-length: 100000\r\n\r\n"
        )
    };
    let (json, form) = ("application/json", "multipart/form-data; boundary=x");
    let dev = &site.platform.dev;
    vec![
        "GET /api/v1/models HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(),
        "POST /api/v1/chat/completions HT".to_owned(),
        "PRI * HTTP/2.0\r\n".to_owned(),
        "P".to_owned(),
        String::new(),
        body("/api/v1/chat/completions", &dev.api_key, json),
        body("/api/v1/audio/transcriptions", &dev.api_key, form),
        body("/api/v1/keys", &dev.management_key, json),
        body("/admin/v1/tenants", &dev.admin_token, json),
        body("/account/v1/sign-in", "", json),
        body("/webhooks/stripe", "", json),
        body("/api/v1/chat/completions", "nobody", json),
    ]
}

/// Says a byte now and then until the connection is closed.
async fn until_cut(edge: &str, opening: &str) -> anyhow::Result<()> {
    let (reads, mut writes) = TcpStream::connect(edge).await?.into_split();
    writes.write_all(opening.as_bytes()).await?;
    let mut closed = Box::pin(closed(reads));
    // A half of the preface is said no further: every other byte would make it something else.
    let is_silent = opening.is_empty() || "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".starts_with(opening);
    loop {
        tokio::select! {
            () = &mut closed => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {
                if !is_silent && writes.write_all(b"{").await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

async fn closed(mut reads: OwnedReadHalf) {
    let mut read = [0; 4_096];
    while reads.read(&mut read).await.is_ok_and(|length| length > 0) {}
}

/// Asks until it is over; every answer is good, but that a busy machine may refuse for a while.
async fn serve(api: testkit::Api, model: String, over: Arc<AtomicBool>) -> anyhow::Result<usize> {
    let mut served = 0;
    while !over.load(Ordering::Relaxed) {
        let reply = api.ask(&model, "Say hello.").await?;
        ensure!(matches!(reply.status, 200 | 503), "{reply:?}");
        served += usize::from(reply.status == 200);
    }
    Ok(served)
}
