//! The server that an earlier run left behind.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::database::Access;
use super::home::Home;
use crate::Error;
use crate::process::{Process, is_alive, program};

/// A server found in the middle of starting or stopping is given this long to make up its mind.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
struct Postmaster {
    pid: u32,
    port: u16,
    /// Key and id of its shared memory, once it has some.
    memory: Option<(String, String)>,
}

/// The server that runs on this cluster, if one does.
///
/// The file of a server that is gone is left for the next server to judge, unless its pid is not free: it
/// now belongs to another program, or to a process that nobody reaps. Those the next server would take for
/// a running one; then the file is removed, but only when no session of the old server is left.
pub(super) async fn find(home: &Home, access: &Access) -> Result<Option<(Process, Access)>, Error> {
    let path = home.cluster().join("postmaster.pid");
    let until = Instant::now() + PATIENCE;
    loop {
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
        let overdue = Instant::now() >= until;
        match parse(&text) {
            // Half written by a server that is starting, or cut short by one that died doing so.
            None if overdue => return remove(&path),
            None => {}
            Some(found) if !exists(found.pid) => return Ok(None),
            Some(found) if is_postgres(found.pid) => {
                let access = Access { port: found.port, ..access.clone() };
                if access.serves(home).await {
                    return Ok(Some((Process::adopt(found.pid), access)));
                }
                if overdue {
                    return Err(Error::NotStopped { name: super::NAME, pid: found.pid });
                }
            }
            Some(found) if !is_attached(&found) => return remove(&path),
            Some(found) if overdue => return Err(Error::NotStopped { name: super::NAME, pid: found.pid }),
            Some(_) => {}
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The server that runs on a cluster by what its file says, whoever owns it.
pub(super) fn running(cluster: &Path) -> Option<Process> {
    let found = parse(&std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?)?;
    is_postgres(found.pid).then(|| Process::adopt(found.pid))
}

fn remove(path: &Path) -> Result<Option<(Process, Access)>, Error> {
    std::fs::remove_file(path).map_err(Error::io(path))?;
    Ok(None)
}

/// Whether the pid is taken, be it by a process that has ended and was not reaped.
fn exists(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

fn is_postgres(pid: u32) -> bool {
    is_alive(pid) && program(pid).is_some_and(|name| name.contains("postgres"))
}

/// Whether a session of the server still holds its shared memory. Where the system does not tell, none does.
fn is_attached(found: &Postmaster) -> bool {
    let Some((key, id)) = &found.memory else { return false };
    let segments = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    segments.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.first() == Some(&key.as_str())
            && fields.get(1) == Some(&id.as_str())
            && fields.get(6).is_some_and(|attached| *attached != "0")
    })
}

/// The first line is the pid, the fourth the port, the seventh names the shared memory.
fn parse(text: &str) -> Option<Postmaster> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let port = lines.nth(2)?.trim().parse().ok()?;
    let memory = lines.nth(2).and_then(|line| {
        let (key, id) = line.trim().split_once(char::is_whitespace)?;
        Some((key.to_owned(), id.trim().to_owned()))
    });
    Some(Postmaster { pid, port, memory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_file_is_read() {
        let whole = "4711\n/data\n1764000000\n23456\n\n127.0.0.1\n  5432001    65536\nready   \n";
        let memory = Some(("5432001".to_owned(), "65536".to_owned()));
        assert_eq!(parse(whole), Some(Postmaster { pid: 4711, port: 23456, memory }));
        let young = parse("4711\n/data\n1764000000\n23456\n");
        assert_eq!(young, Some(Postmaster { pid: 4711, port: 23456, memory: None }));
        assert_eq!(parse("4711\n/data\n"), None);
        assert_eq!(parse(""), None);
    }
}
