//! The text of Go build info: runtime/debug/mod.go (`ParseBuildInfo`).
//!
//! `ParseBuildInfo` gives up at the first line it does not understand. Here such a line is passed
//! over, so that what stands in the others is not lost.

use std::str::Chars;

use super::{BuildInfo, Module, Setting};
use crate::limits::MAX_BUILD_INFO_LINES;
use crate::quantity::{Offset, Size};

/// Adds what the lines of `text` say to `info`; it starts at `at` in the file.
pub(super) fn read(text: &[u8], mut at: Offset, info: &mut BuildInfo) {
    for line in text.split(|&byte| byte == b'\n').take(MAX_BUILD_INFO_LINES) {
        read_line(&String::from_utf8_lossy(line), at, info);
        let next = at.checked_add(Size::of(line.len()));
        let Some(next) = next.and_then(|next| next.checked_add(Size(1))) else {
            return;
        };
        at = next;
    }
}

fn read_line(line: &str, at: Offset, info: &mut BuildInfo) {
    let Some((word, rest)) = line.split_once('\t') else {
        return;
    };
    match word {
        "path" => rest.clone_into(&mut info.path),
        "mod" => info.main = Some(module(rest, at)),
        "dep" => info.dependencies.push(module(rest, at)),
        "=>" => {
            let last = info.dependencies.last_mut().or(info.main.as_mut());
            if let Some(last) = last {
                last.replacement = Some(Box::new(module(rest, at)));
            }
        }
        "build" => info.settings.extend(setting(rest, at)),
        _ => {}
    }
}

fn module(columns: &str, offset: Offset) -> Module {
    let mut columns = columns.split('\t').map(str::to_owned);
    Module {
        path: columns.next().unwrap_or_default(),
        version: columns.next().unwrap_or_default(),
        sum: columns.next().unwrap_or_default(),
        replacement: None,
        offset,
    }
}

/// `key=value`, of which each half may be written as a Go string.
fn setting(text: &str, offset: Offset) -> Option<Setting> {
    let (key, rest) = match text.chars().next()? {
        '"' | '`' => unquoted_prefix(text)?,
        _ => {
            let end = text.find('=')?;
            (text.get(..end)?.to_owned(), text.get(end..)?)
        }
    };
    let raw = rest.strip_prefix('=')?;
    let value = match raw.chars().next() {
        Some('"' | '`') => unquoted_prefix(raw)?.0,
        _ => raw.to_owned(),
    };
    Some(Setting { key, value, offset })
}

/// The Go string literal that `text` starts with, and what follows it: `strconv.QuotedPrefix` and
/// `strconv.Unquote`.
fn unquoted_prefix(text: &str) -> Option<(String, &str)> {
    let mut chars = text.chars();
    let quote = chars.next()?;
    let mut value = String::new();
    loop {
        match chars.next()? {
            c if c == quote => return Some((value, chars.as_str())),
            '\\' if quote == '"' => value.push(escaped(&mut chars)?),
            c => value.push(c),
        }
    }
}

/// What stands behind a backslash. A byte that is not ASCII by itself has no place in a Rust string
/// and becomes U+FFFD; nothing that is asked of a setting holds one.
fn escaped(chars: &mut Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => byte(number(0, chars, 2, 16)?),
        'u' => char::from_u32(number(0, chars, 4, 16)?)?,
        'U' => char::from_u32(number(0, chars, 8, 16)?)?,
        digit @ '0'..='3' => byte(number(digit.to_digit(8)?, chars, 2, 8)?),
        same @ ('\\' | '\'' | '"') => same,
        _ => return None,
    })
}

fn number(first: u32, chars: &mut Chars<'_>, digits: u32, radix: u32) -> Option<u32> {
    (0..digits).try_fold(first, |number, _| {
        let digit = chars.next()?.to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(digit)
    })
}

fn byte(number: u32) -> char {
    match u8::try_from(number) {
        Ok(byte) if byte.is_ascii() => char::from(byte),
        _ => char::REPLACEMENT_CHARACTER,
    }
}
