//! Ports for servers that come back to the same port after they were killed.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use rand::RngExt as _;

use crate::Error;

/// Below the range from which systems take the local port of outgoing connections, so that none of those
/// can sit on a server's port while it restarts.
const PORTS: Range<u16> = 12_000..32_000;
const TRIES: usize = 1_000;

/// A port that nobody else can take until this is dropped, right before its server binds it.
#[derive(Debug)]
pub struct HeldPort(TcpListener);

impl HeldPort {
    /// Holds the port of a bound listener.
    #[must_use]
    pub const fn of(listener: TcpListener) -> Self {
        Self(listener)
    }

    /// Which one it is; 0 when the system does not say.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.local_addr().map_or(0, |address| address.port())
    }
}

/// `count` different loopback ports that nobody listens on now.
///
/// # Errors
/// [`Error::NoPort`] when there are not that many.
pub fn free_ports(count: usize) -> Result<Vec<HeldPort>, Error> {
    let mut rng = rand::rng();
    let mut held = Vec::new();
    for _ in 0..TRIES {
        if held.len() == count {
            break;
        }
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, rng.random_range(PORTS))) {
            held.push(HeldPort(listener));
        }
    }
    if held.len() < count {
        return Err(Error::NoPort);
    }
    Ok(held)
}

/// The wanted port, else a free one.
pub(crate) fn port_or_free(wanted: Option<u16>) -> Result<u16, Error> {
    match wanted {
        Some(port) => Ok(port),
        None => free_ports(1)?.pop().map(|held| held.port()).ok_or(Error::NoPort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_differ_are_held_and_then_free() {
        let held = free_ports(20).unwrap();
        let mut ports: Vec<u16> = held.iter().map(HeldPort::port).collect();
        TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0])).unwrap_err();
        drop(held);
        TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0])).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }
}
