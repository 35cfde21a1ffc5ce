//! Takes secrets out of provider messages before a client may read them.

/// Characters of a provider's message that a client gets at most.
const LENGTH: usize = 1_000;

const REDACTED: &str = "[redacted]";

/// How keys and account ids of the known providers begin.
const SECRET_PREFIXES: [&str; 15] = [
    "sk-", "sk_", "pk-", "gsk_", "xai-", "aiza", "ya29.", "hf_", "fw_", "nvapi-", "akia", "asia", "org-",
    "org_", "proj_",
];

/// Words after which a secret follows.
const ANNOUNCING: [&str; 9] =
    ["bearer", "basic", "key", "api_key", "api-key", "apikey", "token", "access_token", "password"];

/// A provider's message as a client may read it: one line of at most 1,000 characters, without keys, tokens,
/// account ids, and without the credentials and queries of URLs.
#[must_use]
pub fn scrub(message: &str) -> String {
    let mut clean = String::with_capacity(message.len().min(LENGTH));
    let mut announced = false;
    let mut rest = message.trim();
    while !rest.is_empty() && clean.len() < LENGTH * 4 {
        let end = rest.find(is_separator).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if !word.is_empty() {
            push_word(&mut clean, word, announced);
            announced = announces(word);
        }
        let mut separators = tail.char_indices();
        if let Some((_, separator)) = separators.next() {
            clean.push(if separator.is_control() { ' ' } else { separator });
        }
        rest = separators.as_str();
    }
    shortened(clean)
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LENGTH) {
        None => text,
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '{' | '}' | '[' | ']' | ',' | ';')
}

fn push_word(clean: &mut String, word: &str, announced: bool) {
    if let Some(at) = word.find("://") {
        push_url(clean, &word[..at + 3], &word[at + 3..]);
        return;
    }
    if let Some((name, value)) = word.split_once(['=', ':']).filter(|(_, value)| !value.is_empty()) {
        clean.push_str(name);
        clean.push_str(&word[name.len()..=name.len()]);
        push_word(clean, value, announces(name));
        return;
    }
    let bare = word.trim_end_matches(['.', ':', '!', '?']);
    if is_secret(bare) || (announced && looks_random(bare, 12)) {
        clean.push_str(REDACTED);
        clean.push_str(&word[bare.len()..]);
    } else {
        clean.push_str(word);
    }
}

fn push_url(clean: &mut String, scheme: &str, rest: &str) {
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    clean.push_str(scheme);
    clean.push_str(authority.rsplit('@').next().unwrap_or_default());
    clean.push_str(path.split(['?', '#']).next().unwrap_or_default());
}

fn announces(word: &str) -> bool {
    let word = word.trim_end_matches(':').to_ascii_lowercase();
    ANNOUNCING.iter().any(|known| word == *known || word.ends_with(&format!("-{known}")))
}

/// Known prefixes, words that a provider masked itself, and long random words.
fn is_secret(word: &str) -> bool {
    if word.contains("***") || looks_random(word, 40) {
        return true;
    }
    let lower = word.to_ascii_lowercase();
    word.len() >= 12 && SECRET_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
}

fn looks_random(word: &str, length: usize) -> bool {
    word.len() >= length
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(&byte))
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !word.contains('/')
}
