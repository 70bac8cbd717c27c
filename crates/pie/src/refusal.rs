//! Why a program is not converted. Each reason has a code, and a page of that name in
//! `docs/findings/`.

use std::fmt;

use crate::codes::codes;

/// One reason why a program is not converted. Answers, not errors: all that apply are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which reason.
    pub code: Code,
    /// What was found, and where.
    pub message: String,
    /// What to do next.
    pub hint: &'static str,
}

codes! {
    "The reasons, in the order in which they are looked for.";
    /// The file is a core dump.
    CoreFile = "core-file",
        "pass the program that dumped core";
    /// The file is an object file that has not been linked.
    RelocatableObject = "relocatable-object",
        "link the object file first";
    /// The file is a shared library.
    SharedObject = "shared-object",
        "pass the program that uses the library; a shared library always needs a dynamic loader";
    /// The program was packed by UPX.
    UpxPacked = "upx-packed",
        "unpack with `upx -d FILE` and convert; packing afterwards is possible";
    /// The program is linked to run at one fixed address.
    PositionDependent = "position-dependent",
        "build with `handpie build`, or with `go build -buildmode=pie`";
    /// The program's machine is not one that programs are converted for.
    UnsupportedCpu = "unsupported-cpu",
        "supported CPUs are amd64, arm64, loong64, ppc64, ppc64le and s390x";
    /// The machine is a 64-bit one and the file is not, or the other way round.
    WrongClass = "wrong-class",
        "build for the 64-bit ABI of this CPU";
    /// The file's byte order is not the one this machine's Linux programs have.
    WrongEndianness = "wrong-endianness",
        "build with GOOS=linux and the machine's GOARCH";
    /// The program is for another operating system.
    ForeignSystem = "foreign-system",
        "build with GOOS=linux";
    /// The program needs shared libraries.
    NeedsLibraries = "needs-libraries",
        "build a Go program with CGO_ENABLED=0; link a C program with -static-pie";
    /// Go packages in it call C.
    Cgo = "cgo",
        "build with CGO_ENABLED=0; `handpie build` names the packages that need C";
    /// A Go program was linked by a C toolchain's linker.
    ExternalLinking = "external-linking",
        "build with CGO_ENABLED=0 and without -linkmode=external";
    /// The program has thread-local storage that the loader or a libc sets up.
    NeedsThreadLocalStorage = "needs-thread-local-storage",
        "only pure Go programs set up their own thread-local storage; link C programs with \
         -static-pie";
    /// The program has start-up functions that the loader runs.
    NeedsInitializers = "needs-initializers",
        "link with -static-pie, so that libc's start-up code calls the functions";
    /// A position-independent program without the table that says what to relocate.
    NoRelocations = "no-relocations",
        "build without -ldflags=-d, which removes the relocations together with the loader";
    /// Code or read-only data would have to be written to.
    TextRelocations = "text-relocations",
        "build position-independent code (-fPIE; for Go, -buildmode=pie)";
    /// A relocation is of another kind than "add the load bias".
    NonRelativeRelocation = "non-relative-relocation",
        "link without references to shared libraries (for Go, CGO_ENABLED=0)";
    /// A relocation stands where RELR cannot say it.
    UnpackableRelocation = "unpackable-relocation",
        "the file is damaged, or its linker is not supported; please report this";
    /// The loadable segments are not as the kernel or the stub needs them.
    SegmentLayout = "segment-layout",
        "the file is damaged, or its linker is not supported; please report this";
    /// The pages that become read-only cannot be protected on their own.
    RelroLayout = "relro-layout",
        "link with -z relro and the CPU's page size";
    /// There is no executable room for the stub.
    NoRoomForStub = "no-room-for-stub",
        "convert before other tools modify the file; with lld, link with -z \
         separate-loadable-segments";
    /// The program cannot be given what it takes to move or seal itself.
    CannotMove = "cannot-move",
        "convert without `--aslr full` and `--seal`";
    /// The program has been converted already, with other options.
    AlreadyConverted = "already-converted",
        "convert the original PIE that the linker wrote";
    /// The dynamic section has no room for its new entries.
    NoRoomInDynamic = "no-room-in-dynamic",
        "the file is damaged, or its linker is not supported; please report this";
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: code.hint(),
        }
    }

    /// Another hint than the code's, where more is known about the program.
    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}
