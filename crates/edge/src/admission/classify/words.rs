//! The table by which conversations are told apart.
//!
//! Words are sought in a text in lower case whose words have one blank between them. `translat*` is every
//! word that begins so; what has a `*` on both sides is found anywhere, as in scripts that put no blanks
//! between words. Marks are sought in the text as it is. A weight is 1 for a hint, 2 for what is usual, 3 for
//! what is hardly said of anything else.

use Look::{Marks, Words};

/// What a conversation may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Code,
    Math,
    Translation,
    Summarization,
    Extraction,
    Classification,
    Creative,
    Reasoning,
    Agent,
    Vision,
    LongContext,
}

impl Task {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Math => "math",
            Self::Translation => "translation",
            Self::Summarization => "summarization",
            Self::Extraction => "extraction",
            Self::Classification => "classification",
            Self::Creative => "creative",
            Self::Reasoning => "reasoning",
            Self::Agent => "agent",
            Self::Vision => "vision",
            Self::LongContext => "long_context",
        }
    }
}

/// Where something is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Words,
    Marks,
}

/// Where, what it weighs, and what is sought: alternatives between bars, each counted by itself.
pub(super) type Rules = &'static [(Look, u32, &'static str)];

/// Of equals the first wins.
pub(super) const TABLE: [(Task, Rules); 11] = [
    (Task::Code, CODE),
    (Task::Math, MATH),
    (Task::Translation, TRANSLATION),
    (Task::Summarization, SUMMARIZATION),
    (Task::Extraction, EXTRACTION),
    (Task::Classification, CLASSIFICATION),
    (Task::Creative, CREATIVE),
    (Task::Reasoning, REASONING),
    (Task::Agent, AGENT),
    (Task::Vision, VISION),
    (Task::LongContext, &[]),
];

const CODE: Rules = &[
    (
        Marks,
        3,
        "#include|public static|console.log|fn main|SELECT * FROM|Traceback (most recent|::new(|\
         .unwrap(",
    ),
    (Marks, 2, "```|</div>|=> {|();"),
    (Marks, 1, "def |;\n|{\n| ==| !=|self."),
    (
        Words,
        3,
        "codebase|regex|refactor*|unit test*|failing test*|stack trace|merge conflict*|\
         null pointer|segfault|leetcode|quelltext|quellcode|programmier*|programmation|código|\
         programación|*代码*|*编程*",
    ),
    (
        Words,
        2,
        "code|coding|javascript|typescript|python|golang|java|kotlin|sql|bash|shell script|\
         debug*|bug|bugs|test suite|compile*|docker*|kubernetes|git|pull request|html|css|\
         programming|npm|database schema|fehlermeldung|datenbankabfrage|bogue|depura*|*函数*|*脚本*|\
         *报错*|*程序*",
    ),
    (
        Words,
        1,
        "function|functions|rust|swift|script|exception|api|endpoint|repository|algorithm|react|\
         program|software|implement*|variable|webhook*|async|funktion|skript|fonction|du code|\
         programme|función|*数据库*",
    ),
];

const MATH: Rules = &[
    (Marks, 3, "\\frac|\\int|\\sum|x^2|∫|∑"),
    (Marks, 2, "$$|√"),
    (
        Words,
        3,
        "equation*|integral|derivative|theorem|eigenvalue*|polynomial*|solve for|square root|\
         algebra*|prime number*|logarithm*|compound interest|gleichung*|ableitung|quadratwurzel|\
         équation*|dérivée|ecuación|ecuaciones|derivada|*方程*|*积分*|*平方根*",
    ),
    (
        Words,
        2,
        "differentiate|prove|proof|lemma|calculate|probability|matrix|arithmetic|geometry|modulo|\
         percent of|divided by|multiplied by|berechne*|beweise|wahrscheinlichkeit*|calcule*|\
         calculer|démontre*|probabilité|calcula|demuestra|probabilidad|*计算*|*证明*|*概率*|*求解*",
    ),
    (Words, 1, "integrate|compute|solve|sum of|triangle|how many"),
];

const TRANSLATION: Rules = &[
    (
        Words,
        3,
        "translate|translating|translation|translations|übersetz*|ins deutsche|ins englische|\
         ins französische|traduis|traduire|traduisez|traduction|traduce|traducir|traducción|*翻译*|\
         *译成*|*译为*|*翻成*",
    ),
    (
        Words,
        2,
        "translates|translator|into english|into german|into french|into spanish|into chinese|\
         into japanese|al español|al inglés",
    ),
    (Words, 1, "to english|to german|to french|to spanish|en anglais"),
];

const SUMMARIZATION: Rules = &[
    (
        Words,
        3,
        "summar*|tldr|tl dr|key takeaways|zusammenfass*|kurzfassung|résum*|resumen|resumir|\
         resume este|resume el|*总结*|*概括*|*摘要*",
    ),
    (Words, 2, "key points|main points|shorten|condense|recap|fasse|en bref|*归纳*"),
    (Words, 1, "in one paragraph|bullet points|meeting notes|zusammen"),
];

const EXTRACTION: Rules = &[
    (
        Words,
        3,
        "extract|extracting|named entit*|extrahier*|extrais|extraire|extrayez|extrae|extraer|\
         extraiga|*提取*|*抽取*",
    ),
    (Words, 2, "extraction|pull out|entities|key value|entnimm|*列出所有*"),
    (
        Words,
        1,
        "parse|list all|json|fields|from the following|as a table|invoice|email addresses|\
         phone numbers",
    ),
];

const CLASSIFICATION: Rules = &[
    (
        Words,
        3,
        "classif*|categoriz*|categoris*|sentiment|which category|positive or negative|\
         klassifizier*|kategorisier*|clasific*|*分类*|*归类*",
    ),
    (Words, 2, "label|spam|tag each|catégor*|classe ce*|classez|*情感*|*类别*"),
    (Words, 1, "labels|categories|category|one of the following|intent|toxic|ordne|kategorie*|categoría*"),
];

const CREATIVE: Rules = &[
    (
        Words,
        3,
        "poem*|poetry|haiku*|lyrics|screenplay|roleplay*|role play|limerick|fairy tale|sonnet|\
         gedicht*|märchen|liedtext|poème*|chanson|poema*|cuento|canción|*诗*|*故事*|*小说*|*歌词*",
    ),
    (
        Words,
        2,
        "story|song|fiction|slogan*|tagline*|creative|rhyme*|blog post|joke|jokes|ghostwrite|\
         geschichte|erzähl*|witz|histoire|conte|historia|chiste|*笑话*",
    ),
    (Words, 1, "short story|novel|character|imagine|dialogue|raconte"),
];

const REASONING: Rules = &[
    (
        Words,
        3,
        "riddle*|puzzle*|pros and cons|who is lying|fallac*|rätsel|vor und nachteile|énigme*|\
         acertijo*|ventajas y desventajas|*推理*|*谜*|*利弊*",
    ),
    (
        Words,
        2,
        "step by step|logic|logical|reason through|think carefully|deduce|trade offs|tradeoffs|\
         root cause|hypothes*|contradict*|must be true|schritt für schritt|begründe*|logik|\
         étape par étape|avantages et|logique|paso a paso|lógica|*逐步*|*逻辑*",
    ),
    (
        Words,
        1,
        "infer|why does|why do|why is|strategy|analyze|analyse|evaluate|compare|argument|\
         decision|if all|warum|pourquoi|por qué|*为什么*",
    ),
];

const AGENT: Rules = &[
    (
        Words,
        3,
        "search the web|use the tools|use your tools|suche im internet|cherche sur internet|\
         busca en internet|*调用工具*|*搜索网页*",
    ),
    (
        Words,
        2,
        "browse|automate|send an email|send a message|navigate to|automatisier*|automatise*|\
         automatiza*|*自动化*",
    ),
    (Words, 1, "agent|book a|schedule|call the|tool|tools|workflow|look up"),
];

const VISION: Rules = &[
    (Words, 3, "ocr"),
    (Words, 2, "screenshot|handwriting|capture d écran|*图片*|*照片*|*截图*"),
    (Words, 1, "image|images|picture|photo|diagram|chart|look at|bild|foto|imagen"),
];
