//! Instructions that were slipped in: wordings that try to replace the instructions of a prompt, to have it told, or
//! to pass for a turn of the conversation. English; between words anything but a letter may stand.

use super::Draft;
use crate::config::Slug;

const fn rule(name: &'static str, cue: &'static str, pattern: &'static str) -> Draft {
    Draft::new(Slug::RegexPromptInjection, name, cue, pattern)
}

/// `[^0-9A-Za-z_]+` is what stands between words: small, whatever the script.
pub(super) static RULES: [Draft; 11] = [
    rule(
        "ignore_instructions",
        r"(?i)ignore|disregard|forget|overr(?:ide|ule)|bypass|neglect",
        r"(?i)(?-u:\b)(?:ignore|disregard|forget|override|overrule|bypass|neglect)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,4}?(?:previous|previously|prior|preceding|above|earlier|foregoing|former|existing|original|initial|past|system|all)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,3}?(?:instructions?|prompts?|rules?|directions?|guidelines?|commands?|directives?|orders?|constraints?|training|programming|context)(?-u:\b)",
    ),
    rule(
        "forget_everything",
        r"(?i)ignore|disregard|forget",
        r"(?i)(?-u:\b)(?:ignore|disregard|forget)[^0-9A-Za-z_]+(?:about[^0-9A-Za-z_]+)?(?:(?:everything|anything|all)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,4}?(?:above|before|previously|prior|earlier|so[^0-9A-Za-z_]+far|told|said|learned|know)|the[^0-9A-Za-z_]+(?:above|foregoing|preceding))(?-u:\b)",
    ),
    rule(
        "drop_your_instructions",
        r"(?i)ignore|disregard|forget|follow",
        r"(?i)(?-u:\b)(?:ignore|disregard|forget|stop[^0-9A-Za-z_]+following|do[^0-9A-Za-z_]+not[^0-9A-Za-z_]+follow)[^0-9A-Za-z_]+(?:any[^0-9A-Za-z_]+of[^0-9A-Za-z_]+|all[^0-9A-Za-z_]+of[^0-9A-Za-z_]+|all[^0-9A-Za-z_]+)?your[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,2}?(?:instructions?|prompts?|rules?|guidelines?|directives?|programming|training|constraints?)(?-u:\b)",
    ),
    rule(
        "new_instructions",
        r"(?i)new",
        r"(?i)(?-u:\b)(?:(?:here[^0-9A-Za-z_]+are|these[^0-9A-Za-z_]+are|follow|obey|execute)[^0-9A-Za-z_]+(?:my|your|these|the)[^0-9A-Za-z_]+new[^0-9A-Za-z_]+(?:instructions|rules|orders|directives)|new[^0-9A-Za-z_]+(?:system[^0-9A-Za-z_]+)(?:prompt|instructions?|message)[ \t]*:)",
    ),
    rule(
        "reveal_prompt",
        r"(?i)system|initial|hidden|original|secret|developer|internal",
        r"(?i)(?-u:\b)(?:reveal|show|print|repeat|output|display|tell|give|leak|expose|dump|recite|disclose|share)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,4}?(?:system|initial|hidden|original|secret|developer|internal)[^0-9A-Za-z_]+(?:prompts?|instructions?|message|directives?|guidelines?)(?-u:\b)",
    ),
    rule(
        "repeat_above",
        r"(?i)above|before",
        r"(?i)(?-u:\b)(?:repeat|print|output|copy|recite)[^0-9A-Za-z_]+(?:everything|all|(?:all[^0-9A-Za-z_]+)?the[^0-9A-Za-z_]+(?:text|words|sentences|content|messages))[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,3}?(?:above|before[^0-9A-Za-z_]+this)(?-u:\b)",
    ),
    rule(
        "without_rules",
        r"(?i)restriction|rules|filter|limitation|guideline|censor|constraint|restricted|jailbroken",
        r"(?i)(?-u:\b)(?:(?:you[^0-9A-Za-z_]+are[^0-9A-Za-z_]+now|act[^0-9A-Za-z_]+as|pretend|behave|respond|answer|imagine)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,8}?(?:(?:without|no|free[^0-9A-Za-z_]+(?:of|from))[^0-9A-Za-z_]+(?:any[^0-9A-Za-z_]+|all[^0-9A-Za-z_]+)?(?:restrictions?|rules|filters?|limitations?|guidelines|censorship|constraints)|unrestricted|unfiltered|uncensored|jailbroken))(?-u:\b)",
    ),
    rule(
        "jailbreak",
        r"(?i)anything|mode|longer|dan|jailbroken",
        r"(?i)(?-u:\b)(?:do[^0-9A-Za-z_]+anything[^0-9A-Za-z_]+now|(?:dan|developer|debug|god|jailbreak|sudo|unrestricted)[^0-9A-Za-z_]+mode[^0-9A-Za-z_]+(?:is[^0-9A-Za-z_]+)?(?:now[^0-9A-Za-z_]+)?(?:enabled|activated|on|unlocked)|(?:enable|activate|enter|unlock|switch[^0-9A-Za-z_]+to)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,2}?(?:dan|developer|god|jailbreak|sudo|unrestricted)[^0-9A-Za-z_]+mode|you[^0-9A-Za-z_]+are[^0-9A-Za-z_]+(?:now[^0-9A-Za-z_]+)?(?:dan|jailbroken)|you[^0-9A-Za-z_]+are[^0-9A-Za-z_]+no[^0-9A-Za-z_]+longer[^0-9A-Za-z_]+(?:bound|restricted|limited|an?[^0-9A-Za-z_]+(?:ai|assistant|language[^0-9A-Za-z_]+model)))(?-u:\b)",
    ),
    rule(
        "safety_off",
        r"(?i)safety|content|ethical|moral|moderation",
        r"(?i)(?-u:\b)(?:disable|deactivate|remove|bypass|ignore|circumvent|turn[^0-9A-Za-z_]+off|switch[^0-9A-Za-z_]+off)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,3}?(?:safety|content|ethical|moral|moderation)[^0-9A-Za-z_]+(?:filters?|guidelines?|guardrails?|restrictions?|protocols?|polic(?:y|ies)|measures|rules|checks|mechanisms)(?-u:\b)",
    ),
    rule(
        "exfiltrate",
        r"(?i)https?://|www\.",
        r"(?i)(?-u:\b)(?:send|post|forward|upload|exfiltrate|transmit|email)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,6}?(?:conversation|chat[^0-9A-Za-z_]+history|system[^0-9A-Za-z_]+prompt|api[^0-9A-Za-z_]+keys?|credentials|secrets?|passwords?)[^0-9A-Za-z_]+(?:[0-9A-Za-z_]+[^0-9A-Za-z_]+){0,4}?to[^0-9A-Za-z_]+(?:https?://|www\.)",
    ),
    rule(
        "forged_turn",
        r"[<\[]",
        r"(?i)<\|(?:im_start|im_end|system|user|assistant|end|endoftext|start_header_id|end_header_id|eot_id|begin_of_text)\|>|<</?SYS>>|\[/?INST\]|<start_of_turn>|<end_of_turn>",
    ),
];
