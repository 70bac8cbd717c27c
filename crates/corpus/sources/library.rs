//! A library in Rust for programs in C.

#[no_mangle]
pub extern "C" fn answer() -> i32 {
    42
}
