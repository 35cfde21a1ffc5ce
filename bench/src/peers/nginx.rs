//! nginx as a plain proxy: what a hop costs that does nothing.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;

use super::{free_port, listening};
use crate::target::{Kind, Route, Stop, Target};
use crate::upstream::Upstream;

pub(super) async fn start(upstream: &Upstream) -> anyhow::Result<Target> {
    let version = Command::new("nginx").arg("-v").output().await.context("nginx is not installed")?;
    let version =
        String::from_utf8_lossy(&version.stderr).trim().trim_start_matches("nginx version: ").to_owned();
    let directory = tempfile::Builder::new().prefix("patchbay-bench-nginx-").tempdir()?;
    let port = free_port()?;
    let configuration = configuration(port, upstream.base.trim_start_matches("http://"))?;
    let file = directory.path().join("nginx.conf");
    tokio::fs::write(&file, configuration).await?;
    let mut child = Command::new("nginx")
        .arg("-e")
        .arg(directory.path().join("error.log"))
        .arg("-p")
        .arg(directory.path())
        .arg("-c")
        .arg(&file)
        .kill_on_drop(true)
        .spawn()?;
    listening(&mut child, port, Duration::from_secs(10)).await?;
    let own = vec![child.id().context("nginx has ended")?];
    Ok(Target {
        kind: Kind::Nginx,
        version,
        authority: format!("127.0.0.1:{port}"),
        key: "none".to_owned(),
        route: Route::Path,
        own,
        backing: Vec::new(),
        database_url: None,
        stop: Stop::Child(Box::new(child), vec![directory]),
    })
}

fn configuration(port: u16, upstream: &str) -> anyhow::Result<String> {
    let workers = std::thread::available_parallelism()?;
    let mut text = String::new();
    writeln!(text, "daemon off; worker_processes {workers}; pid nginx.pid; error_log error.log crit;")?;
    writeln!(text, "worker_rlimit_nofile 65536; events {{ worker_connections 32768; }}")?;
    writeln!(text, "http {{ access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k;")?;
    for folder in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "{folder}_temp_path {folder};")?;
    }
    writeln!(
        text,
        "upstream simulator {{ server {upstream}; keepalive 512; keepalive_requests 1000000000; }}"
    )?;
    writeln!(
        text,
        "server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://simulator;"
    )?;
    writeln!(
        text,
        "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; }} }} }}"
    )?;
    Ok(text)
}
