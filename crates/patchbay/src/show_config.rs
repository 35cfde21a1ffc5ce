//! `patchbay config`.

use anyhow::Context as _;
use clap::Subcommand;
use identity::{MasterKey, Role};
use rpc::ServiceKeys;
use secrecy::ExposeSecret as _;
use toml::{Table, Value};

use crate::cli::{Shared, role};
use crate::config::{Config, DEFAULTS};
use crate::say;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the configuration in force, secrets masked
    Dump,
    /// Checks the configuration; exits 64 and names the key when it is not valid
    Check {
        /// The services that are to run on it; none = the file alone is checked
        #[arg(long, value_delimiter = ',', value_parser = role)]
        roles: Vec<Role>,
    },
    /// Makes the two keys that all services share
    Keys,
}

pub(crate) fn run(shared: &Shared, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Dump => dump(shared),
        Command::Check { roles } => {
            let config = Config::load(shared)?;
            if !roles.is_empty() {
                config.check(roles)?;
            }
            say::line("the configuration is valid");
            Ok(())
        }
        Command::Keys => {
            say::line("[services]");
            say::line(format_args!("signing_key = \"{}\"", ServiceKeys::generate()?.expose_secret()));
            say::line(format_args!("master_key = \"{}\"", MasterKey::generate_hex()));
            Ok(())
        }
    }
}

fn dump(shared: &Shared) -> anyhow::Result<()> {
    Config::load(shared)?;
    let mut table: Table = lifecycle::load(DEFAULTS, shared.config.as_deref(), "")?;
    if let Some(data_dir) = &shared.data_dir {
        table.insert("data_dir".to_owned(), Value::String(data_dir.display().to_string()));
    }
    if let (Some(listen), Some(Value::Table(edge))) = (shared.listen, table.get_mut("edge")) {
        edge.insert("listen".to_owned(), Value::String(listen.to_string()));
    }
    mask(&mut table);
    say::line(toml::to_string(&table).context("the configuration cannot be printed")?.trim_end());
    Ok(())
}

/// Replaces every secret that is set.
fn mask(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => mask(inner),
            Value::String(text) if !text.is_empty() => {
                if ["password", "token", "secret"].iter().any(|word| key.contains(word))
                    || key.ends_with("_key")
                    || key.starts_with("master_key")
                {
                    *text = "***".to_owned();
                } else if let Ok(mut url) = url::Url::parse(text)
                    && url.password().is_some()
                    && url.set_password(Some("***")).is_ok()
                {
                    *text = url.to_string();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let text = "[a]\nsigning_key = 'abc'\nmaster_key = ''\nmaster_key_previous = 'abc'\nurl = 'postgres://u:p@h:1/d'\nname = 'n'";
        let mut table: Table = text.parse().unwrap();
        mask(&mut table);
        let masked = toml::to_string(&table).unwrap();
        assert!(!masked.contains("abc") && masked.contains("postgres://u:***@h:1/d"), "{masked}");
        assert!(masked.contains("master_key = \"\"") && masked.contains("name = \"n\""), "{masked}");
    }
}
