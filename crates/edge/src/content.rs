//! What was sent to models and came back, where an organisation has it kept.

use identity::{GenerationId, KeyWrapper};
use pg::TenantTx;
use serde_json::Value;

use crate::Error;

/// One generation's input and output.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchange {
    /// The client's messages or prompt.
    pub(crate) input: Value,
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) completion: Option<String>,
    pub(crate) reasoning: Option<String>,
    pub(crate) tool_calls: Vec<Value>,
}

/// What is kept of a generation.
///
/// # Errors
/// [`Error::Database`], and [`Error::Seal`] when it does not open.
#[allow(clippy::unused_async, reason = "nothing is kept yet")]
pub(crate) async fn read(
    _tx: &mut TenantTx,
    _wrapper: &dyn KeyWrapper,
    _generation: GenerationId,
) -> Result<Option<Exchange>, Error> {
    Ok(None)
}
