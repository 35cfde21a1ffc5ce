//! Providers that speak OpenAI's Chat Completions, or nearly.
//!
//! A body that the client wrote in this dialect passes through with only its envelope touched; any other
//! request is written from the canonical model and takes the same way. What an endpoint wants differently is
//! data, in [`Target::quirks`]:
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `path` | text | replaces `/chat/completions` or `/rerank`, query included |
//! | `auth` | `bearer` (default), `api-key`, `none` | how the credential is presented |
//! | `max_tokens_member` | text | name of the completion limit; default `max_tokens` |
//! | `reasoning_member` | `reasoning_effort` (default), `reasoning`, `reasoning_enabled`, `thinking`, `prompt_mode`, `chat_template_kwargs`, `none` | how reasoning is asked for |
//! | `reasoning_efforts` | list | the efforts known; others become the nearest. Default low, medium, high |
//! | `extra_reasoning_efforts` | list | efforts known beside the default ones |
//! | `send_reasoning_back` | `reasoning`, `reasoning_content`, `reasoning_details`, `thinking` | the form in which earlier reasoning returns; default: not at all |
//! | `always_send_reasoning_back` | true | an assistant's turn without reasoning says so with an empty text: the endpoint refuses histories of other models else |
//! | `strict` | true | unknown members are refused, so only standard ones and `accepts` go out |
//! | `members` | list | the only members known, by their names before `rename`; `accepts` adds to them |
//! | `accepts` | list | members known beside the standard ones; those that cost extra go out only when listed. `service_tier` never is the client's: it names the tier of the endpoint. `allowed_tools` is a choice of tools; elsewhere the list of tools is cut |
//! | `service_tiers` | map | what the provider calls the tiers `default`, `flex` and `priority` |
//! | `tool_types` | list | types of tools that may go out beside functions |
//! | `drop` | list | members that never go out |
//! | `rename` | map | members that go out under another name |
//! | `add` | map | members that always go out |
//! | `tool_choice_required` | text | the word for `required` |
//! | `forced_tool_choice` | false, `without_reasoning` | `required` and named choices are refused, so they do not go out; or only while the model reasons, which is switched off unless the client asks for it |
//! | `tool_parameters` | true | a function without parameters is refused, so it gets an empty schema |
//! | `sampling_params` | false | temperature, `top_p`, `top_k` and penalties are refused |
//! | `no_stream_options` | true | usage comes unasked and `stream_options` is refused |
//! | `developer_role` | `keep` (default), `system` | what becomes of developer turns |
//! | `names` | `keep` (default), `prefix` | a turn's name stays a member or leads its text |
//! | `tool_call_id_pattern` | `mistral9` | call ids must be nine letters or digits |
//! | `turn_members` | list | the only members of a turn that are known |
//! | `prefill_member` | text | set to true on an assistant's turn that comes last, which the model is to go on with |
//! | `file_part` | `document_url` | files go out as documents by URL |
//! | `audio_part` | `data` | audio goes out as bare base64 |
//! | `keep_cache_control` | true | cache markers are known |
//! | `completion_excludes_reasoning` | true | usage reports reasoning beside the completion |
//! | `think_tags` | true | text begins with `<think>…</think>` and that is reasoning |
//!
//! What is no conversation has rooms of its own, with the quirks `auth`, `accepts` (members that go out although
//! they are not standard), `drop`, `rename`, `add` and these:
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `apis` | list | what the endpoint speaks beside this: with `responses` or `completions`, a client that speaks that is passed through to it |
//! | `api` | `responses` | the model is served by that alone, for every client |
//! | `paths` | map | paths that replace `/embeddings`, `/images/generations`, `/images/edits`, `/audio/speech`, `/audio/transcriptions`, `/completions`, by their names without the slash in front |
//! | `encoding_format` | `float`, `base64` | the form in which vectors are asked for; default: not said |
//! | `images` | `chat` | images come from conversations |
//! | `image_sizes` | list, `any` | the pixels known, or any; default 1024x1024, 1536x1024, 1024x1536. Names of resolutions and ratios go out where `accepts` has `resolution`, `aspect_ratio` |
//! | `image_references` | `input_references` | images to start from go out in JSON as OpenRouter takes them, and not in a form to `/images/edits` |
//! | `image_response_format` | text | what is sent as `response_format`, so that images come and not their addresses |
//! | `image_stream` | true | images can be streamed. `partial_images`, which cost extra, go out where `accepts` has them |
//! | `speech_stream` | `sse` | sound comes in events that end with what it took, for models priced in tokens |
//! | `verbose_json` | true, false | transcriptions come with times even unasked, for models priced by the second; or never |
//! | `voice_ids` | false | a voice that is named `voice_…` has that name and is no id |
//!
//! How Responses is spoken is told in [`responses`].

mod completions;
mod decode;
mod embeddings;
mod encode;
mod errors;
mod form;
mod governed;
mod images;
mod outgoing;
mod quirks;
mod rerank;
mod responses;
mod speech;
mod tier;
mod transcription;
mod usage;

use http::HeaderMap;

use crate::canonical::{Event, Operation, Task};
use crate::client::Dialect;
use crate::codec::{Adapter, Encoded, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};
use quirks::Quirks;

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(
    operation: Operation,
    client: Dialect,
    target: &Target<'_>,
) -> Option<&'static dyn Adapter> {
    let quirks = Quirks::of(target);
    match operation {
        Operation::Chat if responses::serves(client, target) => Some(&responses::Responses),
        Operation::Chat if client == Dialect::Completions && quirks.lists("apis", "completions") => {
            Some(&completions::Completions)
        }
        Operation::Chat => Some(&OpenAi),
        Operation::Embeddings => Some(&embeddings::EMBEDDINGS),
        Operation::Images if quirks.is("images", "chat") => Some(&images::ChatImages),
        Operation::Images => Some(&images::Images),
        Operation::Speech => Some(&speech::Speech),
        Operation::Transcription => Some(&transcription::TRANSCRIPTION),
        Operation::Rerank => Some(&rerank::RERANK),
    }
}

/// Classes an error inside an answer that began with a good status, in any of the many shapes.
pub(crate) fn failure(error: &serde_json::Value) -> ProviderError {
    errors::inside(error)
}

pub(crate) struct OpenAi;

impl Adapter for OpenAi {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        encode::encode(conversation(task)?, target)
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        decode::whole(body, Quirks::of(target))
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(decode::Stream::new(Quirks::of(target)))
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}
