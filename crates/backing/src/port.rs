//! Ports for servers that come back to the same port after they were killed.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use rand::RngExt as _;

use crate::Error;

/// Below the range from which systems take the local port of outgoing connections, so that none of those
/// can sit on a server's port while it restarts.
const PORTS: Range<u16> = 12_000..32_000;
const TRIES: usize = 1_000;

/// `count` different loopback ports that nobody listens on now.
///
/// # Errors
/// [`Error::NoPort`] when there are not that many.
pub fn free_ports(count: usize) -> Result<Vec<u16>, Error> {
    let mut rng = rand::rng();
    // Held until all are found, so that none is found twice.
    let mut held = Vec::new();
    for _ in 0..TRIES {
        if held.len() == count {
            break;
        }
        let port = rng.random_range(PORTS);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(Error::NoPort);
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

/// The wanted port, else a free one.
pub(crate) fn port_or_free(wanted: Option<u16>) -> Result<u16, Error> {
    match wanted {
        Some(port) => Ok(port),
        None => free_ports(1)?.pop().ok_or(Error::NoPort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_differ_and_are_free() {
        let mut ports = free_ports(20).unwrap();
        for port in &ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap();
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }
}
