//! Bytes of a file in one byte order, one after the other.

/// Numbers and strings in one byte order, one after the other.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    pub(super) fn new(big_endian: bool) -> Self {
        Self {
            bytes: Vec::new(),
            big_endian,
        }
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.number(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.number(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.number(&value.to_le_bytes())
    }

    /// 8 or 4 bytes.
    pub(super) fn word(&mut self, is_64: bool, value: u64) -> &mut Self {
        let size = if is_64 { 8 } else { 4 };
        self.number(&value.to_le_bytes()[..size])
    }

    /// A string in a field of fixed size.
    pub(super) fn name(&mut self, name: &str, size: usize) -> &mut Self {
        let end = self.bytes.len() + size;
        self.bytes.extend(name.bytes().take(size));
        self.pad(end)
    }

    /// Zeros up to a length.
    pub(super) fn pad(&mut self, length: usize) -> &mut Self {
        assert!(
            self.bytes.len() <= length,
            "no room left before {length:#x}"
        );
        self.bytes.resize(length, 0);
        self
    }

    fn number(&mut self, little_endian: &[u8]) -> &mut Self {
        let mut bytes = little_endian.to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        self.bytes.extend(bytes);
        self
    }
}
