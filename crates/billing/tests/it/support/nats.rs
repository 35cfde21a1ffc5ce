//! A private NATS server with JetStream.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use uuid::Uuid;

const KEEPER: &str = r#"
trap '' INT TERM HUP
nats-server -a 127.0.0.1 -p "$2" -js -sd "$1" >"$1/log" 2>&1 &
read -r _
kill -KILL $!
wait
"#;

pub(crate) struct Nats {
    folder: PathBuf,
    port: u16,
    keeper: Option<Child>,
}

impl Nats {
    /// `None`, said aloud, where no server is installed.
    pub(crate) async fn start() -> Option<Self> {
        let installed = Command::new("nats-server").arg("--version").output().is_ok();
        if !installed {
            eprintln!("SKIPPED: nats-server is not installed (apt-get install nats-server)");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("billing-nats-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        // The port is free now; whoever takes it in between makes the start fail, and another is tried.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut nats = Self { folder: folder.clone(), port, keeper: None };
            nats.resume();
            if nats.connect_within(Duration::from_secs(10)).await.is_some() {
                return Some(nats);
            }
            nats.kill();
        }
        panic!("nats-server did not start: {}", fs::read_to_string(folder.join("log")).unwrap_or_default());
    }

    /// Kills the server; what it stored stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().unwrap();
        }
    }

    /// Removes everything that the stopped server stored.
    pub(crate) fn wipe(&self) {
        fs::remove_dir_all(self.folder.join("jetstream")).unwrap();
    }

    pub(crate) fn resume(&mut self) {
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.folder)
            .arg(self.port.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        self.keeper = Some(keeper);
    }

    pub(crate) async fn client(&self) -> async_nats::Client {
        self.connect_within(Duration::from_secs(20)).await.unwrap()
    }

    async fn connect_within(&self, limit: Duration) -> Option<async_nats::Client> {
        let url = format!("nats://127.0.0.1:{}", self.port);
        let connect = async {
            loop {
                if let Ok(client) = async_nats::connect(&url).await {
                    return client;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(limit, connect).await.ok()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
