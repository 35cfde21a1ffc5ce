//! Answers in a schema from models that have no structured outputs but have tools: the schema becomes the
//! input of one tool that the model has to call, and that input is the answer.

use crate::canonical::Request;
use crate::error::BadRequest;

/// The tool whose input is the answer. Answers are told from calls by this name alone, since they are read
/// without the request; so no tool of a client may have it.
pub(crate) const TOOL: &str = "patchbay_structured_answer";

/// What the model is told of the tool when the client does not describe its format.
pub(crate) const DESCRIPTION: &str = "Gives the answer. The input of this tool is the whole answer.";

pub(crate) fn is_answer(tool: Option<&str>) -> bool {
    tool == Some(TOOL)
}

/// # Errors
/// [`BadRequest`] when a tool of the client has the name that is kept for answers.
pub(crate) fn check_names(request: &Request) -> Result<(), BadRequest> {
    match request.tools.iter().any(|tool| is_answer(Some(&tool.name))) {
        true => {
            Err(BadRequest::new(format!("the tool name `{TOOL}` is reserved; give the tool another one")))
        }
        false => Ok(()),
    }
}
