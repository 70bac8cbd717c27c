//! How a finding is known again.

/// What tells a finding or a document from others, as 16 hexadecimal digits: FNV-1a of 64 bits. It needs no strength, only to be the same in every version: it tells a viewer
/// that a finding is the one it knows from the last run. So nothing goes into it that moves when a
/// program is built again, as offsets do.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        assert_eq!(fingerprint(&[]), "cbf29ce484222325");
        assert_eq!(fingerprint(&["pie", "", "bin/svc"]), "a7670ae73c12eb41");
        assert_ne!(fingerprint(&["a", "b"]), fingerprint(&["ab", ""]));
    }
}
