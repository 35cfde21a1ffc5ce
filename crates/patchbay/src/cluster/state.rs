//! What a cluster consists of, kept in `run/cluster.json` so that any part can be started again.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;
use crate::manifest::{RunningProcess, shell_command, write_pids};
use crate::secrets::Secrets;

/// The program an instance runs. In the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Program {
    Postgres,
    Redis,
    Nats,
    Simulator,
    Billing,
    Router,
    ProviderWorker,
    Edge,
}

impl Program {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Simulator => "simulator",
            Self::Billing => "billing",
            Self::Router => "router",
            Self::ProviderWorker => "provider-worker",
            Self::Edge => "edge",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) program: Program,
    /// Counts within its program, from 0.
    pub(super) number: usize,
    /// Where it listens for its callers.
    pub(super) address: SocketAddr,
    /// Where its probes answer, if it has any.
    pub(super) probe: Option<SocketAddr>,
    /// Of Postgres, Redis and NATS: how to connect, password included.
    pub(super) url: Option<String>,
    /// 0 = not started yet.
    pub(super) pid: u32,
    /// When the process started, as `backing::started_at` says it.
    pub(super) started: Option<String>,
    pub(super) data_dir: PathBuf,
    pub(super) log: PathBuf,
}

impl Instance {
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.program, self.number)
    }

    /// Whether that very process runs; a pid that went to another program does not count.
    pub(super) fn is_alive(&self) -> bool {
        self.pid != 0 && backing::is_alive(self.pid) && backing::started_at(self.pid) == self.started
    }

    pub(super) fn probe_port(&self) -> Option<u16> {
        self.probe.map(|probe| probe.port())
    }

    pub(super) fn runs_as(&mut self, pid: u32) {
        self.pid = pid;
        self.started = backing::started_at(pid);
    }

    fn describe(&self, data_dir: &DataDir) -> anyhow::Result<RunningProcess> {
        let name = self.name();
        Ok(RunningProcess {
            name: self.program.to_string(),
            pids: vec![self.pid],
            restart_cmd: shell_command(&["cluster", "restart", &name], data_dir)?,
            instance: name,
            data_dir: self.data_dir.clone(),
            log: self.log.clone(),
            address: self.address.to_string(),
            probe: self.probe.map(|probe| probe.to_string()),
        })
    }
}

/// The whole cluster.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) secrets: Secrets,
    /// What the simulator signs payment events with; absent when a real processor is configured.
    pub(super) webhook_secret: Option<String>,
    /// Servers that were given and are not ours.
    pub(super) database_url: Option<String>,
    pub(super) redis_url: Option<String>,
    pub(super) nats_url: Option<String>,
    /// The user's own configuration, TOML, under what the cluster sets.
    pub(super) configuration: String,
    /// Our variables at the start, for processes that are started later.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) instances: Vec<Instance>,
}

impl State {
    /// The cluster of a directory, if there was one.
    pub(super) fn load(data_dir: &DataDir) -> anyhow::Result<Option<Self>> {
        let path = data_dir.run("cluster.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).map(Some).with_context(|| path.display().to_string())
    }

    /// Writes the state, and `run/pids.json` from it.
    pub(super) fn save(&self, data_dir: &DataDir) -> anyhow::Result<()> {
        backing::write_secret(&data_dir.run("cluster.json"), &serde_json::to_string_pretty(self)?)?;
        let started = self.instances.iter().filter(|instance| instance.pid != 0);
        let processes: Vec<RunningProcess> =
            started.map(|instance| instance.describe(data_dir)).collect::<anyhow::Result<_>>()?;
        write_pids(data_dir, &processes)
    }

    /// Removes what [`Self::save`] wrote: nothing runs any more.
    pub(super) fn forget(data_dir: &DataDir) -> anyhow::Result<()> {
        write_pids(data_dir, &[])?;
        Ok(std::fs::remove_file(data_dir.run("cluster.json"))?)
    }

    pub(super) fn of(&self, program: Program) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(move |instance| instance.program == program)
    }

    pub(super) fn find(&mut self, name: &str) -> anyhow::Result<&mut Instance> {
        let known: Vec<String> = self.instances.iter().map(Instance::name).collect();
        self.instances
            .iter_mut()
            .find(|instance| instance.name() == name)
            .with_context(|| format!("there is no instance {name}; there are {}", known.join(", ")))
    }

    /// How services connect to a server of ours or the given one; empty = there is none.
    pub(super) fn url(&self, program: Program) -> String {
        let given = match program {
            Program::Postgres => &self.database_url,
            Program::Redis => &self.redis_url,
            Program::Nats => &self.nats_url,
            _ => &None,
        };
        let ours = || self.of(program).find_map(|instance| instance.url.clone());
        given.clone().or_else(ours).unwrap_or_default()
    }

    /// Base URL of the simulator; empty = there is none.
    pub(super) fn simulator(&self) -> String {
        self.of(Program::Simulator).next().map(|one| format!("http://{}", one.address)).unwrap_or_default()
    }

    /// `host:port` of every replica.
    pub(super) fn addresses(&self, program: Program) -> Vec<String> {
        self.of(program).map(|instance| instance.address.to_string()).collect()
    }
}
