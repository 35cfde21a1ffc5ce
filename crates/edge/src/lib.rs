//! The public HTTP service: auth, limits, admission, streaming, management and admin REST.
