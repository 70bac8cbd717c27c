//! A library in Rust for programs in C.

#[unsafe(no_mangle)]
pub extern "C" fn answer() -> i32 {
    42
}
