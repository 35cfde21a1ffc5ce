//! What operators decide about every choice, in a form that is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::choose::Policy;
use crate::{AutoConfig, Config};

/// Everything that a [`Policy`] is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    max_attempts: usize,
    #[serde(default)]
    auto: AutoConfig,
}

impl Rules {
    pub(crate) fn of(config: &Config) -> Self {
        Self { max_attempts: config.max_attempts, auto: config.auto.clone() }
    }

    pub(crate) const fn policy(&self) -> Policy<'_> {
        Policy { max_attempts: self.max_attempts, auto: &self.auto }
    }

    /// The same with some members replaced, within objects member by member.
    ///
    /// # Errors
    /// The reader's words for a member that there is not, or that is of another type.
    pub(super) fn with(&self, members: &Map<String, Value>) -> Result<Self, serde_json::Error> {
        let mut whole = serde_json::to_value(self)?;
        if let Some(own) = whole.as_object_mut() {
            merge(own, members);
        }
        serde_json::from_value(whole)
    }
}

fn merge(own: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (name, value) in other {
        match (own.get_mut(name), value) {
            (Some(Value::Object(own)), Value::Object(other)) => merge(own, other),
            _ => {
                own.insert(name.clone(), value.clone());
            }
        }
    }
}
