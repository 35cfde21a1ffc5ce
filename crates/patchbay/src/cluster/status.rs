//! `patchbay cluster status`.

use anyhow::bail;

use super::state::State;
use super::wait;
use crate::data_dir::DataDir;
use crate::say;

pub(super) async fn status(data_dir: &DataDir) -> anyhow::Result<()> {
    let Some(state) = State::load(data_dir)? else {
        bail!("no cluster runs on {}", data_dir.path().display());
    };
    say::line(format_args!("{:<20} {:>8}  {:<22} state", "instance", "pid", "address"));
    let client = reqwest::Client::new();
    let mut unwell = 0;
    for instance in &state.instances {
        let condition = match (instance.is_alive(), wait::is_ready(&client, instance).await) {
            (true, true) => "ready",
            (true, false) => "not ready",
            (false, _) => "not running",
        };
        unwell += usize::from(condition != "ready");
        let (name, address) = (instance.name(), instance.address.to_string());
        say::line(format_args!("{name:<20} {:>8}  {address:<22} {condition}", instance.pid));
    }
    if unwell > 0 {
        bail!("{unwell} of {} are not ready", state.instances.len());
    }
    Ok(())
}
