//! What a loader, a libc or another system would have to do for the program.

use handpie_binary::Error;
use handpie_binary::Incomplete;
use handpie_binary::elf::constants::{
    DT_ANDROID_REL, DT_ANDROID_RELA, DT_FINI, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, DT_INIT,
    DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ, DT_REL, DT_RELA,
    DT_RELASZ, DT_RELR, DT_RELRSZ, DT_RELSZ, DynamicTag, PT_GNU_EH_FRAME, PT_TLS,
};
use handpie_binary::elf::{Dynamic, Elf, Kind};
use handpie_binary::go::{BuildInfo, packages_with_cgo_calls};

use crate::refusal::{Code, Refusal};

pub(super) fn collect(
    elf: &Elf<'_>,
    kind: &Kind,
    go: Option<&BuildInfo>,
    is_go: bool,
    dynamic: Option<&Dynamic>,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let mut refuse = |refusal| refusals.push(refusal);
    let needed = match dynamic {
        Some(dynamic) => dynamic.needed(elf)?,
        None => Vec::new(),
    };
    if !needed.is_empty() {
        let message = format!("the program needs {} (`DT_NEEDED`)", quoted(&needed));
        let refusal = Refusal::new(Code::NeedsLibraries, message);
        refuse(if is_go {
            refusal.hint(Code::Cgo.hint())
        } else {
            refusal.hint("link with -static-pie, which requires the libraries as archives (.a)")
        });
    }
    if let Some(interpreter) = kind.interpreter()
        && interpreter.starts_with("/system/")
    {
        let message = format!("the requested loader is `{interpreter}`, which is Android's");
        refuse(Refusal::new(Code::ForeignSystem, message));
    }
    if is_go {
        if let Some(message) = cgo(elf, go, &needed)? {
            refuse(Refusal::new(Code::Cgo, message));
        }
        if let Some(message) = external_linking(elf) {
            refuse(Refusal::new(Code::ExternalLinking, message));
        }
    } else if let Some(segment) = elf.segments().iter().find(|segment| {
        // Go's own linker leaves a PT_TLS behind in programs that set it up themselves.
        segment.kind == PT_TLS && segment.memory_size.0 > 0
    }) {
        let message = format!(
            "the program has {} bytes of thread-local storage (`PT_TLS`, at offset {})",
            segment.memory_size, segment.header
        );
        refuse(Refusal::new(Code::NeedsThreadLocalStorage, message));
    }
    if kind.is_position_independent() && lacks_relocations(elf)? {
        refuse(no_relocations(is_go));
    }
    if let Some(dynamic) = dynamic {
        let initializers: Vec<String> = initializers(dynamic).collect();
        if !initializers.is_empty() {
            let message = format!(
                "the program has functions that the loader calls at start or exit: {}",
                initializers.join(", ")
            );
            refuse(Refusal::new(Code::NeedsInitializers, message));
        }
    }
    Ok(())
}

/// A Go program always has addresses in its data. A small program in C or assembly may have none,
/// and nothing in the file tells the two apart.
fn no_relocations(is_go: bool) -> Refusal {
    if is_go {
        let message = "the program is marked as position-independent but has no relocations, so \
                       it crashes at every address except the one it was linked for";
        return Refusal::new(Code::NoRelocations, message);
    }
    let message = "the program is marked as position-independent but has no relocations; the file \
                   does not show whether none are needed or they were lost";
    let hint = "link with -static-pie, or without a libc, with `ld -pie --no-dynamic-linker`";
    Refusal::new(Code::NoRelocations, message).hint(hint)
}

/// The functions that a loader calls before the entry point and at exit, each with its address.
fn initializers(dynamic: &Dynamic) -> impl Iterator<Item = String> {
    INITIALIZERS.into_iter().filter_map(|(tag, size_tag)| {
        let size = size_tag.map_or(1, |size_tag| dynamic.value(size_tag).unwrap_or(0));
        let address = dynamic.value(tag)?;
        (address != 0 && size > 0).then(|| format!("`{tag:?}` (at address {address:#x})"))
    })
}

const INITIALIZERS: [(DynamicTag, Option<DynamicTag>); 5] = [
    (DT_INIT, None),
    (DT_INIT_ARRAY, Some(DT_INIT_ARRAYSZ)),
    (DT_PREINIT_ARRAY, Some(DT_PREINIT_ARRAYSZ)),
    (DT_FINI, None),
    (DT_FINI_ARRAY, Some(DT_FINI_ARRAYSZ)),
];

/// Whether a program that says it is position-independent has no table of relocations at all, as
/// Go's linker makes it under `-d`.
pub(super) fn lacks_relocations(elf: &Elf<'_>) -> Result<bool, Error> {
    let Some(dynamic) = elf.dynamic()? else {
        return Ok(true);
    };
    const TABLES: [(DynamicTag, DynamicTag); 3] = [
        (DT_RELA, DT_RELASZ),
        (DT_REL, DT_RELSZ),
        (DT_RELR, DT_RELRSZ),
    ];
    let none = TABLES.iter().all(|&(tag, size_tag)| {
        dynamic.value(tag).is_none() || dynamic.value(size_tag).unwrap_or(0) == 0
    });
    let packed = [DT_ANDROID_REL, DT_ANDROID_RELA];
    Ok(none && packed.iter().all(|&tag| dynamic.value(tag).is_none()))
}

/// Which of the program's packages call C. The function names tell who does; the build info alone
/// tells only that cgo was on, which matters when something came of it.
fn cgo(
    elf: &Elf<'_>,
    go: Option<&BuildInfo>,
    needed: &[String],
) -> Result<Option<String>, Incomplete> {
    let setting = go.and_then(|go| go.setting("CGO_ENABLED"));
    if setting == Some("0") {
        // Nothing can call C then, and reading all names of a large program takes a while.
        return Ok(None);
    }
    let packages: Vec<String> = packages_with_cgo_calls(elf)?.into_iter().collect();
    let enabled = setting == Some("1");
    Ok(if !packages.is_empty() {
        Some(format!(
            "these packages call C functions: {}",
            quoted(&packages)
        ))
    } else if enabled && !needed.is_empty() {
        Some("the program was built with CGO_ENABLED=1 and is linked against C libraries".into())
    } else {
        None
    })
}

/// Sections that only a C toolchain's linker or start-up files bring into a Go program.
fn external_linking(elf: &Elf<'_>) -> Option<String> {
    const FOREIGN: [&str; 4] = [".comment", ".init_array", ".eh_frame", ".init"];
    let mut found: Vec<String> = FOREIGN
        .iter()
        .filter(|name| elf.section(name).is_some())
        .map(|name| (*name).to_owned())
        .collect();
    if elf.segments().iter().any(|s| s.kind == PT_GNU_EH_FRAME) {
        found.push("PT_GNU_EH_FRAME".into());
    }
    (!found.is_empty()).then(|| {
        format!(
            "the program was linked by a C toolchain, as {} shows",
            quoted(&found)
        )
    })
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
