//! Configuration: embedded defaults, then a file, then the environment; unknown keys are refused.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::de::DeserializeOwned;

/// What precedes every variable: `PATCHBAY__EDGE__LISTEN` sets `edge.listen`.
const PREFIX: &str = "PATCHBAY__";

/// The configuration is not valid; the message names the key.
#[derive(Debug, thiserror::Error)]
#[error("invalid configuration: {0}")]
pub struct ConfigError(String);

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
