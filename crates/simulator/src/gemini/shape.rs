//! What a request may hold, in the spelling that [`super::keys::camel`] gives it.

use crate::strict::Shape::{self, Any, List, Map, Members, Of};

const BLOB: Shape = Members(&[("mimeType", Any), ("data", Any), ("displayName", Any)]);

const PART: Shape = Members(&[
    ("text", Any),
    ("thought", Any),
    ("thoughtSignature", Any),
    ("inlineData", BLOB),
    ("fileData", Members(&[("mimeType", Any), ("fileUri", Any), ("displayName", Any)])),
    (
        "functionCall",
        Members(&[("id", Any), ("name", Any), ("args", Any), ("partialArgs", Any), ("willContinue", Any)]),
    ),
    (
        "functionResponse",
        Members(&[
            ("id", Any),
            ("name", Any),
            ("response", Any),
            ("willContinue", Any),
            ("scheduling", Any),
            ("parts", Any),
        ]),
    ),
    ("executableCode", Any),
    ("codeExecutionResult", Any),
    ("videoMetadata", Any),
    ("mediaResolution", Any),
    ("partMetadata", Any),
    ("toolCall", Any),
    ("toolResponse", Any),
]);

const CONTENT: Shape = Members(&[("role", Any), ("parts", List(&PART))]);

/// The part of OpenAPI that `parameters` and `responseSchema` take.
static SCHEMA: Shape = Members(&[
    ("type", Any),
    ("format", Any),
    ("title", Any),
    ("description", Any),
    ("nullable", Any),
    ("enum", Any),
    ("example", Any),
    ("default", Any),
    ("items", Of(&SCHEMA)),
    ("minItems", Any),
    ("maxItems", Any),
    ("properties", Map(&SCHEMA)),
    ("required", Any),
    ("propertyOrdering", Any),
    ("minProperties", Any),
    ("maxProperties", Any),
    ("minLength", Any),
    ("maxLength", Any),
    ("pattern", Any),
    ("minimum", Any),
    ("maximum", Any),
    ("anyOf", List(&SCHEMA)),
]);

static FUNCTION: Shape = Members(&[
    ("name", Any),
    ("description", Any),
    ("behavior", Any),
    ("parameters", Of(&SCHEMA)),
    ("parametersJsonSchema", Any),
    ("response", Any),
    ("responseJsonSchema", Any),
]);

static TOOL: Shape = Members(&[
    ("functionDeclarations", List(&FUNCTION)),
    ("googleSearch", Any),
    ("googleSearchRetrieval", Any),
    ("codeExecution", Any),
    ("urlContext", Any),
    ("computerUse", Any),
    ("fileSearch", Any),
    ("googleMaps", Any),
    ("retrieval", Any),
    ("enterpriseWebSearch", Any),
    ("mcpServers", Any),
]);

static GENERATION: Shape = Members(&[
    ("stopSequences", Any),
    ("responseMimeType", Any),
    ("responseSchema", Of(&SCHEMA)),
    ("responseJsonSchema", Any),
    ("responseModalities", Any),
    ("candidateCount", Any),
    ("maxOutputTokens", Any),
    ("temperature", Any),
    ("topP", Any),
    ("topK", Any),
    ("seed", Any),
    ("presencePenalty", Any),
    ("frequencyPenalty", Any),
    ("responseLogprobs", Any),
    ("logprobs", Any),
    ("enableEnhancedCivicAnswers", Any),
    ("speechConfig", Any),
    ("thinkingConfig", Members(&[("includeThoughts", Any), ("thinkingBudget", Any), ("thinkingLevel", Any)])),
    ("imageConfig", Any),
    ("mediaResolution", Any),
    ("audioTimestamp", Any),
    ("routingConfig", Any),
    ("modelConfig", Any),
]);

pub(super) static REQUEST: Shape = Members(&[
    ("model", Any),
    ("contents", List(&CONTENT)),
    ("systemInstruction", CONTENT),
    ("tools", List(&TOOL)),
    (
        "toolConfig",
        Members(&[
            (
                "functionCallingConfig",
                Members(&[
                    ("mode", Any),
                    ("allowedFunctionNames", Any),
                    ("streamFunctionCallArguments", Any),
                ]),
            ),
            ("retrievalConfig", Any),
            ("includeServerSideToolInvocations", Any),
        ]),
    ),
    ("generationConfig", Of(&GENERATION)),
    ("safetySettings", Any),
    ("cachedContent", Any),
    ("labels", Any),
    ("modelArmorConfig", Any),
    ("store", Any),
    ("serviceTier", Any),
]);
