//! Some services in one process, configured and not set up: a pod of a cluster.

use identity::Role;

use crate::cli::Shared;
use crate::config::Config;
use crate::console;
use crate::platform::{Platform, Sockets, bind_public};
use crate::signals::Signals;

/// Runs `roles` until a signal.
pub(crate) async fn serve(shared: &Shared, mut roles: Vec<Role>) -> anyhow::Result<()> {
    roles.sort_unstable();
    roles.dedup();
    let config = Config::load(shared)?;
    config.check(&roles)?;
    let mut signals = Signals::listen()?;
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let _telemetry = lifecycle::init_telemetry(&config.telemetry, &names.join("+"))?;
    let sockets = Sockets::bind(&config, &roles).await?;
    let platform = Platform::start(config, &roles, sockets, console::built_in()?).await?;
    tracing::info!(roles = names.join(","), "started");
    platform.run(&mut signals).await
}

/// Runs the simulator until a signal.
pub(crate) async fn simulate(shared: &Shared) -> anyhow::Result<()> {
    let config = Config::load(shared)?;
    let mut signals = Signals::listen()?;
    let _telemetry = lifecycle::init_telemetry(&config.telemetry, "simulator")?;
    let listener = bind_public(config.simulator.listen).await?;
    let tasks = lifecycle::Tasks::default();
    let server = simulator::serve(listener, config.simulator, tasks.shutdown().clone());
    tokio::pin!(server);
    tokio::select! {
        outcome = &mut server => return Ok(outcome?),
        () = signals.next() => tasks.shutdown().begin(),
    }
    tokio::select! {
        outcome = &mut server => Ok(outcome?),
        () = signals.next() => Ok(()),
    }
}
