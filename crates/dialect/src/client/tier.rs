//! The tiers of service, by their public names.

/// The public name of what a provider calls a tier.
pub(super) fn public(tier: &str) -> &str {
    match tier {
        "standard" | "on_demand" => "default",
        "fast" | "ultrafast" => "priority",
        tier => tier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_have_one_name_each() {
        let named = ["standard", "on_demand", "default", "fast", "flex", "scale"].map(public);
        assert_eq!(named, ["default", "default", "default", "priority", "flex", "scale"]);
    }
}
