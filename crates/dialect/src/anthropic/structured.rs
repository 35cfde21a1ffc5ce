//! Answers in a schema from models that have no structured outputs but have tools: the schema becomes the
//! input of one tool that the model has to call, and that input is the answer.

use super::thinking::Thinking;
use super::tools::Tools;
use super::{schema, tools};
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::error::BadRequest;

/// The tool whose input is the answer. Answers are told from calls by this name alone, since they are read
/// without the request; so no tool of a client may have it.
const TOOL: &str = "patchbay_structured_answer";

/// What the model is told of the tool when the client does not describe its format.
const DESCRIPTION: &str = "Gives the answer. The input of this tool is the whole answer.";

pub(super) fn is_answer(tool: Option<&str>) -> bool {
    tool == Some(TOOL)
}

/// Whether the endpoint has structured outputs of its own.
pub(super) fn is_native(target: &Target<'_>) -> bool {
    target.takes("response_format") || target.takes("structured_outputs")
}

/// # Errors
/// [`BadRequest`] when a tool of the client has the name that is kept for answers.
pub(super) fn check_names(request: &Request) -> Result<(), BadRequest> {
    match request.tools.iter().any(|tool| is_answer(Some(&tool.name))) {
        true => {
            Err(BadRequest::new(format!("the tool name `{TOOL}` is reserved; give the tool another one")))
        }
        false => Ok(()),
    }
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
    if !is_apt || thinking.is_on || is_prefilled || !schema::is_input(schema) {
        return None;
    }
    let description = description.as_deref().unwrap_or(DESCRIPTION);
    Some(Tools::only(TOOL, description, schema, tools::is_eager(request, target)))
}
