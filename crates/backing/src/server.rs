//! A private Redis or NATS: one program, one folder, one port, one password.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use secrecy::SecretString;

use crate::process::{Process, log_tail};
use crate::{Error, executable, nats, port, random_text, redis, write_secret};

const READY_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shared windows only: it keeps nothing.
    Redis,
    /// With JetStream, on disk.
    Nats,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Nats => "NATS",
        }
    }

    /// Whether this machine has the program.
    #[must_use]
    pub fn is_installed(self) -> bool {
        self.program().is_ok()
    }

    fn program(self) -> Result<PathBuf, Error> {
        let (names, hint) = match self {
            Self::Redis => (redis::PROGRAMS, redis::HINT),
            Self::Nats => (nats::PROGRAMS, nats::HINT),
        };
        executable::find(names).ok_or(Error::NotInstalled { program: self.name(), hint })
    }
}

/// What server is wanted.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where its configuration, its log and whatever it keeps lie.
    pub directory: PathBuf,
    /// The port; `None` = a free one.
    pub port: Option<u16>,
    /// The password; `None` = a new one.
    pub password: Option<SecretString>,
}

/// A running server. Dropping it leaves the server running.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    process: Process,
    directory: PathBuf,
    port: u16,
    password: SecretString,
}

impl Server {
    /// Starts a server and answers when it takes commands.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], [`Error::NotStarted`] with the end of its log, [`Error::Io`].
    pub async fn start(kind: Kind, options: &ServerOptions) -> Result<Self, Error> {
        let program = kind.program()?;
        let directory = options.directory.clone();
        std::fs::create_dir_all(&directory).map_err(Error::io(&directory))?;
        let port = port::port_or_free(options.port)?;
        let password = options.password.clone().unwrap_or_else(|| random_text(32).into());
        let settings = directory.join("server.conf");
        let mut command = Command::new(program);
        let content = match kind {
            Kind::Redis => redis::configuration(port, &password),
            Kind::Nats => {
                command.arg("-c");
                nats::configuration(port, &password, &directory.join("streams"))
            }
        };
        write_secret(&settings, &content)?;
        command.arg(&settings).current_dir(&directory);
        let process = Process::spawn(&mut command, &directory.join("log"))?;
        let mut server = Self { kind, process, directory, port, password };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<(), Error> {
        let until = Instant::now() + READY_WITHIN;
        while self.process.is_alive() && Instant::now() < until {
            let answers = match self.kind {
                Kind::Redis => redis::answers(self.port, &self.password).await,
                Kind::Nats => nats::answers(self.port).await,
            };
            if answers.is_ok_and(|answers| answers) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        self.process.stop_blocking(Signal::SIGTERM);
        let log = self.log();
        Err(Error::NotStarted { name: self.kind.name(), tail: log_tail(&log), log })
    }

    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.process.pid()
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    #[must_use]
    pub const fn password(&self) -> &SecretString {
        &self.password
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the server logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// `redis://...` or `nats://...`, password included.
    #[must_use]
    pub fn url(&self) -> SecretString {
        match self.kind {
            Kind::Redis => redis::url(self.port, &self.password),
            Kind::Nats => nats::url(self.port, &self.password),
        }
    }

    /// Stops the server.
    ///
    /// # Errors
    /// [`Error::NotStopped`] when it outlives every signal.
    pub async fn stop(mut self) -> Result<(), Error> {
        let steps = [(Signal::SIGTERM, Duration::from_secs(10)), (Signal::SIGKILL, Duration::from_secs(5))];
        if self.process.stop(&steps).await {
            return Ok(());
        }
        Err(Error::NotStopped { name: self.kind.name(), pid: self.process.pid() })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn options(directory: &Path) -> ServerOptions {
        ServerOptions { directory: directory.to_owned(), port: None, password: None }
    }

    /// Starts a server, or says that this machine has none.
    async fn started(kind: Kind, directory: &Path) -> Option<Server> {
        if !kind.is_installed() {
            eprintln!("SKIPPED: {} is not installed", kind.name());
            return None;
        }
        Some(Server::start(kind, &options(directory)).await.unwrap())
    }

    async fn comes_back(server: Server) -> Server {
        let (kind, url) = (server.kind, server.url());
        let again = ServerOptions {
            directory: server.directory.clone(),
            port: Some(server.port),
            password: Some(server.password.clone()),
        };
        let old = server.pid();
        server.stop().await.unwrap();
        assert!(!crate::is_alive(old));
        let back = Server::start(kind, &again).await.unwrap();
        assert_eq!(
            secrecy::ExposeSecret::expose_secret(&back.url()),
            secrecy::ExposeSecret::expose_secret(&url)
        );
        back
    }

    #[tokio::test]
    async fn redis_takes_commands_by_its_url_and_from_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = started(Kind::Redis, folder.path()).await else { return };
        let server = comes_back(server).await;
        let client = ::redis::Client::open(server.url().expose_secret()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let pong: String = ::redis::cmd("PING").query_async(&mut connection).await.unwrap();
        assert_eq!(pong, "PONG");
        let stranger = ::redis::Client::open(format!("redis://127.0.0.1:{}/", server.port())).unwrap();
        let mut connection = stranger.get_multiplexed_async_connection().await.unwrap();
        ::redis::cmd("PING").query_async::<String>(&mut connection).await.unwrap_err();
        server.stop().await.unwrap();
    }

    #[tokio::test]
    async fn nats_keeps_its_streams_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = started(Kind::Nats, folder.path()).await else { return };
        let config =
            || async_nats::jetstream::stream::Config { name: "kept".to_owned(), ..Default::default() };
        let password = server.password().expose_secret().to_owned();
        let connect = || {
            // The client takes no credentials from the URL.
            async_nats::ConnectOptions::with_user_and_password("patchbay".to_owned(), password.clone())
        };
        let client = connect().connect(server.url().expose_secret()).await.unwrap();
        let streams = async_nats::jetstream::new(client);
        streams.create_stream(config()).await.unwrap();
        streams.publish("kept", "word".into()).await.unwrap().await.unwrap();
        let server = comes_back(server).await;
        let client = connect().connect(server.url().expose_secret()).await.unwrap();
        let stream = async_nats::jetstream::new(client).get_stream("kept").await.unwrap();
        assert_eq!(stream.cached_info().state.messages, 1);
        async_nats::connect(format!("127.0.0.1:{}", server.port())).await.unwrap_err();
        server.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_cannot_start_shows_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = started(Kind::Redis, &folder.path().join("one")).await else { return };
        let taken = ServerOptions { port: Some(server.port()), ..options(&folder.path().join("two")) };
        let error = Server::start(Kind::Redis, &taken).await.unwrap_err().to_string();
        assert!(error.contains("Redis did not start") && error.contains("in use"), "{error}");
        server.stop().await.unwrap();
    }
}
