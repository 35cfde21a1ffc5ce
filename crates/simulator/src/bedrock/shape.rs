//! What a Converse request may hold.

use crate::strict::Shape::{self, Any, List, Members};

const CACHE_POINT: Shape = Members(&[("type", Any), ("ttl", Any)]);
const SOURCE: Shape = Members(&[("bytes", Any), ("s3Location", Any), ("text", Any), ("content", Any)]);
const IMAGE: Shape = Members(&[("format", Any), ("source", SOURCE)]);
const DOCUMENT: Shape =
    Members(&[("format", Any), ("name", Any), ("source", SOURCE), ("context", Any), ("citations", Any)]);

const RESULT: Shape = Members(&[
    ("toolUseId", Any),
    (
        "content",
        List(&Members(&[
            ("text", Any),
            ("json", Any),
            ("image", IMAGE),
            ("document", DOCUMENT),
            ("video", Any),
            ("searchResult", Any),
        ])),
    ),
    ("status", Any),
    ("type", Any),
]);

const BLOCK: Shape = Members(&[
    ("text", Any),
    ("image", IMAGE),
    ("document", DOCUMENT),
    ("video", Any),
    ("audio", Any),
    ("toolUse", Members(&[("toolUseId", Any), ("name", Any), ("input", Any), ("type", Any)])),
    ("toolResult", RESULT),
    ("guardContent", Any),
    ("cachePoint", CACHE_POINT),
    (
        "reasoningContent",
        Members(&[
            ("reasoningText", Members(&[("text", Any), ("signature", Any)])),
            ("redactedContent", Any),
        ]),
    ),
    ("citationsContent", Any),
    ("searchResult", Any),
]);

const SYSTEM: Shape = Members(&[("text", Any), ("guardContent", Any), ("cachePoint", CACHE_POINT)]);

const TOOL: Shape = Members(&[
    (
        "toolSpec",
        Members(&[
            ("name", Any),
            ("description", Any),
            ("inputSchema", Members(&[("json", Any)])),
            ("strict", Any),
        ]),
    ),
    ("systemTool", Any),
    ("cachePoint", CACHE_POINT),
]);

pub(super) const CONVERSE: Shape = Members(&[
    ("messages", List(&Members(&[("role", Any), ("content", List(&BLOCK))]))),
    ("system", List(&SYSTEM)),
    (
        "inferenceConfig",
        Members(&[("maxTokens", Any), ("temperature", Any), ("topP", Any), ("stopSequences", Any)]),
    ),
    (
        "toolConfig",
        Members(&[
            ("tools", List(&TOOL)),
            (
                "toolChoice",
                Members(&[
                    ("auto", Members(&[])),
                    ("any", Members(&[])),
                    ("tool", Members(&[("name", Any)])),
                ]),
            ),
        ]),
    ),
    ("guardrailConfig", Any),
    ("additionalModelRequestFields", Any),
    ("additionalModelResponseFieldPaths", Any),
    ("promptVariables", Any),
    ("requestMetadata", Any),
    ("performanceConfig", Any),
    ("serviceTier", Any),
    ("outputConfig", Any),
]);
