pub(crate) const PART: &str = "worker";
