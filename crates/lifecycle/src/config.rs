//! Configuration: embedded defaults, then a file, then the environment; unknown keys are refused.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

/// What precedes every variable: `PATCHBAY__EDGE__LISTEN` sets `edge.listen`.
const PREFIX: &str = "PATCHBAY__";

/// The configuration is not valid; the message names the key.
#[derive(Debug, thiserror::Error)]
#[error("invalid configuration: {0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// What is wrong with `key`, such as `services.signing_key`, for values that only their user can check.
    #[must_use]
    pub fn of(key: &str, problem: impl std::fmt::Display) -> Self {
        Self(format!("`{key}`: {problem}"))
    }
}

/// A variable that is not ours but that we honour, such as `DATABASE_URL`; empty counts as absent.
#[must_use]
pub fn foreign_variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

/// Every variable of ours, name and value, for handing on to a process that is to be configured alike.
#[must_use]
pub fn our_variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect()
}

/// Reads the configuration: `defaults` (TOML), overridden by `file`, overridden by `inline` (TOML made by
/// the program itself, such as the addresses of a private database), overridden by the environment.
///
/// # Errors
/// [`ConfigError`] naming the offending key.
pub fn load<T: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    inline: &str,
) -> Result<T, ConfigError> {
    let mut figment = Figment::from(Toml::string(defaults));
    if let Some(path) = file {
        if !path.is_file() {
            return Err(ConfigError(format!("the file {} does not exist", path.display())));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment
        .merge(Toml::string(inline))
        .merge(Env::prefixed(PREFIX).split("__"))
        .extract()
        .map_err(|error| ConfigError(describe(error)))
}

/// All the causes, one a line, each with its key and where it was set.
fn describe(error: figment::Error) -> String {
    error
        .into_iter()
        .map(|cause| {
            let key = cause.path.join(".");
            let place = cause.metadata.as_ref().map(|metadata| metadata.name.to_string());
            match (key.is_empty(), place) {
                (true, None) => cause.kind.to_string(),
                (true, Some(place)) => format!("{} (from {place})", cause.kind),
                (false, None) => format!("`{key}`: {}", cause.kind),
                (false, Some(place)) => format!("`{key}`: {} (from {place})", cause.kind),
            }
        })
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        edge: Edge,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Edge {
        port: u16,
    }

    #[test]
    fn later_layers_win_and_errors_name_the_key() {
        let sample: Sample = load("[edge]\nport = 1", None, "[edge]\nport = 2").unwrap();
        assert_eq!(sample.edge.port, 2);
        let wrong = load::<Sample>("[edge]\nport = 'x'", None, "").unwrap_err().to_string();
        assert!(wrong.contains("edge.port"), "{wrong}");
        let unknown = load::<Sample>("[edge]\nport = 1\nprot = 2", None, "").unwrap_err().to_string();
        assert!(unknown.contains("prot"), "{unknown}");
        let missing = load::<Sample>("", Some(Path::new("/nonexistent.toml")), "").unwrap_err();
        assert!(missing.to_string().contains("nonexistent"));
    }
}
