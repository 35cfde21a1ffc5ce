//! The code that `cargo xtask codegen` writes from `proto/`, nested as the packages are.
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    rustdoc::all,
    reason = "generated"
)]

pub mod patchbay {
    pub mod billing {
        pub mod v1 {
            include!("generated/patchbay.billing.v1.rs");
        }
    }
    pub mod errors {
        pub mod v1 {
            include!("generated/patchbay.errors.v1.rs");
        }
    }
    pub mod events {
        pub mod v1 {
            include!("generated/patchbay.events.v1.rs");
        }
    }
    pub mod pricing {
        pub mod v1 {
            include!("generated/patchbay.pricing.v1.rs");
        }
    }
    pub mod router {
        pub mod v1 {
            include!("generated/patchbay.router.v1.rs");
        }
    }
    pub mod status {
        pub mod v1 {
            include!("generated/patchbay.status.v1.rs");
        }
    }
    pub mod worker {
        pub mod v1 {
            include!("generated/patchbay.worker.v1.rs");
        }
    }
}
