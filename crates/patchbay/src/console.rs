//! Where the web console's files come from: the binary itself, or a checkout of the source code.

mod build;
mod checkout;
#[cfg(feature = "embed-console")]
mod embedded;

use std::path::PathBuf;

use edge::Site;

pub(crate) use self::build::Build;
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

/// What is to be done for `site`, reached at `url`, to serve the checkout's console. Nothing where a console is built in
/// or no checkout is found. What npm says goes to `log`.
pub(crate) fn of_checkout(site: &Site, url: String, log: PathBuf) -> Option<Build> {
    if cfg!(feature = "embed-console") {
        return None;
    }
    Checkout::find().map(|checkout| Build::new(checkout, site.clone(), log, url))
}
