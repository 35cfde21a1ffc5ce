//! Answers in a schema from models that have no structured outputs but have tools: the schema becomes the
//! input of one tool that the model has to call, and that input is the answer.

use super::thinking::Thinking;
use super::tools;
use super::tools::Tools;
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::structured::{DESCRIPTION, TOOL};
use crate::tool_input;

/// Whether the endpoint has structured outputs of its own.
pub(super) fn is_native(target: &Target<'_>) -> bool {
    target.takes("response_format") || target.takes("structured_outputs")
}

/// The tool in place of the schema, if there is need of it and nothing speaks against it: tools of the client
/// (the model could call none of them any more), thinking (it is refused with a forced tool), the beginning of
/// an answer (which the tool's input would not continue), or a model that cannot be forced.
pub(super) fn tool<'a>(
    request: &'a Request,
    target: &Target<'_>,
    thinking: &Thinking,
    is_prefilled: bool,
) -> Option<Tools<'a>> {
    let Some(ResponseFormat::JsonSchema { schema, description, .. }) = &request.response_format else {
        return None;
    };
    let can_force = target.quirk("forced_tool_choice") != Some(false)
        && target.takes("tools")
        && target.takes("tool_choice");
    let is_apt = !is_native(target) && can_force && request.tools.is_empty();
    if !is_apt || thinking.is_on || is_prefilled || !tool_input::is_one(schema) {
        return None;
    }
    let description = description.as_deref().unwrap_or(DESCRIPTION);
    Some(Tools::only(TOOL, description, schema, tools::is_eager(request, target)))
}
