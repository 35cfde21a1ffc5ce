//! A Redis of one's own.

pub(crate) struct Redis {
    server: backing::Server,
    _directory: tempfile::TempDir,
}

impl Redis {
    /// `None`, said aloud, where Redis is not installed.
    pub(crate) async fn start() -> Option<Self> {
        if !backing::Kind::Redis.is_installed() {
            println!("SKIPPED: Redis is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let options =
            backing::ServerOptions { directory: directory.path().to_owned(), port: None, password: None };
        let server = backing::Server::start(backing::Kind::Redis, &options).await.unwrap();
        Some(Self { server, _directory: directory })
    }

    pub(crate) fn client(&self) -> ::redis::Client {
        use secrecy::ExposeSecret as _;
        ::redis::Client::open(self.server.url().expose_secret()).unwrap()
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
    }
}
