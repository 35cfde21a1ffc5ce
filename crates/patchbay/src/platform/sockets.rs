//! The sockets of a process, bound before anything is built on them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;

use anyhow::{Context as _, anyhow};
use identity::Role;
use tokio::net::TcpListener;

use crate::config::Config;

/// Bound sockets.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) edge: Option<TcpListener>,
    pub(crate) grpc: BTreeMap<Role, TcpListener>,
    pub(crate) probes: Vec<TcpListener>,
}

impl Sockets {
    /// Binds everything that `roles` listen on by the configuration.
    pub(crate) async fn bind(config: &Config, roles: &[Role]) -> anyhow::Result<Self> {
        let mut sockets = Self::default();
        for role in roles {
            if let Some(service) = config.services.called(*role) {
                let name = format!("services.{}.grpc_listen", key(*role));
                sockets.grpc.insert(*role, bind(service.grpc_listen, &name).await?);
            } else {
                sockets.edge = Some(bind_public(config.edge.listen).await?);
            }
            let name = format!("services.{}.probe_listen", key(*role));
            sockets.probes.push(bind(config.services.probe_listen(*role), &name).await?);
        }
        Ok(sockets)
    }
}

/// Binds the public address, or says which flag changes it.
pub(crate) async fn bind_public(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {} is taken by another program: choose another with --listen {}:{}",
            address.port(),
            address.ip(),
            address.port().wrapping_add(1)
        ),
        _ => anyhow!(error).context(format!("{address} cannot be listened on (--listen changes it)")),
    })
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("`{key}`: {address} cannot be listened on"))
}

/// A role's section of the configuration.
fn key(role: Role) -> String {
    role.as_str().replace('-', "_")
}
