//! What is NATS's own about a private server.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) const PROGRAMS: &[&str] = &["nats-server"];
pub(crate) const HINT: &str =
    "install it (Debian: apt-get install nats-server; macOS: brew install nats-server)";
const USER: &str = "patchbay";

pub(crate) fn configuration(port: u16, password: &SecretString, streams: &Path) -> String {
    format!(
        "listen: \"127.0.0.1:{port}\"\nmax_payload: 8388608\n\
         authorization {{ user: {USER}, password: \"{}\" }}\n\
         jetstream {{ store_dir: {streams:?}, max_mem: 64MB, max_file: 2GB }}\n",
        password.expose_secret()
    )
}

pub(crate) fn url(port: u16, password: &SecretString) -> SecretString {
    format!("nats://{USER}:{}@127.0.0.1:{port}", password.expose_secret()).into()
}

/// The server greets with a line that says what it has.
pub(crate) async fn answers(port: u16) -> std::io::Result<bool> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line.starts_with("INFO ") && line.contains("\"jetstream\":true"))
}
