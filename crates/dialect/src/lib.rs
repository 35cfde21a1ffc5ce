//! The canonical inference model and the codecs of every wire dialect: pure.
