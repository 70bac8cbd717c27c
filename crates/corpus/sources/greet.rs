//! A Rust program. With the argument `maps` it shows its own memory.

use std::hint::black_box;

#[inline(never)]
fn copy_name(name: &str) -> usize {
    let mut buffer = [0_u8; 64];
    let length = name.len().min(buffer.len());
    buffer[..length].copy_from_slice(&name.as_bytes()[..length]);
    black_box(&mut buffer).len()
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("maps") {
        print!("{}", std::fs::read_to_string("/proc/self/maps").unwrap_or_default());
        return;
    }
    println!("hello, {}", copy_name("Rust"));
}
