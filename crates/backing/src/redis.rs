//! What is Redis's own about a private server.

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const PROGRAMS: &[&str] = &["redis-server", "valkey-server"];
pub(crate) const HINT: &str = "install it (Debian: apt-get install redis-server; macOS: brew install redis)";

pub(crate) fn configuration(port: u16, password: &SecretString) -> String {
    format!(
        "bind 127.0.0.1\nprotected-mode yes\nport {port}\nrequirepass {}\nsave \"\"\nappendonly no\n\
         maxmemory 256mb\nmaxmemory-policy allkeys-lru\n",
        password.expose_secret()
    )
}

pub(crate) fn url(port: u16, password: &SecretString) -> SecretString {
    format!("redis://:{}@127.0.0.1:{port}/", password.expose_secret()).into()
}

/// Whether the server knows the password, which tells it from a stranger on the same port.
pub(crate) async fn answers(port: u16, password: &SecretString) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let question = format!("AUTH {}\r\nPING\r\nQUIT\r\n", password.expose_secret());
    stream.write_all(question.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.contains("+PONG"))
}
