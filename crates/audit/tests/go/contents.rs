//! What is in it: C, cryptography, detectors, symbols and debug information.

use handpie_audit::Answer;

use crate::{GoProgram, expect, judged};

use Answer::{Fail, NotApplicable, Pass, Unknown, Warn};

/// A program with C of package `example.org/db`, built without -trimpath.
fn with_c() -> GoProgram {
    GoProgram::new()
        .without("build\t-trimpath")
        .setting("CGO_ENABLED", "1")
        .function("runtime/cgo.set_crosscall2")
        .function("example.org/db._Cfunc_open")
}

#[test]
fn c_is_named_by_the_packages_that_call_it() {
    let code = "go-cgo";
    expect(&GoProgram::new(), code, Pass, "no C");
    expect(
        &GoProgram::new().setting("CGO_ENABLED", "1"),
        code,
        Pass,
        "no C",
    );
    expect(&with_c(), code, Fail, "example.org/db calls C");
    let two = with_c().function("net._C2func_getaddrinfo");
    expect(&two, code, Fail, "example.org/db, net call C");
    let dotted = with_c().function("example.org/sqlite%2ego._Cfunc_x");
    expect(&dotted, code, Fail, "example.org/sqlite.go");
    let alone = GoProgram::new().function("crosscall2");
    expect(&alone, code, Fail, "no Go package calls C");
    let library = with_c().setting("-buildmode", "c-shared");
    expect(&library, code, NotApplicable, "library for C programs");
    expect(
        &GoProgram::new().without_table(),
        code,
        Unknown,
        "no function table",
    );
}

#[test]
fn purego_is_not_taken_for_c() {
    let program = GoProgram::new()
        .function("github.com/ebitengine/purego/internal/fakecgo.init")
        .function("crosscall2");
    expect(&program, "go-cgo", Pass, "no C code");
}

#[test]
fn flags_of_c_are_read_where_they_were_recorded() {
    let code = "go-cgo-flags";
    expect(&GoProgram::new(), code, NotApplicable, "no C");
    expect(&with_c(), code, Unknown, "not recorded");
    expect(
        &with_c().setting("-trimpath", "true"),
        code,
        Unknown,
        "-trimpath",
    );
    let flags = |flags: &str| with_c().setting("CGO_CFLAGS", flags);
    let strong = "-O2 -fstack-protector-strong -fstack-clash-protection";
    expect(&flags(""), code, Warn, "-fstack-protector-strong");
    expect(
        &flags(&format!("\"{strong}\"")),
        code,
        Warn,
        "-D_FORTIFY_SOURCE=3",
    );
    let full = flags(&format!("\"{strong} -D_FORTIFY_SOURCE=2\""));
    expect(&full, code, Pass, "harden");
    // Debian puts it there.
    let split = flags(&format!("\"{strong}\""))
        .setting("CGO_CPPFLAGS", "\"-Wdate-time -D_FORTIFY_SOURCE=2\"");
    expect(&split, code, Pass, "harden");
    expect(&flags("-fhardened"), code, Pass, "harden");
    let off = flags(&format!(
        "\"{strong} -D_FORTIFY_SOURCE=3 -fno-stack-protector\""
    ));
    expect(&off, code, Fail, "-fno-stack-protector");
}

#[test]
fn a_resolver_is_the_libcs_where_net_or_user_call_c() {
    let code = "go-libc-resolver";
    expect(&GoProgram::new(), code, Pass, "neither");
    let pure = GoProgram::new()
        .function("net.LookupHost")
        .function("os/user.Current");
    expect(&pure, code, Pass, "do not call C");
    expect(
        &with_c().function("net.LookupHost"),
        code,
        Pass,
        "do not call C",
    );
    let net = with_c().function("net._C2func_getaddrinfo");
    expect(&net, code, Fail, "net calls libc");
    let both = net.function("os/user._Cfunc_getpwuid_r");
    expect(&both, code, Fail, "net and os/user call libc");
    expect(
        &GoProgram::new().without_table(),
        code,
        Unknown,
        "no function table",
    );
}

#[test]
fn detectors_and_tests_are_seen_in_settings_and_in_functions() {
    let code = "go-instrumented";
    for (key, function, why) in [
        ("-race", "runtime.raceinit", "race detector"),
        ("-msan", "runtime.msanread", "memory sanitizer"),
        ("-asan", "runtime.asanread", "address sanitizer"),
        ("-cover", "internal/coverage/cfile.emitMetaData", "coverage"),
    ] {
        expect(&GoProgram::new().setting(key, "true"), code, Fail, why);
        expect(&GoProgram::new().function(function), code, Fail, why);
        expect(
            &GoProgram::new().setting(key, "false"),
            code,
            Pass,
            "neither",
        );
    }
    let old = GoProgram::new().function("runtime/coverage.emitMetaData");
    expect(&old, code, Fail, "coverage");
    expect(
        &GoProgram::new().function("testing.MainStart"),
        code,
        Fail,
        "tests",
    );
    expect(
        &GoProgram::new().function("testing.Short"),
        code,
        Pass,
        "dependency",
    );
    // What plain programs have, too.
    for function in [
        "runtime.doasanread",
        "internal/race.Acquire",
        "runtime/coverage.WriteMeta",
        "runtime.raceinitialize",
    ] {
        expect(&GoProgram::new().function(function), code, Pass, "neither");
    }
    let none = GoProgram::new().without_table();
    expect(&none, code, Pass, "no build setting");
}

#[test]
fn fips_needs_a_frozen_module_and_the_mode() {
    let code = "go-fips";
    expect(&GoProgram::new(), code, Fail, "without GOFIPS140");
    let module = |module: &str, debug: &str| {
        GoProgram::new()
            .setting("GOFIPS140", module)
            .setting("DefaultGODEBUG", debug)
    };
    expect(
        &module("v1.0.0-c2097c7c", "fips140=on,x=1"),
        code,
        Pass,
        "v1.0.0",
    );
    expect(
        &module("certified", "x=1,fips140=only"),
        code,
        Pass,
        "other cryptography is rejected",
    );
    expect(
        &module("v1.0.0", "fips140=off"),
        code,
        Fail,
        "GODEBUG disables FIPS 140 mode",
    );
    expect(
        &module("latest", "fips140=on"),
        code,
        Warn,
        "not a frozen version",
    );
    let mode = GoProgram::new().setting("DefaultGODEBUG", "fips140=on");
    expect(&mode, code, Warn, "not a frozen version");
    for boring in [
        GoProgram::new().version("go1.27.4-X:boringcrypto"),
        GoProgram::new().function("crypto/internal/boring/sig.BoringCrypto.abi0"),
    ] {
        expect(&boring, code, Warn, "BoringCrypto");
    }
    let openssl = GoProgram::new().function("vendor/github.com/golang-fips/openssl/v2.Init");
    expect(&openssl, code, Pass, "OpenSSL");
    let microsoft = GoProgram::new().version("go1.25.3-1-X:systemcrypto");
    expect(&microsoft, code, Pass, "OpenSSL");
    let windows = "vendor/github.com/microsoft/go-crypto-winnative/cng.Init";
    expect(&GoProgram::new().function(windows), code, Pass, "system");
}

#[test]
fn symbols_are_in_the_file_or_split_off() {
    let code = "go-symbols";
    expect(&GoProgram::new(), code, Pass, "has 1 symbol");
    expect(&GoProgram::new().stripped(), code, Fail, "no symbol table");
    let link = GoProgram::new()
        .stripped()
        .section(".gnu_debuglink", 0, b"app.debug\0\0\0crc.");
    expect(&link, code, Pass, "app.debug");
    let mini = GoProgram::new()
        .stripped()
        .section(".gnu_debugdata", 0, b"\xfd7zXZ");
    expect(&mini, code, Pass, "compressed");
    let others = GoProgram::new().stripped().variable("main.Version", "1");
    expect(&others, code, Fail, "no Go symbols");
}

#[test]
fn dwarf_is_dropped_or_split_off() {
    let code = "go-dwarf";
    expect(&GoProgram::new(), code, Pass, "no debug information");
    let dwarf = GoProgram::new().section(".debug_info", 0, &[1; 3000]);
    expect(&dwarf, code, Fail, "2 KiB");
    expect(
        &GoProgram::new().section(".zdebug_info", 0, &[1]),
        code,
        Fail,
        "of debug information",
    );
    let script = GoProgram::new().section(".debug_gdb_scripts", 0, b"runtime-gdb.py\0");
    expect(&script, code, Pass, "no debug information");
    let link = GoProgram::new().section(".gnu_debuglink", 0, b"app.debug\0");
    expect(&link, code, Pass, "app.debug");
}

#[test]
fn every_page_of_a_failure_can_be_found() {
    // The name of the section stands in the evidence, so that readelf finds it.
    let dwarf = GoProgram::new().section(".debug_info", 0, &[1; 3000]);
    let judgement = judged(&dwarf, "go-dwarf");
    assert!(judgement.evidence[0].what.contains(".debug_info"));
}
