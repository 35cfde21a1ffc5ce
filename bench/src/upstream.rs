//! The upstream of every target: the simulator in its fast mode, in a process of its own.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Stdio;

use anyhow::Context as _;
use lifecycle::Shutdown;
use serde_json::json;
use simulator::{Config, Mode};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::http;
use crate::scenario::Shape;

/// Serves until standard input ends, so that it never outlives its parent.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut out = std::io::stdout();
        writeln!(out, "http://{address}")?;
        out.flush()?;
        let shutdown = Shutdown::default();
        let config = Config { mode: Mode::Fast, ..Config::default() };
        let (mut input, mut nothing) = (tokio::io::stdin(), Vec::new());
        tokio::select! {
            served = simulator::serve(listener, config, shutdown) => served?,
            _ = input.read_to_end(&mut nothing) => {}
        }
        Ok(())
    });
    // A thread may still wait for input.
    runtime.shutdown_background();
    served
}

/// A running upstream, ended with the value.
pub(crate) struct Upstream {
    pub(crate) base: String,
    pub(crate) pid: u32,
    /// Holds the standard input whose end stops the process.
    _child: Child,
}

impl Upstream {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("upstream")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("the upstream has no output")?;
        let mut base = String::new();
        BufReader::new(out).read_line(&mut base).await?;
        let base = base.trim().to_owned();
        let pid = child.id().context("the upstream has ended")?;
        let upstream = Self { base, pid, _child: child };
        for shape in Shape::ALL {
            upstream.prepare(shape).await?;
        }
        Ok(upstream)
    }

    /// Makes the virtual provider of a shape answer as the shape says.
    async fn prepare(&self, shape: Shape) -> anyhow::Result<()> {
        let script = json!({
            "tokens": shape.tokens(),
            "answer_delay_ms": shape.answer_delay_ms(),
            "first_token_delay_ms": shape.first_token_delay_ms(),
            "delay_ms": shape.delay_ms(),
        });
        let url = format!("{}/p/{}/_admin/faults/*", self.base, shape.name());
        let reply = http::call("PUT", &url, &[], Some(&script)).await?;
        anyhow::ensure!(reply.status == 204, "the upstream refuses {script}: {}", reply.body);
        Ok(())
    }
}
