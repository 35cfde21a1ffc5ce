//! The tier of service that an endpoint is asked for.

use super::quirks::Quirks;
use crate::codec::Target;

/// What goes out as `service_tier`, whatever the client said; `None` = nothing. An endpoint of the usual tier is
/// asked for it by name where the catalogue accepts the member: left out, an account's own settings would decide,
/// and with them the price.
pub(super) fn asked<'a>(target: &Target<'a>, quirks: Quirks<'a>) -> Option<&'a str> {
    let tier = match target.service_tier {
        "" if quirks.lists("accepts", "service_tier") => "default",
        "" => return None,
        tier => tier,
    };
    let own = quirks.map("service_tiers").and_then(|names| names.get(tier)?.as_str());
    Some(own.unwrap_or(tier))
}
