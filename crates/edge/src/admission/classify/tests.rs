//! What is made of prompts as people write them.

use super::*;

fn of(user: &str) -> &'static str {
    classify(user, "", Facts::default())
}

#[test]
fn prompts_are_told_apart() {
    let prompts = [
        ("code", "Write a Python function that reverses a linked list."),
        ("code", "Why does this panic?\n```rust\nlet x: Option<u8> = None;\nx.unwrap();\n```"),
        ("code", "Refactor the auth module and add unit tests."),
        ("code", "I get \"TypeError: undefined is not a function\" in JavaScript, how do I debug it?"),
        ("code", "SELECT * FROM users WHERE id = 7 is slow, which index do I need?"),
        ("code", "Schreibe mir ein Skript, das die Fehlermeldung aus der Log-Datei per regex findet."),
        ("code", "Escribe código en Python para leer un archivo CSV."),
        ("code", "用Python编程实现快速排序,给出代码"),
        ("math", "Solve for x: 3x^2 + 5x - 2 = 0"),
        ("math", "Prove that the square root of 2 is irrational."),
        ("math", "What is the probability of two sixes in four throws? Calculate it."),
        ("math", "Berechne die Ableitung von sin(x)·e^x."),
        ("math", "Résous l'équation 2x + 3 = 7."),
        ("math", "求解方程 x^2 = 16"),
        ("translation", "Translate to German: The cat sat on the mat."),
        ("translation", "How would you say \"good luck\" in French? I need a translation for a card."),
        ("translation", "Übersetze den folgenden Satz ins Englische: Der Zug ist pünktlich."),
        ("translation", "Traduis ce texte en anglais : la vie est belle."),
        ("translation", "请把下面的句子翻译成英文"),
        ("summarization", "Summarize the following article in three bullet points."),
        ("summarization", "TL;DR of this email thread please"),
        ("summarization", "Fasse den Text kurz zusammen."),
        ("summarization", "Fais un résumé de ce rapport."),
        ("summarization", "总结一下这篇文章"),
        ("extraction", "Extract all names, dates and amounts from the following invoice as JSON."),
        ("extraction", "Extrais les adresses de ce message."),
        ("extraction", "从下面的文本中提取公司名称"),
        ("classification", "Classify this review as positive or negative: I loved it."),
        ("classification", "Is this message spam? Label it with one of the following categories."),
        ("classification", "Clasifica estos comentarios por tema."),
        ("classification", "对下面的评论进行情感分类"),
        ("creative", "Write a poem about the sea."),
        ("creative", "Tell me a short story about a dragon who is afraid of fire."),
        ("creative", "Schreib mir ein Gedicht über den Herbst."),
        ("creative", "Écris une chanson sur Paris."),
        ("creative", "写一首关于春天的诗"),
        ("reasoning", "Here is a riddle: I speak without a mouth. What am I? Think step by step."),
        ("reasoning", "What are the pros and cons of moving to the countryside?"),
        ("reasoning", "Was sind die Vor- und Nachteile von Wärmepumpen?"),
        ("reasoning", "这个推理题的答案是什么?逐步说明"),
        ("agent", "Search the web for cheap flights to Rome."),
        ("chat", "Hi, how are you?"),
        ("chat", "What is the capital of France?"),
        ("chat", "Wie wird das Wetter morgen?"),
        ("chat", "你好"),
        ("chat", ""),
    ];
    let wrong: Vec<_> = prompts
        .iter()
        .map(|(expected, prompt)| (*expected, of(prompt), *prompt))
        .filter(|(expected, found, _)| expected != found)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn facts_speak_where_words_do_not() {
    let with = |user, facts| classify(user, "", facts);
    let tools = Facts { has_tools: true, ..Facts::default() };
    assert_eq!(with("What is the weather in Paris?", tools), "agent");
    assert_eq!(with("Fix the failing test in this repository", tools), "code");
    let images = Facts { has_images: true, ..Facts::default() };
    assert_eq!(with("What is this?", images), "vision");
    assert_eq!(of("Describe the photo, the picture and the screenshot"), "chat");
    let long = Facts { text_bytes: LONG, ..Facts::default() };
    assert_eq!(with("Summarize it.", long), "long_context");
    assert_eq!(with("What is said about fish?", long), "long_context");
    assert_eq!(with("Summarize it.", Facts { text_bytes: LONG - 1, ..Facts::default() }), "summarization");
}

#[test]
fn a_system_prompt_speaks_more_softly_than_the_user() {
    let system =
        "You are a coding assistant. Write code, debug code, refactor code, review pull requests in git.";
    assert_eq!(classify("Continue.", system, Facts::default()), "code");
    assert_eq!(classify("Translate this sentence into French.", system, Facts::default()), "translation");
}

#[test]
fn only_the_beginning_is_looked_at() {
    let late = format!("{} translate this translation", "ä ".repeat(LOOKED_AT / 2));
    assert_eq!(of(&late), "chat");
    assert_eq!(of("translated"), "chat", "no rule has a word that only begins like another");
}

#[test]
fn the_last_user_message_counts() {
    let turn =
        |speaker, text: &str| Message::of(speaker, vec![dialect::canonical::Part::text(text.to_owned())]);
    let messages = vec![
        turn(Speaker::System, "Be brief."),
        turn(Speaker::User, "Translate this into German: house"),
        turn(Speaker::Assistant, "Haus"),
        turn(Speaker::User, "Now write a poem about it."),
    ];
    let request = Request { messages, ..Request::default() };
    assert_eq!(conversation(&request, Facts::default()), "creative");
    assert_eq!(conversation(&Request::default(), Facts::default()), OTHERWISE);
}
