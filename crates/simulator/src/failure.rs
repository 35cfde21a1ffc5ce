//! Refused requests, before a dialect gives them their shape.

/// An error answer: what every dialect's error body is made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) message: String,
    /// OpenAI's code, Anthropic's type or Gemini's status, when it is not the one that goes with the status.
    pub(crate) code: Option<String>,
    /// The parameter at fault.
    pub(crate) param: Option<String>,
    /// Seconds to wait.
    pub(crate) retry_after: Option<f64>,
}

impl Failure {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code: None, param: None, retry_after: None }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    #[must_use]
    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }
}

/// The failure that a script asks for.
pub(crate) fn scripted(script: &crate::script::Script, status: u16, model: &str) -> Failure {
    let usual = match status {
        400 => "The request is not valid (simulated).".to_owned(),
        401 => "Invalid authentication (simulated).".to_owned(),
        402 => "Insufficient balance (simulated).".to_owned(),
        403 => "You are not allowed to use this model (simulated).".to_owned(),
        404 => format!("The model `{model}` does not exist (simulated)."),
        413 => "The request exceeds the size limit (simulated).".to_owned(),
        429 if script.code.as_deref() == Some("insufficient_quota") => {
            "You exceeded your current quota, please check your plan and billing details.".to_owned()
        }
        429 => match script.retry_after {
            Some(seconds) => format!("Rate limit reached for {model}. Please try again in {seconds}s."),
            None => format!("Rate limit reached for {model}."),
        },
        503 | 529 => "Overloaded".to_owned(),
        504 => "The model timed out (simulated).".to_owned(),
        _ => "The server had an error while processing your request (simulated).".to_owned(),
    };
    let mut failure = Failure::new(status, script.message.clone().unwrap_or(usual));
    failure.code.clone_from(&script.code);
    failure.retry_after = script.retry_after;
    failure
}
