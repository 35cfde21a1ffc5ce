//! Names of people and the places where they live: only where the words around, or the form, say so. Free names in
//! free text are not recognised.

use super::Draft;
use crate::config::Slug;

pub(super) static RULES: [Draft; 6] = [
    Draft::new(
        Slug::PersonName,
        "introduced",
        r"(?i:name|called|call me)",
        r#"(?-u:\b)(?:(?i:my (?:full |first |last )?name is|i am called|i['’]m called|they call me)[ \t]+|(?i:(?:full |first |last |middle |given |family |sur)?name)["']?[ \t]*[:=][ \t]*["']?)(\p{Lu}(?:[\p{L}'’-]+|\.)(?:[ \t]+\p{Lu}(?:[\p{L}'’-]+|\.)){0,3})"#,
    ),
    Draft::new(
        Slug::PersonName,
        "titled",
        r"(?-u:\b)(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Mme|Monsieur|Madame|Señor)",
        r"(?-u:\b)(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Herr|Frau|Mme|Monsieur|Madame|Señor|Señora)\.?[ \t]+(\p{Lu}(?:[\p{L}'’-]+|\.)(?:[ \t]+\p{Lu}(?:[\p{L}'’-]+|\.)){0,2})",
    ),
    Draft::new(
        Slug::Address,
        "street-english",
        r"(?-u:\b)(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Parkway|Pkwy|Highway|Hwy|Way|Close|Crescent)(?-u:\b)",
        r"(?-u:\b)[0-9]{1,6}[A-Za-z]?[ \t]+(?:(?:[NSEW]|North|South|East|West)\.?[ \t]+)?(?:[\p{Lu}0-9][\p{L}0-9'’.-]*[ \t]+){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Parkway|Pkwy|Highway|Hwy|Way|Close|Crescent)(?-u:\b)\.?(?:,?[ \t]+(?i:apt|apartment|suite|ste|unit|floor|#)\.?[ \t]*[0-9A-Za-z-]{1,6}(?-u:\b))?(?:,[ \t]+\p{Lu}[\p{L}.' -]{1,40},[ \t]+[A-Z]{2}[ \t]+[0-9]{5}(?:-[0-9]{4})?(?-u:\b))?",
    ),
    Draft::new(
        Slug::Address,
        "street-german",
        r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer)[ \t]+[0-9]",
        r"(?-u:\b)\p{Lu}[\p{L}.-]*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer)[ \t]+[0-9]{1,4}[ \t]?[a-z]?(?-u:\b)(?:,?[ \t]+(?:D-)?[0-9]{4,5}[ \t]+\p{Lu}\p{L}+)?",
    ),
    Draft::new(
        Slug::Address,
        "street-french",
        r"(?i:rue|avenue|boulevard|place|chemin|impasse|quai|allée)",
        r"(?-u:\b)[0-9]{1,4}(?:[ \t]?(?:bis|ter))?,?[ \t]+(?i:rue|avenue|boulevard|place|chemin|impasse|quai|allée)[ \t]+(?:(?:de|du|des|la|le|les|d['’]|l['’])[ \t]*){0,3}\p{Lu}[\p{L}'’-]+(?:[ \t]+\p{Lu}[\p{L}'’-]+){0,3}(?:,?[ \t]+[0-9]{5}[ \t]+\p{Lu}[\p{L}'’-]+)?",
    ),
    Draft::new(
        Slug::Address,
        "post-box",
        r"(?i:box|postfach)",
        r"(?-u:\b)(?i:p\.?[ \t]?o\.?[ \t]?box|postfach)[ \t]+#?[0-9]{1,8}(?-u:\b)",
    ),
];
