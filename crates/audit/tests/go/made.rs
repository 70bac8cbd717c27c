//! Who made it, from what, and for which CPU.

use handpie_audit::{Answer, Date};

use crate::{GoProgram, expect, judged, judged_on};

use Answer::{Fail, NotApplicable, Pass, Unknown, Warn};

#[test]
fn a_toolchain_is_judged_by_its_line_and_patch_release() {
    let code = "go-toolchain";
    for (version, answer, why) in [
        ("go1.27.4", Pass, "supported"),
        ("go1.26.11", Pass, "supported"),
        ("go1.27.3", Warn, "1.27.4 has fixes"),
        ("go1.27.0-X:nodwarf5", Warn, "1.27.4 has fixes"),
        ("go1.25.14", Fail, "since 2026-08-19"),
        ("go1.9", Fail, "since 2018-08-24"),
        ("go1.22.9 (Red Hat 1.22.9-2.el9)", Warn, "Red Hat"),
        ("go1.27rc1", Fail, "pre-release"),
        ("go1.28rc1", Warn, "pre-release"),
        ("go1.28.0", Pass, "newer"),
        (
            "devel go1.28-3f1bb6a Fri Nov 20 2026",
            Warn,
            "development version",
        ),
        (
            "go1.28-devel_3f1bb6a Fri Nov 20 2026",
            Warn,
            "development version",
        ),
        ("gccgo 12", Unknown, "not a Go version"),
    ] {
        expect(&GoProgram::new().version(version), code, answer, why);
    }
    let later = Date {
        year: 2030,
        month: 1,
        day: 1,
    };
    let judgement = judged_on(&GoProgram::new(), code, later).unwrap();
    assert_eq!(judgement.answer, Unknown, "{}", judgement.why);
    let last = judgement.evidence.last().unwrap();
    assert!(
        last.what.contains("2026-11-22"),
        "the day of the list: {}",
        last.what
    );
}

#[test]
fn without_build_info_the_version_is_that_of_the_runtimes_variable() {
    let program = GoProgram::new().without_build_info();
    expect(&program, "go-toolchain", Unknown, "not recorded");
    let program = program.variable("runtime.buildVersion", "go1.19.8");
    expect(&program, "go-toolchain", Fail, "since 2023-08-08");
    expect(&program, "go-heap-base", Fail, "before Go 1.26");
    expect(&program, "go-build-info", Fail, "no scanner");
}

#[test]
fn a_heap_is_random_since_1_26_unless_that_was_switched_off() {
    let code = "go-heap-base";
    expect(
        &GoProgram::new().version("go1.26.0"),
        code,
        Pass,
        "chooses a random heap address",
    );
    expect(
        &GoProgram::new().version("go1.25.14"),
        code,
        Fail,
        "before Go 1.26",
    );
    let off = "go1.27.4-X:norandomizedheapbase64";
    expect(&GoProgram::new().version(off), code, Fail, "GOEXPERIMENT");
    for value in ["norandomizedheapbase64", "none", "jsonv2,none"] {
        let program = GoProgram::new().setting("GOEXPERIMENT", value);
        expect(&program, code, Fail, "GOEXPERIMENT");
    }
    let other = GoProgram::new().setting("GOEXPERIMENT", "jsonv2");
    expect(&other, code, Pass, "chooses a random heap address");
    expect(
        &GoProgram::new().function("runtime.raceinit"),
        code,
        Fail,
        "-race",
    );
    let source = GoProgram::new().version("devel go1.28-3f1bb6a Fri Nov 20 2026");
    expect(&source, code, Unknown, "development version");
    let narrow = GoProgram::new().without_table().setting("GOARCH", "arm");
    expect(&narrow, code, NotApplicable, "32-bit");
}

#[test]
fn modules_are_listed_or_there_is_a_reason() {
    let code = "go-module-list";
    expect(&GoProgram::new(), code, Pass, "1 other module");
    let none = GoProgram::new().without("mod").without("dep");
    expect(&none, code, Fail, "module mode");
    let own = none.clone().without("path").line("path\tcmd/go");
    expect(&own, code, NotApplicable, "part of the Go distribution");
    let files = none.without("path").line("path\tcommand-line-arguments");
    expect(&files, code, Fail, "from files");
    let others = GoProgram::new().without("mod");
    expect(&others, code, Pass, "but not the main module");
}

#[test]
fn a_commit_is_stamped_or_the_source_is_a_published_module() {
    let code = "go-vcs";
    let stamped = judged(&GoProgram::new(), code);
    assert_eq!((stamped.answer, stamped.evidence.len()), (Pass, 3));
    let none = GoProgram::new().without("build\tvcs");
    expect(&none, code, Fail, "no commit");
    let published = none
        .clone()
        .without("mod")
        .line("mod\texample.org/app\tv1.2.3\th1:xyz=");
    expect(&published, code, Pass, "published module");
    expect(
        &none.clone().line("build\tvcs=git"),
        code,
        Fail,
        "without commits",
    );
    expect(&none.without("build"), code, Unknown, "since 1.18");
}

#[test]
fn a_dirty_tree_is_seen_in_the_setting_and_in_the_version() {
    let code = "go-vcs-dirty";
    expect(&GoProgram::new(), code, Pass, "without uncommitted changes");
    let dirty = GoProgram::new().setting("vcs.modified", "true");
    expect(&dirty, code, Fail, "changes");
    let version = GoProgram::new()
        .without("mod")
        .line("mod\texample.org/app\tv1.2.4-0.20261122+dirty\t");
    expect(&version, code, Fail, "ends with `+dirty`");
    let none = GoProgram::new().without("build\tvcs");
    expect(&none, code, Unknown, "no commit");
    let published = none
        .without("mod")
        .line("mod\texample.org/app\tv1.2.3\th1:xyz=");
    expect(&published, code, Pass, "published module");
}

#[test]
fn a_version_is_that_of_the_module_or_of_a_variable() {
    let code = "go-version-stamp";
    expect(&GoProgram::new(), code, Pass, "v1.2.3");
    let devel = GoProgram::new()
        .without("mod")
        .line("mod\texample.org/app\t(devel)\t");
    expect(&devel, code, Fail, "no version variable");
    for name in [
        "main.Version",
        "main.version",
        "example.org/app/build.AppVersion",
    ] {
        expect(&devel.clone().variable(name, "4.5.6"), code, Pass, "4.5.6");
    }
    for (name, value) in [
        ("runtime.buildVersion", "go1.27.4"),
        ("main.goVersion", "go1.27.4"),
        ("main.commit", "abc"),
        ("internal/buildcfg.version", "x"),
    ] {
        expect(
            &devel.clone().variable(name, value),
            code,
            Fail,
            "no version variable",
        );
    }
    expect(
        &devel.clone().variable("main.Version", ""),
        code,
        Fail,
        "to an empty string",
    );
    expect(&devel.stripped(), code, Unknown, "without symbols");
}

#[test]
fn without_trimpath_the_flags_name_the_version() {
    let code = "go-version-stamp";
    let program = GoProgram::new()
        .without("mod")
        .without("build\t-trimpath")
        .stripped();
    expect(&program, code, Fail, "no version variable");
    for flags in [
        "\"-s -X main.Version=4.5.6\"",
        "\"-s -X=main.version=4.5.6\"",
        "\"-X 'example.org/app/cmd.Version=4.5.6' -w\"",
        "\"-X=\\\"main.Version=4.5.6\\\"\"",
    ] {
        expect(
            &program.clone().setting("-ldflags", flags),
            code,
            Pass,
            "4.5.6",
        );
    }
    let other = program.setting("-ldflags", "\"-s -X main.commit=4.5.6\"");
    expect(&other, code, Fail, "no version variable");
}

#[test]
fn a_level_is_told_from_the_setting_of_each_cpu() {
    let code = "go-cpu-level";
    let plain = GoProgram::new().without("build\tGOAMD64");
    for (key, value, answer, why) in [
        ("GOAMD64", "v1", Pass, "every"),
        ("GOAMD64", "v2", Pass, "SSE4.2"),
        ("GOAMD64", "v3", Fail, "AVX2"),
        ("GOAMD64", "v4", Fail, "AVX-512"),
        ("GOAMD64", "v9", Unknown, "not a known CPU level"),
        ("GOARM64", "v8.0", Pass, "every"),
        ("GOARM64", "v8.0,lse", Fail, "Raspberry"),
        ("GOARM64", "v8.0,crypto", Fail, "AES"),
        ("GOARM64", "v8.1", Fail, "Armv8.0"),
        ("GOARM64", "v9.0,crypto", Fail, "older than Armv9.0"),
        ("GOARM64", "v10", Unknown, "not a known CPU level"),
        ("GOARM", "7", Pass, "Armv6"),
        ("GOARM", "6,softfloat", Pass, "Armv5"),
        ("GO386", "sse2", Pass, "SSE2"),
        ("GOPPC64", "power9", Fail, "POWER8"),
        ("GORISCV64", "rva22u64", Fail, "Zba"),
        ("GOMIPS", "hardfloat", Pass, "floating-point unit"),
        ("GOARCH", "s390x", NotApplicable, "only one level"),
    ] {
        expect(&plain.clone().setting(key, value), code, answer, why);
    }
    expect(&plain, code, Unknown, "not recorded");
}

#[test]
fn a_level_that_was_not_recorded_is_told_from_the_runtimes_refusal() {
    let code = "go-cpu-level";
    let plain = GoProgram::new().without_build_info();
    let words = b"..This program can only be run on AMD64 processors with v3 microarchitecture";
    let program = plain.clone().section(".rodata", 2, words);
    expect(&program, code, Fail, "AVX2");
    let words = b"This program can only run on ARM64 processors with LSE support.\n";
    expect(&plain.section(".rodata", 2, words), code, Fail, "Raspberry");
}
