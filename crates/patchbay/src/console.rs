//! Where the web console's files come from: the binary itself, or a checkout of the source code.

mod checkout;
#[cfg(feature = "embed-console")]
mod embedded;

use std::path::PathBuf;

use edge::Site;

use self::checkout::Checkout;

/// The console that this binary holds, if it was built with one.
pub(crate) fn built_in() -> anyhow::Result<Site> {
    let site = Site::default();
    #[cfg(feature = "embed-console")]
    site.put(embedded::files()?);
    Ok(site)
}

/// The built console of the checkout that this binary belongs to, unless it holds one itself.
pub(crate) fn built_here() -> Option<PathBuf> {
    if cfg!(feature = "embed-console") {
        return None;
    }
    Checkout::find().map(|checkout| checkout.dist()).filter(|dist| dist.join("index.html").is_file())
}
