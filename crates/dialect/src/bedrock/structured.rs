//! Answers in a schema from models that have no structured outputs but can be made to call a tool: the schema
//! becomes the input of one tool, and that input is the answer.

use super::family::Traits;
use super::plan::Plan;
use super::tools::ToolConfig;
use super::turns::Conversation;
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::structured::{DESCRIPTION, TOOL};
use crate::tool_input;

/// The tool in place of the schema, if there is need of it and nothing speaks against it: tools of the client,
/// now or before, reasoning (it goes with no forced tool), the beginning of an answer, or a schema that is no
/// object's.
pub(super) fn tool<'a>(
    request: &'a Request,
    target: &Target<'_>,
    traits: &Traits,
    plan: &Plan<'_>,
    conversation: &Conversation<'_>,
) -> Option<ToolConfig<'a>> {
    let Some(ResponseFormat::JsonSchema { schema, description, .. }) = &request.response_format else {
        return None;
    };
    let can_be_forced = traits.can_be_forced && target.takes("tools");
    let is_busy = !request.tools.is_empty() || conversation.has_calls() || conversation.is_prefilled();
    if traits.structured_outputs || !can_be_forced || is_busy || plan.reasons() || !tool_input::is_one(schema)
    {
        return None;
    }
    Some(ToolConfig::only(TOOL, description.as_deref().unwrap_or(DESCRIPTION), schema, traits))
}
