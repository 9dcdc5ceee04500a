//! Linker settings for the Node.js addon; the pure engine needs none.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
