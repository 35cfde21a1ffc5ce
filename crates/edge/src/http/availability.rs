//! The availability errors, explained to whoever follows `error.availability.docs_url`.

/// Code, and what it means and what to do.
const CODES: [(&str, &str); 11] = [
    ("model_not_found", "No model goes by this name. GET /api/v1/models lists those there are."),
    (
        "wrong_endpoint",
        "The model exists and is made for something else, such as embeddings. Ask for it where that is done.",
    ),
    (
        "no_endpoints",
        "The model exists and nothing serves it at present. Try a model of `fallback_models`, or ask the operator.",
    ),
    (
        "model_deprecated",
        "The model is no longer served by anybody. `fallback_models` names others of its kind.",
    ),
    (
        "model_unavailable_upstream",
        "Every provider that was asked does not know the model, or not any more. The operator has to look at it; \
         meanwhile try another model.",
    ),
    (
        "privacy_restricted",
        "No provider of the model meets the wish for zero data retention or against data collection. Drop the \
         wish, or choose another model: GET /api/v1/endpoints/zdr lists what retains nothing.",
    ),
    (
        "constraint_filtered",
        "Wishes of the request rule every endpoint out. `excluded_by` and `constraint` name them: loosen one.",
    ),
    (
        "free_variant_ended",
        "The model is no longer offered free of charge. The paid model is in `fallback_models`.",
    ),
    (
        "region_restricted",
        "No endpoint may serve the request where it comes from or where its data must stay.",
    ),
    (
        "capacity_exhausted",
        "Every provider that was asked is at its limit. Try again after `retry_after` seconds.",
    ),
    ("temporarily_unavailable", "Every provider that was asked failed. Try again shortly."),
];

/// What a code means; `None` when there is none such.
pub(super) fn explain(code: &str) -> Option<&'static str> {
    CODES.into_iter().find(|(known, _)| *known == code).map(|(_, text)| text)
}
