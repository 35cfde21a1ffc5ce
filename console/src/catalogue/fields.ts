// The members of providers, models and endpoints that operators change. docs/reference/admin-catalogue.md has the same list.

import type { Group } from "./members";

const DIALECTS = ["openai", "anthropic", "gemini", "vertex", "bedrock", "mistral", "cohere", "ollama"];
const QUANTIZATIONS = [
  ...["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"],
];

const timeouts = (none: string): Group => ({
  legend: "Timeouts (ms)",
  fields: [
    { name: "timeouts.connect_ms", label: "To connect", kind: "number", none },
    { name: "timeouts.first_token_ms", label: "To the first token", kind: "number", none },
    { name: "timeouts.stall_ms", label: "Between tokens", kind: "number", none },
    { name: "timeouts.total_ms", label: "In all", kind: "number", none },
  ],
});

export const PROVIDER: Group[] = [
  {
    legend: "Where it is",
    fields: [
      {
        ...{ name: "slug", label: "Slug", kind: "text", isFixed: true, isRequired: true },
        hint: "a-z, 0-9, - and .; it never changes",
      },
      { name: "name", label: "Name", kind: "text" },
      {
        name: "base_url",
        label: "Base URL",
        kind: "text",
        isRequired: true,
        hint: "A new one ends being simulated.",
      },
      { name: "dialect", label: "Dialect", kind: "choice", options: DIALECTS, isRequired: true },
      {
        ...{ name: "credential", label: "Credential", kind: "secret" },
        hint: "Kept sealed and never shown; a new one takes the old one's place.",
      },
    ],
  },
  {
    legend: "Data policy",
    fields: [
      { name: "collects_data", label: "Collects data", kind: "maybe", none: "unknown: counts as yes" },
      { name: "zero_data_retention", label: "Retains nothing", kind: "maybe", none: "unknown: counts as no" },
      { name: "headquarters", label: "Headquarters", kind: "text", hint: "Two capital letters, such as NL." },
      { name: "datacenters", label: "Datacenters", kind: "words", hint: "Such as DE, US." },
      { name: "privacy_policy_url", label: "Privacy policy", kind: "text" },
      { name: "terms_of_service_url", label: "Terms of service", kind: "text" },
      { name: "status_page_url", label: "Status page", kind: "text" },
    ],
  },
  timeouts("as configured"),
  {
    legend: "Behaviour",
    fields: [
      { name: "credential_required", label: "Without a credential it is not used", kind: "flag" },
      { name: "cancel_stops_billing", label: "Stops charging when the connection is closed", kind: "flag" },
      { name: "disabled", label: "Switched off: its endpoints are not used", kind: "flag" },
      { name: "quirks", label: "Quirks", kind: "object", hint: "How it differs from its dialect." },
    ],
  },
];

export const MODEL: Group[] = [
  {
    legend: "Names",
    fields: [
      {
        ...{ name: "slug", label: "Slug", kind: "text", isFixed: true, isRequired: true },
        hint: "author/name; it never changes",
      },
      { name: "name", label: "Name", kind: "text" },
      {
        name: "canonical_slug",
        label: "Canonical slug",
        kind: "text",
        isFixed: true,
        hint: "Said now or never.",
      },
      { name: "aliases", label: "Aliases", kind: "words", hint: "Other names that it is asked for by." },
      { name: "family", label: "Family", kind: "text", hint: "What ~author/family-latest stands for." },
    ],
  },
  {
    legend: "What it can do",
    fields: [
      { name: "context_length", label: "Context (tokens)", kind: "number", isRequired: true },
      { name: "max_output", label: "Longest answer (tokens)", kind: "number", none: "unknown" },
      { name: "input_modalities", label: "Reads", kind: "words", hint: "text, image, file, audio, video" },
      {
        ...{ name: "output_modalities", label: "Writes", kind: "words" },
        hint: "text, image, audio, video, embeddings, rerank, speech, transcription",
      },
      {
        ...{ name: "supported_parameters", label: "Parameters", kind: "words" },
        hint: "Public names; empty: everything is sent.",
      },
      { name: "default_parameters", label: "Default parameters", kind: "object" },
    ],
  },
  {
    legend: "About it",
    fields: [
      { name: "created", label: "Released (Unix seconds)", kind: "number" },
      { name: "knowledge_cutoff", label: "Knowledge until", kind: "text", hint: "YYYY-MM-DD" },
      { name: "tokenizer", label: "Tokenizer", kind: "text" },
      { name: "hugging_face_id", label: "Hugging Face id", kind: "text" },
      {
        name: "distillable",
        label: "Answers may train other models",
        kind: "maybe",
        none: "unknown: counts as no",
      },
    ],
  },
  {
    legend: "Scores, 0 to 1",
    fields: [
      { name: "scores.intelligence", label: "Intelligence", kind: "number", none: "none" },
      { name: "scores.coding", label: "Coding", kind: "number", none: "none" },
      { name: "scores.agentic", label: "Agentic", kind: "number", none: "none" },
      { name: "scores_source", label: "Measured by", kind: "text" },
    ],
  },
  {
    legend: "Behaviour",
    fields: [
      {
        name: "first_token_ms",
        label: "Time to the first token (ms)",
        kind: "number",
        none: "as its provider",
      },
      { name: "quirks", label: "Quirks", kind: "object" },
      { name: "disabled", label: "Switched off: nobody can ask for it", kind: "flag" },
    ],
  },
];

export const ENDPOINT: Group[] = [
  {
    legend: "Which one",
    fields: [
      { name: "model", label: "Model", kind: "text", isFixed: true, isRequired: true, hint: "author/name" },
      {
        name: "provider",
        label: "Provider",
        kind: "text",
        isFixed: true,
        isRequired: true,
        hint: "Its slug.",
      },
      {
        ...{ name: "tag", label: "Tag", kind: "text", isFixed: true },
        hint: "The provider's slug, or that with /variant behind it; it never changes.",
      },
      {
        ...{ name: "provider_model", label: "Model at the provider", kind: "text", isRequired: true },
        hint: "The provider's own name for it.",
      },
    ],
  },
  {
    legend: "Capabilities and limits",
    fields: [
      { name: "context_length", label: "Context (tokens)", kind: "number", none: "as its model" },
      { name: "max_output", label: "Longest answer (tokens)", kind: "number", none: "as its model" },
      {
        name: "quantization",
        label: "Quantization",
        kind: "choice",
        options: QUANTIZATIONS,
        none: "not told",
      },
      {
        name: "service_tier",
        label: "Class of service",
        kind: "choice",
        options: ["flex", "priority"],
        none: "usual",
      },
      { name: "region", label: "Data region", kind: "text", hint: "Two small letters, such as eu." },
      { name: "deprecation_date", label: "Served until", kind: "text", hint: "YYYY-MM-DD, in UTC" },
      {
        ...{ name: "supported_parameters", label: "Parameters", kind: "words" },
        hint: "Where it differs from its model; empty: as the model.",
      },
      { name: "implicit_caching", label: "Prompts are cached unasked", kind: "flag" },
    ],
  },
  {
    legend: "Where it differs from its provider",
    fields: [
      { name: "dialect", label: "Dialect", kind: "choice", options: DIALECTS, none: "as its provider" },
      { name: "collects_data", label: "Collects data", kind: "maybe", none: "as its provider" },
      { name: "zero_data_retention", label: "Retains nothing", kind: "maybe", none: "as its provider" },
      { name: "quirks", label: "Quirks", kind: "object" },
    ],
  },
  timeouts("as its provider"),
  {
    legend: "In use",
    fields: [{ name: "disabled", label: "Switched off: it is not used", kind: "flag" }],
  },
];
