//! Whether what was seen proves what is claimed.
//!
//! Pure judgement of observations; nothing here runs anything.

use handpie_binary::counted;

use crate::claim::{Base, Claim, Code, LEAST_BITS, Verdict};
use crate::confine::Confinement;
use crate::entropy::{Entropy, Region};
use crate::machine::Machine;
use crate::measure::Observation;
use crate::observe::Mapping;
use crate::program::Program;
use crate::trace::Ending;

/// How many of the last lines of standard error are evidence.
const LAST_LINES: usize = 5;

/// The claims about the watched run.
pub(crate) fn of_run(
    program: &Program,
    machine: &Machine,
    confinement: &Confinement,
    observation: &Observation,
) -> Vec<Claim> {
    let starts = starts(program, observation);
    let in_empty_root = in_empty_root(confinement, &starts);
    let image = observation.image.as_ref();
    let reason = match (&starts.verdict, image) {
        (Verdict::Proven, _) if observation.executions > 1 => {
            Some("the program replaced itself with another one (exec)")
        }
        (Verdict::Proven, Some(_)) if !observation.maps.is_empty() => None,
        (Verdict::Proven, _) => Some("`/proc/PID/maps` could not be read"),
        _ => Some("the program was not observed to start"),
    };
    let after_start = |code, judge: &dyn Fn() -> Claim| match reason {
        Some(why) => Claim::unknown(code, why),
        None => judge(),
    };
    let file = image.map(|image| &image.file);
    let bias = image.map_or(0, |image| image.bias);
    let maps = &observation.maps;
    vec![
        in_empty_root,
        after_start(Code::NoLoaderNoSharedObject, &|| only_itself(maps, file)),
        after_start(Code::NoRwxMapping, &|| no_rwx(maps)),
        after_start(Code::RelroReadOnly, &|| {
            relro(
                maps,
                program.relro.map(|(at, size)| (at.0, size.0)),
                bias,
                machine.page_size,
            )
        }),
        starts,
    ]
}

fn in_empty_root(confinement: &Confinement, starts: &Claim) -> Claim {
    let code = Code::RunsInEmptyRoot;
    if !confinement.empty_root {
        let reasons = confinement.fallbacks.iter().map(|it| it.text.as_str());
        let reasons: Vec<&str> = reasons.collect();
        return Claim::unknown(
            code,
            format!(
                "this machine does not provide an empty root directory: {}",
                reasons.join("; ")
            ),
        );
    }
    let evidence = match starts.verdict {
        Verdict::Proven => vec!["the program's root directory was empty".to_owned()],
        _ => starts.evidence.clone(),
    };
    Claim {
        code,
        verdict: starts.verdict.clone(),
        evidence,
    }
}

fn starts(program: &Program, observation: &Observation) -> Claim {
    let code = Code::Starts;
    let milliseconds = observation.time.as_millis();
    match &observation.ending {
        Ending::NotExecuted { errno } => not_executed(program, errno),
        Ending::Exited { status } => Claim::new(
            code,
            true,
            vec![format!(
                "the program exited with status {status} after {milliseconds} ms"
            )],
        ),
        Ending::StillRunning { .. } if observation.executions == 0 => Claim::unknown(
            code,
            "the kernel did not load the program within the time limit",
        ),
        Ending::StillRunning { stopped: true } => Claim::new(
            code,
            true,
            vec![format!(
                "the program stopped itself and still existed after {milliseconds} ms"
            )],
        ),
        Ending::StillRunning { stopped: false } => Claim::new(
            code,
            true,
            vec![format!(
                "the program was still running after {milliseconds} ms"
            )],
        ),
        Ending::Killed { signal, address } => {
            let mut evidence = vec![format!(
                "the program was killed by {signal} after \
                                             {milliseconds} ms"
            )];
            if let Some(address) = address {
                let inside = |map: &&Mapping| (map.start..map.end).contains(address);
                let place = observation.maps.iter().find(inside);
                let place =
                    place.map_or("which is not mapped".to_owned(), |map| format!("in {map}"));
                evidence.push(format!("fault address {address:#x}, {place}"));
            }
            let stderr = String::from_utf8_lossy(&observation.captured.stderr.bytes);
            let lines: Vec<&str> = stderr.lines().collect();
            let last = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
            evidence.extend(last.map(|line| format!("stderr: {}", shortened(line))));
            Claim::new(code, false, evidence)
        }
    }
}

/// A line of a stranger, not too long.
fn shortened(line: &str) -> String {
    line.chars().take(200).collect()
}

/// execve(2), "ERRORS".
fn not_executed(program: &Program, errno: &str) -> Claim {
    let code = Code::Starts;
    let because = match (errno, &program.interpreter) {
        ("ENOENT", Some(loader)) => {
            format!(
                "the program needs the dynamic loader `{loader}`, which an empty root does \
                     not have"
            )
        }
        ("ENOEXEC", _) => "the executable format is unknown".to_owned(),
        ("EINVAL" | "ELIBBAD", _) => "the ELF headers are invalid".to_owned(),
        // What follows is about this machine and our confinement, not about the program.
        ("EACCES", _) => {
            let why = "the kernel refused to execute the program (EACCES): its user has no \
                       permission to execute the file, or the file system is mounted noexec";
            return Claim::unknown(code, why);
        }
        ("ENOMEM" | "EAGAIN" | "EPERM" | "ETXTBSY" | "EMFILE" | "ENFILE", _) => {
            return Claim::unknown(
                code,
                format!(
                    "the kernel refused to execute the program \
                                                 ({errno})"
                ),
            );
        }
        _ => "unknown reason".to_owned(),
    };
    Claim::new(
        code,
        false,
        vec![format!(
            "the kernel refused to execute the program ({errno}): {because}"
        )],
    )
}

fn only_itself(maps: &[Mapping], file: Option<&(String, u64)>) -> Claim {
    let foreign: Vec<String> = maps
        .iter()
        .filter(|map| map.file.is_some() && map.file.as_ref() != file)
        // Shared anonymous memory, memfd and the like have an inode, but are not files.
        .filter(|map| {
            map.readable && !map.name.starts_with("/dev/zero") && !map.name.starts_with("/memfd:")
        })
        .map(Mapping::to_string)
        .collect();
    let code = Code::NoLoaderNoSharedObject;
    if foreign.is_empty() {
        let own = maps.iter().filter(|map| map.file.as_ref() == file).count();
        return Claim::new(
            code,
            true,
            vec![format!(
                "only the program itself is mapped ({})",
                counted(own, "file mapping")
            )],
        );
    }
    Claim::new(code, false, foreign)
}

fn no_rwx(maps: &[Mapping]) -> Claim {
    let both = maps.iter().filter(|map| map.writable && map.executable);
    let both: Vec<String> = both.map(Mapping::to_string).collect();
    let code = Code::NoRwxMapping;
    if both.is_empty() {
        let evidence = format!(
            "none of {} is both writable and executable",
            counted(maps.len(), "mapping")
        );
        return Claim::new(code, true, vec![evidence]);
    }
    Claim::new(code, false, both)
}

/// `relro` is address and size of `PT_GNU_RELRO`. Every page that holds a byte of it must be
/// read-only; glibc's loader rounds the end down and leaves the last partial page writable
/// (`_dl_protect_relro` in `elf/dl-reloc.c`).
fn relro(maps: &[Mapping], relro: Option<(u64, u64)>, bias: u64, page_size: u64) -> Claim {
    let code = Code::RelroReadOnly;
    let Some((address, size)) = relro else {
        return Claim::new(
            code,
            false,
            vec!["the file has no `PT_GNU_RELRO`".to_owned()],
        );
    };
    if size == 0 {
        return Claim::new(code, false, vec!["`PT_GNU_RELRO` is empty".to_owned()]);
    }
    let exact_start = bias.wrapping_add(address);
    let exact_end = exact_start.saturating_add(size);
    let start = exact_start - exact_start % page_size;
    let end = exact_end.div_ceil(page_size).saturating_mul(page_size);
    let inside: Vec<(u64, u64, &Mapping)> = maps
        .iter()
        .map(|map| (map.start.max(start), map.end.min(end), map))
        .filter(|(start, end, _)| start < end)
        .collect();
    let mapped: u64 = inside.iter().map(|(start, end, _)| end - start).sum();
    let mut evidence = Vec::new();
    for (from, to, map) in inside.iter().filter(|(_, _, map)| map.writable) {
        let permissions = map.permissions();
        let partial = if *from == end - page_size && exact_end % page_size != 0 {
            let bytes = exact_end % page_size;
            format!(": the last page, of which RELRO covers the first {bytes:#x} bytes")
        } else {
            String::new()
        };
        evidence.push(format!("{from:#x}-{to:#x} is {permissions}{partial}"));
    }
    if !evidence.is_empty() {
        return Claim::new(code, false, evidence);
    }
    if mapped != end - start {
        let why = format!("{start:#x}-{end:#x} is no longer fully mapped");
        return Claim::unknown(code, why);
    }
    let pages = (end - start) / page_size;
    Claim::new(
        code,
        true,
        vec![format!(
            "{start:#x}-{end:#x} ({}) is read-only",
            counted(pages, "page")
        )],
    )
}

/// The claim about the load address, and what kind of address it is.
pub(crate) fn of_base(
    program: &Program,
    machine: &Machine,
    entropy: &[Entropy],
) -> (Claim, Option<Base>) {
    let code = Code::RandomBase;
    let Some(text) = entropy.iter().find(|it| it.region == Region::Text) else {
        return (
            Claim::unknown(code, "the program could not be loaded"),
            None,
        );
    };
    if text.samples < 3 {
        return (
            Claim::unknown(code, "too few samples: at least three are needed"),
            None,
        );
    }
    let base = base(program, machine, text);
    let (bits, samples, distinct) = (text.bits, text.samples, text.distinct);
    let mut evidence = vec![match &base {
        Base::Fixed { .. } => format!(
            "the load address was {:#x} in {samples} of {samples} \
                                       runs",
            text.lowest
        ),
        _ => format!(
            "{bits:.1} bits of entropy: {samples} runs, {distinct} addresses, \
             {:#x} bytes apart",
            text.step
        ),
    }];
    match &base {
        Base::Fixed { why } => evidence.push(why.clone()),
        Base::Aligned { lost_bits, why, .. } => {
            evidence.push(format!(
                "{} less than with page-aligned addresses: {why}",
                counted(*lost_bits, "bit")
            ));
        }
        Base::Full => {}
    }
    // Two samples of 16 bits differ just as those of 28 do; the estimate tells them apart.
    (Claim::new(code, bits >= LEAST_BITS, evidence), Some(base))
}

fn base(program: &Program, machine: &Machine, text: &Entropy) -> Base {
    if text.distinct == 1 {
        let why = if program.position_dependent {
            "the program is a position-dependent executable (ET_EXEC)"
        } else if machine.no_randomize {
            "address randomisation is disabled for handpie and its child processes: \
             ADDR_NO_RANDOMIZE in personality(2), set by `setarch -R` or a debugger"
        } else if machine.randomize_va_space == Some(0) {
            "address randomisation is disabled on this machine: kernel.randomize_va_space is 0"
        } else {
            "the kernel always chooses this load address"
        };
        return Base::Fixed {
            why: why.to_owned(),
        };
    }
    if text.step <= machine.page_size {
        return Base::Full;
    }
    let lost_bits = (text.step / machine.page_size).ilog2();
    let largest = program.loads.iter().map(|segment| segment.align).max();
    let why = if largest.is_some_and(|align| align >= text.step) {
        format!(
            "`p_align` of a `PT_LOAD` segment is {:#x}",
            largest.unwrap_or(0)
        )
    } else {
        format!(
            "the file is on {}, where the kernel aligns mappings of {:#x} bytes or more for huge \
             pages",
            machine.file_system, text.step
        )
    };
    Base::Aligned {
        step: text.step,
        lost_bits,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::parse_maps;

    const PAGE: u64 = 4096;

    fn own() -> (String, u64) {
        ("fe:00".to_owned(), 7)
    }

    #[test]
    fn relro_of_whole_pages_is_proven() {
        let maps = parse_maps("1000-3000 r--p 0 fe:00 7 /x\n3000-4000 rw-p 0 fe:00 7 /x\n");
        let claim = relro(&maps, Some((0x1010, 0x1ff0)), 0, PAGE);
        assert!(claim.is_proven(), "{claim:?}");
        assert!(claim.evidence[0].contains("2 pages"));
    }

    #[test]
    fn a_writable_last_partial_page_is_named() {
        let maps = parse_maps("5000-8000 r--p 0 fe:00 7 /x\n8000-9000 rw-p 0 fe:00 7 /x\n");
        let claim = relro(&maps, Some((0x0, 0x38a0)), 0x5000, PAGE);
        assert_eq!(claim.verdict, Verdict::NotProven);
        assert_eq!(
            claim.evidence,
            ["0x8000-0x9000 is rw-: the last page, of which RELRO covers the first 0x8a0 bytes"]
        );
    }

    #[test]
    fn relro_that_was_never_applied_is_not_proven() {
        let maps = parse_maps("1000-4000 rw-p 0 fe:00 7 /x\n");
        let claim = relro(&maps, Some((0x1000, 0x2000)), 0, PAGE);
        assert_eq!(claim.evidence, ["0x1000-0x3000 is rw-"]);
        assert_eq!(claim.verdict, Verdict::NotProven);
    }

    #[test]
    fn relro_that_is_absent_or_gone_is_not_proven() {
        assert_eq!(relro(&[], None, 0, PAGE).verdict, Verdict::NotProven);
        assert_eq!(
            relro(&[], Some((0x1000, 0)), 0, PAGE).verdict,
            Verdict::NotProven
        );
        let gone = relro(&[], Some((0x1000, 0x1000)), 0, PAGE);
        assert!(matches!(gone.verdict, Verdict::Unknown { .. }));
        let hostile = relro(&[], Some((u64::MAX, u64::MAX)), u64::MAX, PAGE);
        assert!(!hostile.is_proven());
    }

    #[test]
    fn a_foreign_file_is_named_and_own_and_nameless_ones_are_not() {
        let text = "\
1000-3000 r-xp 0 fe:00 7 /x
4000-5000 rw-p 0 00:00 0 
7000-8000 r-xp 0 00:00 0 [vdso]
8000-9000 rw-s 0 00:01 9 /memfd:a (deleted)
";
        assert!(only_itself(&parse_maps(text), Some(&own())).is_proven());
        let with_loader = format!("{text}9000-a000 r-xp 0 fe:00 8 /lib/ld.so\n");
        let claim = only_itself(&parse_maps(&with_loader), Some(&own()));
        assert_eq!(claim.evidence, ["0x9000-0xa000 r-x /lib/ld.so"]);
    }

    #[test]
    fn memory_that_is_writable_and_executable_is_named() {
        let maps = parse_maps("1000-2000 rwxp 0 00:00 0 \n2000-3000 rw-p 0 00:00 0 \n");
        assert_eq!(no_rwx(&maps).evidence, ["0x1000-0x2000 rwx"]);
        assert!(no_rwx(&parse_maps("2000-3000 r-xp 0 00:00 0 \n")).is_proven());
    }

    #[test]
    fn a_stranger_is_not_heard_for_ever() {
        assert_eq!(shortened("stopped"), "stopped");
        assert_eq!(shortened(&"x".repeat(1000)).len(), 200);
    }
}
