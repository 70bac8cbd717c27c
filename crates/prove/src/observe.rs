//! What the kernel says about a process: `/proc/PID/{maps,stat,auxv}` and `/proc/sys`, as proc(5)
//! describes them.
//!
//! Parsers of text, apart from the few functions that read the files. Lines that cannot be read
//! are passed over: a newer kernel may write more than we know.

use std::fs;
use std::path::Path;

use nix::unistd::Pid;
use serde::Serialize;

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The first address after it.
    pub end: u64,
    /// May be read.
    pub readable: bool,
    /// May be written.
    pub writable: bool,
    /// May be executed.
    pub executable: bool,
    /// Can no longer be changed or removed (`mseal`), as far as it was asked for.
    pub sealed: bool,
    /// The offset in the mapped file, in bytes.
    pub offset: u64,
    /// Device and inode of the mapped file; none for memory without a file.
    pub file: Option<(String, u64)>,
    /// The path of the file, or a name such as `[stack]`; empty for anonymous memory.
    pub name: String,
}

impl Mapping {
    /// The permissions as `/proc/PID/maps` writes them, without the sharing.
    pub fn permissions(&self) -> String {
        let letter = |set, letter| if set { letter } else { '-' };
        [
            letter(self.readable, 'r'),
            letter(self.writable, 'w'),
            letter(self.executable, 'x'),
        ]
        .iter()
        .collect()
    }

    /// Memory without a file and without a name, or with a name that the program gave it.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.file.is_none() && (self.name.is_empty() || self.name.starts_with("[anon"))
    }
}

impl std::fmt::Display for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (start, end, permissions) = (self.start, self.end, self.permissions());
        write!(f, "{start:#x}-{end:#x} {permissions}")?;
        match self.name.as_str() {
            "" => Ok(()),
            name => write!(f, " {name}"),
        }
    }
}

/// The fields of `/proc/PID/stat` that a proof needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Page faults that needed no input, so far.
    pub(crate) minor_faults: u64,
    /// Page faults that waited for a disk, so far.
    pub(crate) major_faults: u64,
    /// The stack pointer at the first instruction; 0 where the kernel does not tell.
    pub(crate) start_stack: u64,
    /// Where `brk` begins; 0 where the kernel does not tell.
    pub(crate) start_brk: u64,
}

/// The auxiliary vector that the kernel gave the program: getauxval(3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Auxv {
    /// `AT_PHDR`: where the program headers are in memory.
    pub(crate) program_headers: Option<u64>,
    /// `AT_ENTRY`: the program's own entry point, not the loader's.
    pub(crate) entry: Option<u64>,
    /// `AT_SYSINFO_EHDR`: where the vdso is.
    pub(crate) vdso: Option<u64>,
}

/// The memory of a process now; empty when it has none any more.
pub(crate) fn maps(pid: Pid) -> Vec<Mapping> {
    let bytes = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    parse_maps(&String::from_utf8_lossy(&bytes))
}

/// Marks the mappings that are sealed: those with `sl` among the `VmFlags` of `/proc/PID/smaps`.
/// Whether that could be read: a process that is exiting may have its memory taken away meanwhile.
pub(crate) fn mark_sealed(pid: Pid, maps: &mut [Mapping]) -> bool {
    let bytes = fs::read(format!("/proc/{pid}/smaps")).unwrap_or_default();
    let sealed = parse_sealed(&String::from_utf8_lossy(&bytes));
    for map in maps {
        map.sealed = sealed.contains(&map.start);
    }
    !bytes.is_empty()
}

/// The first addresses of the mappings that are sealed.
fn parse_sealed(smaps: &str) -> Vec<u64> {
    let (mut sealed, mut start) = (Vec::new(), None);
    for line in smaps.lines() {
        if let Some(map) = parse_mapping(line) {
            start = Some(map.start);
        } else if let Some(flags) = line.strip_prefix("VmFlags:")
            && flags.split_whitespace().any(|flag| flag == "sl")
        {
            sealed.extend(start);
        }
    }
    sealed
}

pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

pub(crate) fn auxv(pid: Pid, word_size: usize) -> Auxv {
    let bytes = fs::read(format!("/proc/{pid}/auxv")).unwrap_or_default();
    parse_auxv(&bytes, word_size)
}

/// Whether task `tid` is a thread of process `pid`.
pub(crate) fn is_thread_of(tid: Pid, pid: Pid) -> bool {
    tid == pid || Path::new(&format!("/proc/{pid}/task/{tid}")).exists()
}

/// The number in a file such as `/proc/sys/vm/mmap_rnd_bits`.
pub(crate) fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The effective capabilities of this process, as a mask; none where /proc does not tell.
pub(crate) fn effective_capabilities() -> Option<u64> {
    parse_capabilities(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_capabilities(status: &str) -> Option<u64> {
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

pub(crate) fn parse_maps(text: &str) -> Vec<Mapping> {
    text.lines().filter_map(parse_mapping).collect()
}

fn parse_mapping(line: &str) -> Option<Mapping> {
    // Five fields with one blank between; what follows is padding and the name.
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?.as_bytes();
    let offset = fields.next()?;
    let device = fields.next()?;
    let inode: u64 = fields.next()?.parse().ok()?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        readable: permissions.first() == Some(&b'r'),
        writable: permissions.get(1) == Some(&b'w'),
        executable: permissions.get(2) == Some(&b'x'),
        sealed: false,
        offset: hex(offset)?,
        file: (inode != 0).then(|| (device.to_owned(), inode)),
        name: fields.next().unwrap_or_default().trim_start().to_owned(),
    })
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is a name in parentheses that may itself hold blanks and parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // proc(5) counts from 1; `fields` begins with the third.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        minor_faults: field(10)?,
        major_faults: field(12)?,
        start_stack: field(28).unwrap_or(0),
        start_brk: field(47).unwrap_or(0),
    })
}

fn parse_auxv(bytes: &[u8], word_size: usize) -> Auxv {
    const AT_PHDR: u64 = 3;
    const AT_ENTRY: u64 = 9;
    const AT_SYSINFO_EHDR: u64 = 33;
    let mut words = bytes.chunks_exact(word_size.max(1)).map(|word| match word {
        [a, b, c, d] => u32::from_ne_bytes([*a, *b, *c, *d]).into(),
        [a, b, c, d, e, f, g, h] => u64::from_ne_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        _ => 0,
    });
    let mut auxv = Auxv::default();
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        match key {
            AT_PHDR => auxv.program_headers = Some(value),
            AT_ENTRY => auxv.entry = Some(value),
            AT_SYSINFO_EHDR => auxv.vdso = Some(value),
            _ => {}
        }
    }
    auxv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_mappings_are_told_by_their_flags() {
        let smaps = "\
35e9637da000-35e963bdb000 r-xp 00000000 fe:00 7    /x
Size:               4100 kB
VmFlags: rd ex mr mw me sl 
35e964102000-35e964161000 rw-p 0084d000 fe:00 7    /x
VmFlags: rd wr mr mw me ac 
";
        assert_eq!(parse_sealed(smaps), [0x35e9_637d_a000]);
        assert_eq!(parse_sealed("VmFlags: sl"), [] as [u64; 0]);
    }

    #[test]
    fn reads_mappings_with_and_without_names() {
        let text = "\
555555554000-555555556000 r-xp 00001000 fe:00 10021194                   /tmp/a b (deleted)
14d444000000-14d444800000 ---p 00000000 00:00 0 
7fff38b99000-7fff38bba000 rwxp 00000000 00:00 0                          [stack]
";
        let maps = parse_maps(text);
        assert_eq!(maps.len(), 3);
        assert_eq!(maps[0].name, "/tmp/a b (deleted)");
        assert_eq!(maps[0].file, Some(("fe:00".to_owned(), 10_021_194)));
        assert_eq!(maps[0].offset, 0x1000);
        assert!(maps[0].executable && !maps[0].writable);
        assert!(maps[1].is_anonymous() && !maps[1].readable);
        assert!(maps[2].writable && maps[2].executable && !maps[2].is_anonymous());
        assert_eq!(
            maps[2].to_string(),
            "0x7fff38b99000-0x7fff38bba000 rwx [stack]"
        );
    }

    #[test]
    fn passes_over_lines_it_does_not_know() {
        assert_eq!(parse_maps("").len(), 0);
        assert_eq!(
            parse_maps("nonsense\n-\n 1-2\n10-20 rw-p 0 0:0 x\n").len(),
            0
        );
    }

    #[test]
    fn reads_stat_of_a_program_with_a_hostile_name() {
        let before = "7 (a) R 1 (x) S 1 2 3 4 5 6 111 7 222 9 ";
        let filler: Vec<String> = (13..60).map(|field| field.to_string()).collect();
        let stat = parse_stat(&format!("{before}{}", filler.join(" "))).unwrap();
        assert_eq!((stat.minor_faults, stat.major_faults), (111, 222));
        assert_eq!(stat.start_stack, 27);
        assert_eq!(stat.start_brk, 46);
        assert_eq!(parse_stat("7 (a"), None);
        assert_eq!(parse_stat("7 (a) R 1"), None);
    }

    #[test]
    fn reads_auxv_of_both_classes_and_survives_a_torn_one() {
        let wide: Vec<u8> = [3u64, 0x40, 9, 0x1234, 33, 0x7fff, 0, 0]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let auxv = parse_auxv(&wide, 8);
        assert_eq!(auxv.program_headers, Some(0x40));
        assert_eq!(auxv.entry, Some(0x1234));
        assert_eq!(auxv.vdso, Some(0x7fff));
        let narrow: Vec<u8> = [9u32, 0x1234]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        assert_eq!(parse_auxv(&narrow, 4).entry, Some(0x1234));
        assert_eq!(parse_auxv(&wide[..21], 8).entry, None);
        assert_eq!(parse_auxv(&[], 8), Auxv::default());
    }

    #[test]
    fn reads_capabilities() {
        let status = "Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t000001fffeffffff\n";
        assert_eq!(parse_capabilities(status), Some(0x1ff_feff_ffff));
        assert_eq!(parse_capabilities("Name:\tx\n"), None);
    }
}
