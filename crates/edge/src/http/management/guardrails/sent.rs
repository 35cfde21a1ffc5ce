//! What is sent to make and to change a guardrail.

use pricing::Amount;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{bad, budgets};
use crate::guardrails::Rules;
use crate::http::reply::Refusal;
use crate::store::guardrails as stored;
use crate::text;

/// A new guardrail. It forbids nothing until it is assigned to keys or members.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateGuardrailRequest)]
pub(super) struct CreateGuardrail {
    /// 1 to 200 characters.
    #[serde(rename = "name")]
    #[schema(min_length = 1, max_length = 200)]
    _name: String,
    /// Where it is kept: the default workspace, unless another is named.
    pub(super) workspace_id: Option<Uuid>,
    #[serde(flatten)]
    pub(super) change: Change,
    #[serde(rename = "rules", flatten)]
    _rules: Rules,
}

/// What is not sent stays as it is, and null takes a rule away. Lists are replaced as a whole.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UpdateGuardrailRequest)]
pub(super) struct UpdateGuardrail {
    /// 1 to 200 characters.
    #[serde(rename = "name")]
    #[schema(min_length = 1, max_length = 200)]
    _name: Option<String>,
    #[serde(flatten)]
    pub(super) change: Change,
    #[serde(rename = "rules", flatten)]
    _rules: Rules,
}

/// What may be said both at first and later.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChangeGuardrail)]
pub(super) struct Change {
    /// At most 1,000 characters.
    description: Option<String>,
    /// In USD above 0, for each key and each member that it is assigned to.
    limit_usd: Option<f64>,
    /// Null = the limit is for ever.
    reset_interval: Option<Interval>,
    /// Whether what the organisation's own provider keys serve counts too.
    include_byok_in_budgets: Option<bool>,
    /// Stands for those of the five groups that are not sent.
    #[serde(rename = "enforce_zdr")]
    _enforce_zdr: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GuardrailInterval)]
enum Interval {
    Daily,
    Weekly,
    Monthly,
}

impl Interval {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }
}

/// Reads a body whose members are of the right types.
///
/// # Errors
/// A refusal that names the member that is not.
pub(super) fn read<T: DeserializeOwned>(body: &Map<String, Value>) -> Result<T, Refusal> {
    // By themselves first: what is a part of something else does not know its own name.
    typed::<Change>(body)?;
    typed::<Rules>(body)?;
    typed(body)
}

fn typed<T: DeserializeOwned>(body: &Map<String, Value>) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(body.clone())).map_err(|error| bad(error.to_string()))
}

impl Change {
    /// Takes over what was sent beside the rules.
    pub(super) fn put(
        self,
        guardrail: &mut stored::Guardrail,
        body: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        if let Some(name) = body.get("name").and_then(Value::as_str) {
            text::line("name", name, 200)?;
            name.clone_into(&mut guardrail.name);
        }
        if body.contains_key("description") {
            text::note("description", self.description.as_deref().unwrap_or_default(), 1_000)?;
            guardrail.description = self.description;
        }
        if body.contains_key("limit_usd") {
            let limit: Option<Amount> = self.limit_usd.map(budgets::amount).transpose()?;
            guardrail.limit = limit;
        }
        if body.contains_key("reset_interval") {
            guardrail.reset_interval = self.reset_interval.map(|interval| interval.as_str().to_owned());
        }
        guardrail.counts_own_keys = self.include_byok_in_budgets.unwrap_or(guardrail.counts_own_keys);
        Ok(())
    }
}
