//! Usage in the form that each provider gives it.

use serde_json::{Value, json};

use crate::answer::Usage;
use crate::quirks::Vendor;
use crate::stamp::Stamp;

pub(super) fn usage(usage: &Usage, stamp: &Stamp) -> Value {
    match stamp.quirks.vendor {
        Vendor::Together => json!({"prompt_tokens": usage.prompt, "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion, "cached_tokens": usage.cache_read}),
        Vendor::Groq => groq(usage),
        Vendor::OpenRouter => openrouter(usage, stamp),
        Vendor::Xai => {
            let mut object = usual(usage, stamp);
            let details = &mut object["prompt_tokens_details"];
            details["text_tokens"] = json!(usage.prompt - usage.media);
            details["image_tokens"] = json!(usage.media - usage.audio);
            object["num_sources_used"] = json!(0);
            object
        }
        Vendor::Fireworks if usage.cache_read == 0 => json!({"prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion, "total_tokens": usage.prompt + usage.completion,
            "prompt_tokens_details": null}),
        _ => usual(usage, stamp),
    }
}

fn usual(usage: &Usage, stamp: &Stamp) -> Value {
    let completion =
        if stamp.quirks.excludes_reasoning { usage.completion - usage.reasoning } else { usage.completion };
    let mut object = json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.completion_audio, "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0},
    });
    if usage.completion_image > 0 {
        object["completion_tokens_details"]["image_tokens"] = json!(usage.completion_image);
    }
    if stamp.quirks.cache_writes {
        object["prompt_tokens_details"]["cache_write_tokens"] = json!(usage.cache_write_5m);
    }
    if stamp.quirks.hit_and_miss {
        object["prompt_cache_hit_tokens"] = json!(usage.cache_read);
        object["prompt_cache_miss_tokens"] = json!(usage.prompt - usage.cache_read);
    }
    object
}

fn groq(usage: &Usage) -> Value {
    let mut object = json!({"queue_time": 0.035, "prompt_tokens": usage.prompt, "prompt_time": 0.002,
        "completion_tokens": usage.completion, "completion_time": 0.049,
        "total_tokens": usage.prompt + usage.completion, "total_time": 0.051});
    if usage.reasoning > 0 {
        object["completion_tokens_details"] = json!({"reasoning_tokens": usage.reasoning});
    }
    if usage.cache_read > 0 {
        object["prompt_tokens_details"] = json!({"cached_tokens": usage.cache_read});
    }
    object
}

/// With what it costs: a millionth of a dollar for each token that is read, five for each that is written.
fn openrouter(usage: &Usage, stamp: &Stamp) -> Value {
    #[allow(clippy::cast_precision_loss, reason = "token counts are small")]
    let (read, written) = (usage.prompt as f64 / 1e6, usage.completion as f64 * 5.0 / 1e6);
    let mut object = usual(usage, stamp);
    object["cost"] = json!(read + written);
    object["is_byok"] = json!(false);
    object["cost_details"] = json!({"upstream_inference_cost": null, "upstream_inference_prompt_cost": read,
        "upstream_inference_completions_cost": written});
    object["prompt_tokens_details"]["cache_write_tokens"] = json!(0);
    object["prompt_tokens_details"]["video_tokens"] = json!(0);
    object["completion_tokens_details"]["image_tokens"] = json!(usage.completion_image);
    object
}
