//! Operations that have no guard in front of them: inference, which knows its caller by itself on the way, and the
//! catalogue, which everybody may read.

use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, OpenApiBuilder, PathsBuilder, Ref, Required, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::{AnthropicErrorAnswer, AnthropicErrorObject, Document, error_answer};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const FORM: &str = "multipart/form-data";

/// An operation that calls a model.
struct Inference {
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    /// Whose reference describes the body.
    reference: &'static str,
    takes: &'static [&'static str],
    answers: &'static [&'static str],
}

/// The tag of what Anthropic's clients call, who read errors in Anthropic's shape.
const MESSAGES: &str = "Anthropic Messages";
const OPENAI: &str = "OpenAI's API reference, with OpenRouter's additions.";
const ANTHROPIC: &str = "Anthropic's API reference, with OpenRouter's additions.";
const OPENROUTER: &str = "OpenRouter's API reference.";

const fn inference(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    reference: &'static str,
) -> Inference {
    Inference { path, id, tag, summary, reference, takes: &[JSON], answers: &[JSON, EVENTS] }
}

const INFERENCE: [Inference; 12] = [
    inference("/chat/completions", "sendChatCompletionRequest", "Chat", "Answer a conversation", OPENAI),
    inference("/completions", "createCompletions", "Chat", "Continue a text", OPENAI),
    inference("/responses", "createResponses", "Responses", "Answer a conversation of items", OPENAI),
    inference("/messages", "createMessages", MESSAGES, "Answer a conversation", ANTHROPIC),
    Inference {
        answers: &[JSON],
        ..inference(
            "/messages/count_tokens",
            "countMessagesTokens",
            MESSAGES,
            "Count the prompt tokens of a conversation, about",
            ANTHROPIC,
        )
    },
    Inference {
        answers: &[JSON],
        ..inference("/embeddings", "createEmbeddings", "Embeddings", "Embed texts", OPENAI)
    },
    Inference {
        answers: &[JSON],
        ..inference("/rerank", "createRerank", "Rerank", "Order documents by a query", OPENROUTER)
    },
    inference("/images", "createImages", "Images", "Make images", OPENROUTER),
    inference("/images/generations", "createImagesGenerations", "Images", "Make images", OPENAI),
    Inference {
        takes: &[FORM, JSON],
        ..inference("/images/edits", "createImagesEdits", "Images", "Change images", OPENAI)
    },
    Inference {
        answers: &["audio/mpeg", "audio/pcm", EVENTS],
        ..inference("/audio/speech", "createAudioSpeech", "TTS", "Speak a text", OPENAI)
    },
    Inference {
        takes: &[FORM, JSON],
        ..inference(
            "/audio/transcriptions",
            "createAudioTranscriptions",
            "STT",
            "Write down what is said",
            OPENAI,
        )
    },
];

/// An operation that reads the catalogue.
struct Catalogue {
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
}

const fn catalogue(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
) -> Catalogue {
    Catalogue { path, id, tag, summary, query }
}

const PAGE: &[&str] = &["offset", "limit"];
const MODELS: &[&str] = &[
    "offset",
    "limit",
    "category",
    "supported_parameters",
    "output_modalities",
    "sort",
    "use_rss",
    "use_rss_chat_links",
    "q",
    "input_modalities",
    "context",
    "min_price",
    "max_price",
    "arch",
    "model_authors",
    "providers",
    "distillable",
    "zdr",
    "region",
    "min_output_price",
    "max_output_price",
    "min_age_days",
    "max_age_days",
    "min_intelligence_index",
    "max_intelligence_index",
    "min_coding_index",
    "max_coding_index",
    "min_agentic_index",
    "max_agentic_index",
    "min_tool_success_rate",
    "max_tool_success_rate",
];
const USER: &str = "/models/user";

const CATALOGUE: [Catalogue; 12] = [
    catalogue("/models", "getModels", "Models", "List the models", MODELS),
    catalogue("/models/count", "listModelsCount", "Models", "Count the models", MODELS),
    catalogue(USER, "listModelsUser", "Models", "List the models that the caller's own rules leave", MODELS),
    catalogue("/model/{author}/{slug}", "getModel", "Models", "Show a model", &[]),
    catalogue(
        "/models/{author}/{slug}/endpoints",
        "listEndpoints",
        "Endpoints",
        "List the endpoints of a model",
        &[],
    ),
    catalogue(
        "/models/{author}/{slug}/endpoints/history",
        "listEndpointHistory",
        "Endpoints",
        "Show the last day of a model's endpoints",
        &[],
    ),
    catalogue("/endpoints/zdr", "listEndpointsZdr", "Endpoints", "List the endpoints that keep nothing", &[]),
    catalogue("/providers", "listProviders", "Providers", "List the providers", &[]),
    catalogue("/embeddings/models", "listEmbeddingsModels", "Embeddings", "List the models that embed", PAGE),
    catalogue("/images/models", "listImageModels", "Images", "List the models that make images", &[]),
    catalogue(
        "/images/models/{author}/{slug}/endpoints",
        "listImageModelEndpoints",
        "Images",
        "List the endpoints of a model that makes images",
        &[],
    ),
    catalogue(
        "/videos/models",
        "listVideosModels",
        "Video Generation",
        "List the models that make videos",
        &[],
    ),
];

/// All of them, by their paths below the base.
pub(in crate::http) fn document() -> OpenApi {
    let calls = INFERENCE.iter().map(|call| (call.path, PathItem::new(HttpMethod::Post, call.operation())));
    let reads = CATALOGUE.iter().map(|read| (read.path, PathItem::new(HttpMethod::Get, read.operation())));
    let paths = calls.chain(reads).fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let mut document = OpenApiBuilder::new().paths(paths).build();
    let components = document.components.get_or_insert_default();
    for (name, schema) in [
        (Document::name(), Document::schema()),
        (AnthropicErrorObject::name(), AnthropicErrorObject::schema()),
        (AnthropicErrorAnswer::name(), AnthropicErrorAnswer::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    document
}

impl Inference {
    fn operation(&self) -> Operation {
        let answer =
            self.answers.iter().fold(ResponseBuilder::new().description("The answer"), |answer, kind| {
                answer.content(*kind, content(kind))
            });
        let operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .request_body(Some(self.body()))
            .response("200", answer.build())
            .security(taking("inference_key"));
        if self.tag == MESSAGES {
            return operation.response("default", error_answer(&AnthropicErrorAnswer::name())).build();
        }
        operation.build()
    }

    fn body(&self) -> RequestBody {
        let body = RequestBodyBuilder::new().description(Some(self.reference)).required(Some(Required::True));
        self.takes.iter().fold(body, |body, kind| body.content(*kind, content(kind))).build()
    }
}

impl Catalogue {
    fn operation(&self) -> Operation {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some("Prices are those of the caller's plan. See docs/reference/catalogue-api.md."))
            .response(
                "200",
                ResponseBuilder::new().description("The answer").content(JSON, content(JSON)).build(),
            );
        if self.path != USER {
            operation = operation.security(SecurityRequirement::default());
        }
        operation = operation.security(taking("inference_key")).security(taking("management_key"));
        let names = ["author", "slug"].into_iter().filter(|name| self.path.contains(&format!("{{{name}}}")));
        let of_path = names.map(|name| parameter(name, ParameterIn::Path));
        let of_query = self.query.iter().map(|name| parameter(name, ParameterIn::Query));
        of_path.chain(of_query).fold(operation, OperationBuilder::parameter).build()
    }
}

fn taking(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new::<_, [&str; 0], &str>(scheme, [])
}

fn parameter(name: &str, place: ParameterIn) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    let text = ObjectBuilder::new().schema_type(Type::String);
    // Where it is makes it required; whether it is comes after.
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(text)).build()
}

fn content(kind: &str) -> Content {
    match kind {
        JSON | FORM => Content::new(Some(Ref::from_schema_name(Document::name()))),
        _ => Content::new(Some(ObjectBuilder::new().schema_type(Type::String))),
    }
}
