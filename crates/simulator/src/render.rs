//! From an answer to an HTTP response, whole or streamed, as its script wants it.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::body::Body;
use crate::failure::{self, Failure};
use crate::gemini;
use crate::job::{Form, Made};
use crate::log::{Outcome, Record};
use crate::player::{Player, Source, Written, byte_position, spoil};
use crate::prepare::Reply;
use crate::route::Host;
use crate::script::Script;
use crate::simulator::{Setting, Simulator};
use crate::steps::steps;
use crate::wire::put;

/// Says that nobody real has answered.
const SIMULATED: HeaderName = HeaderName::from_static("x-simulated");

impl Simulator {
    pub(crate) fn render(&self, setting: Setting, reply: Reply, record: Record) -> Response<Body> {
        let content_type = setting.content_type(&reply);
        let total = reply.usage().completion;
        match reply {
            Reply::Said(ask, answer) if ask.stream => self.stream(setting, &ask, &answer, record),
            Reply::Said(ask, answer) => {
                let body = setting.dialect.wire().body(&ask, &answer, &setting.stamp);
                self.whole(&setting, content_type, body.to_string().into_bytes(), total, record)
            }
            Reply::Made(made) => self.made_response(&setting, *made, record),
        }
    }

    fn made_response(&self, setting: &Setting, made: Made, record: Record) -> Response<Body> {
        let total = made.usage.completion;
        let mut response = match made.form {
            Form::Whole(bytes) => self.whole(setting, made.content_type, bytes, total, record),
            Form::Pieces { pieces, error } => {
                let failure = setting.spoken_failure();
                let error = error.map(|dialect| {
                    let body = dialect.wire().error_body(&failure, &setting.stamp);
                    Bytes::from(format!("event: error\ndata: {body}\n\n"))
                });
                let source = Source::Pieces {
                    pieces: pieces.into_iter(),
                    error: error.unwrap_or_default(),
                    passed: 0,
                };
                let player = Player::new(source, self.paced(&setting.script), failure, record);
                setting.respond(made.content_type, Body::Pieces(player.stream()))
            }
        };
        for (name, value) in made.headers {
            put(response.headers_mut(), name, &value);
        }
        response
    }

    fn stream(&self, setting: Setting, ask: &Ask, answer: &Answer, record: Record) -> Response<Body> {
        let wire = setting.dialect.wire();
        let steps = steps(answer, wire.grouping(), &setting.script.breakpoints(), setting.stamp.seed);
        let encoder = wire.encoder(ask, answer, &setting.stamp, !setting.array);
        let source = Source::Steps { steps: steps.into_iter(), encoder, passed: 0 };
        let player = Player::new(source, self.paced(&setting.script), setting.spoken_failure(), record);
        let content_type = wire.content_type(true, !setting.array);
        setting.respond(content_type, Body::Pieces(player.stream()))
    }

    fn whole(
        &self,
        setting: &Setting,
        content_type: &str,
        mut bytes: Vec<u8>,
        total: u64,
        record: Record,
    ) -> Response<Body> {
        let length = bytes.len() as u64;
        let mut script = self.paced(&setting.script);
        let at = |tokens: Option<u64>| tokens.map(|tokens| byte_position(tokens, total, length));
        if let Some(position) = at(script.garbage_after_tokens.take()) {
            spoil(&mut bytes, position);
        }
        let cut = at(script.cut_after_tokens.take()).or_else(|| at(script.end_after_tokens.take()));
        script.cut_at_byte = script.cut_at_byte.or(cut);
        let stall = at(script.stall_after_tokens.take()).and_then(|at| usize::try_from(at).ok());
        let mut bytes = Bytes::from(bytes);
        let source = match stall {
            None => Source::Whole(Some(Written { bytes, tokens: total, before: 0 })),
            Some(at) => {
                bytes.truncate(at);
                Source::Stalled(Some(Written { bytes, tokens: 0, before: 0 }))
            }
        };
        let player = Player::new(source, script, setting.spoken_failure(), record);
        let mut response = setting.respond(content_type, Body::Pieces(player.stream()));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    /// A script with the configured delays where it says none.
    fn paced(&self, script: &Script) -> Script {
        let mut script = script.clone();
        script.delay_ms = script.delay_ms.or(Some(self.config.delay_ms));
        script.first_token_delay_ms = script.first_token_delay_ms.or(Some(self.config.first_token_delay_ms));
        script
    }
}

impl Setting {
    /// What a reply's content is, unless the script says something else.
    pub(crate) fn content_type(&self, reply: &Reply) -> &'static str {
        match reply {
            Reply::Said(ask, _) => self.dialect.wire().content_type(ask.stream, !self.array),
            Reply::Made(made) => made.content_type,
        }
    }

    /// What an error inside the answer says.
    fn spoken_failure(&self) -> Failure {
        failure::scripted(&self.script, self.script.status.unwrap_or(529), &self.stamp.model)
    }

    pub(crate) fn refuse(&self, failure: &Failure, mut record: Record) -> Response<Body> {
        record.entry.status = failure.status;
        record.end(Outcome::Failed);
        let wire = self.dialect.wire();
        // The gate of Vertex speaks for itself, whoever made the model behind it.
        let gate = self.stamp.host == Host::Vertex && matches!(failure.status, 401 | 403 | 404 | 429);
        let (body, content_type) = if gate {
            (gemini::error_body(failure), "application/json; charset=UTF-8")
        } else {
            (wire.error_body(failure, &self.stamp), wire.content_type(false, true))
        };
        let mut response = self.respond(content_type, Body::whole(body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if !gate {
            wire.failure_headers(response.headers_mut(), failure);
        }
        response
    }

    pub(crate) fn respond(&self, content_type: &str, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(SIMULATED, HeaderValue::from_static("patchbay"));
        self.dialect.wire().headers(headers, &self.stamp, self.left);
        let said = self.script.content_type.as_deref().and_then(|kind| HeaderValue::from_str(kind).ok());
        let usual = || HeaderValue::from_str(content_type).ok();
        if let Some(content_type) = said.or_else(usual) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        response
    }
}
