use super::*;

fn env(goflags: &str) -> GoEnv {
    GoEnv {
        goos: "linux".to_owned(),
        goarch: "amd64".to_owned(),
        goversion: "go1.26.6".to_owned(),
        goflags: goflags.to_owned(),
        ..GoEnv::default()
    }
}

fn request(go_flags: &[&str]) -> Request {
    Request {
        go_flags: go_flags.iter().map(|flag| (*flag).to_owned()).collect(),
        ..Request::default()
    }
}

fn merged(goflags: &str, go_flags: &[&str]) -> Result<Profile, Vec<Contradiction>> {
    let version = Version::Described("v1.2.3".to_owned());
    merge(
        &request(go_flags),
        &env(goflags),
        &version,
        &conflicts::is_handpie,
    )
}

fn codes(goflags: &str, go_flags: &[&str]) -> Vec<&'static str> {
    let against = merged(goflags, go_flags).unwrap_err();
    against.iter().map(|one| one.code.name()).collect()
}

const OURS: &str = "-w -bindnow -X main.Version=v1.2.3 -X main.version=v1.2.3";

#[test]
fn is_the_whole_profile_when_nothing_is_said() {
    let profile = merged("", &[]).unwrap();
    let ldflags = format!("-ldflags={OURS}");
    let flags = [
        "-buildmode=pie",
        "-trimpath",
        "-tags=netgo,osusergo",
        &ldflags,
    ];
    assert_eq!(profile.flags, flags);
    assert_eq!(profile.env.first(), Some(&("CGO_ENABLED", "0".to_owned())));
    assert_eq!(profile.stamp, Stamp::Ours("v1.2.3".to_owned()));
}

#[test]
fn keeps_every_ldflags_of_the_user_behind_ours() {
    let profile = merged(
        "'-ldflags=-X a.b=c'",
        &["-ldflags=all=-s", "-ldflags", "-X 'main.b=x y'"],
    )
    .unwrap();
    let ldflags: Vec<_> = profile
        .flags
        .iter()
        .filter_map(|flag| flag.strip_prefix("-ldflags="))
        .collect();
    assert_eq!(
        ldflags,
        [
            OURS.to_owned(),
            format!("{OURS} -X a.b=c"),
            format!("all={OURS} -s"),
            format!("{OURS} -X 'main.b=x y'"),
        ]
    );
    assert_eq!(profile.warnings.len(), 1, "-s loses symbols");
}

#[test]
fn leaves_the_version_to_the_user_who_sets_it() {
    let profile = merged("", &["-ldflags=-X main.version=mine"]).unwrap();
    assert_eq!(profile.stamp, Stamp::Users(vec!["main.version".to_owned()]));
    assert!(profile.flags.iter().all(|flag| !flag.contains("v1.2.3")));
}

#[test]
fn adds_its_tags_to_the_ones_that_count() {
    let tags = |goflags: &str, go_flags: &[&str]| {
        let profile = merged(goflags, go_flags).unwrap();
        let tags = profile.flags.iter().filter(|f| f.starts_with("-tags"));
        tags.cloned().collect::<Vec<_>>()
    };
    assert_eq!(tags("-tags=a", &[]), ["-tags=a,netgo,osusergo"]);
    assert_eq!(
        tags("-tags=a", &["-tags", "b c"]),
        ["-tags=b,c,netgo,osusergo"]
    );
    assert_eq!(tags("", &["-tags=netgo"]), ["-tags=netgo,osusergo"]);
}

#[test]
fn lets_the_user_keep_paths() {
    let profile = merged("-trimpath=false", &[]).unwrap();
    assert!(!profile.flags.contains(&"-trimpath".to_owned()));
    let profile = merged("", &["-trimpath=false"]).unwrap();
    assert!(!profile.flags.contains(&"-trimpath".to_owned()));
    assert!(profile.flags.contains(&"-trimpath=false".to_owned()));
}

#[test]
fn passes_on_what_it_does_not_know() {
    let profile = merged(
        "-v",
        &["-x", "-gcflags=all=-N -l", "-mod=mod", "-C=dir", "./cmd"],
    );
    let profile = profile.unwrap();
    for flag in ["-x", "-gcflags=all=-N -l", "-mod=mod"] {
        assert!(profile.flags.contains(&flag.to_owned()), "{flag}");
    }
    assert!(profile.list_flags.contains(&"-mod=mod".to_owned()));
    assert_eq!(profile.packages, ["./cmd"]);
    assert_eq!(
        chdir(&["-C".to_owned(), "dir".to_owned()]).as_deref(),
        Some("dir")
    );
}

#[test]
fn refuses_race() {
    assert_eq!(codes("", &["-race"]), ["build-race"]);
    assert_eq!(codes("-race", &[]), ["build-race"]);
    assert!(merged("-race", &["-race=false"]).is_ok());
}

#[test]
fn refuses_sanitizers() {
    assert_eq!(
        codes("", &["-msan", "-asan"]),
        ["build-sanitizer", "build-sanitizer"]
    );
}

#[test]
fn refuses_other_build_modes() {
    for mode in [
        "c-shared",
        "c-archive",
        "plugin",
        "shared",
        "exe",
        "archive",
    ] {
        assert_eq!(codes("", &["-buildmode", mode]), ["build-mode"], "{mode}");
    }
    assert_eq!(codes("", &["-ldflags=-buildmode=exe"]), ["build-mode"]);
    assert_eq!(codes("", &["-linkshared"]), ["build-mode"]);
    assert!(merged("-buildmode=pie", &["-buildmode=default"]).is_ok());
}

#[test]
fn refuses_external_linking() {
    for flag in [
        "-linkmode=external",
        "-linkmode external",
        "--linkmode=external",
    ] {
        let flag = format!("-ldflags={flag}");
        assert_eq!(codes("", &[&flag]), ["build-external-linking"], "{flag}");
    }
    assert!(merged("", &["-ldflags=-linkmode=internal"]).is_ok());
    assert!(merged("", &["-ldflags=-X main.x=-linkmode=external"]).is_ok());
}

#[test]
fn refuses_programs_without_relocations() {
    assert_eq!(codes("", &["-ldflags=-w -d"]), ["build-no-relocations"]);
    assert!(merged("", &["-ldflags=-d=false"]).is_ok());
}

#[test]
fn refuses_another_toolexec() {
    assert_eq!(codes("-toolexec=garble", &[]), ["build-foreign-toolexec"]);
    assert!(merged("\"-toolexec='/a b/handpie' toolexec\"", &[]).is_ok());
    assert!(!conflicts::is_handpie("/bin/handpie"));
}

#[test]
fn refuses_gccgo() {
    assert_eq!(codes("", &["-compiler=gccgo"]), ["build-gccgo"]);
    assert!(merged("", &["-compiler=gc"]).is_ok());
}

#[test]
fn refuses_two_outputs() {
    let mut both = request(&["-o", "a"]);
    both.output = Some("b".to_owned());
    let unknown = Version::Unknown(String::new());
    let against = merge(&both, &env(""), &unknown, &conflicts::is_handpie).unwrap_err();
    assert_eq!(against[0].code, Code::BuildOutputTwice);
    both.output = Some("a".to_owned());
    assert!(merge(&both, &env(""), &unknown, &conflicts::is_handpie).is_ok());
}

#[test]
fn refuses_flags_that_go_cannot_read() {
    assert_eq!(codes("'-tags=a", &[]), ["build-quoting"]);
    assert_eq!(codes("", &["-ldflags=-X 'a.b=c"]), ["build-quoting"]);
}

#[test]
fn refuses_other_platforms() {
    let unknown = Version::Unknown(String::new());
    let code = |goos: &str, goarch: &str, goversion: &str| {
        let env = GoEnv {
            goos: goos.to_owned(),
            goarch: goarch.to_owned(),
            goversion: goversion.to_owned(),
            ..GoEnv::default()
        };
        let against = merge(&request(&[]), &env, &unknown, &conflicts::is_handpie);
        against.map_err(|against| against[0].code.name())
    };
    assert_eq!(code("windows", "amd64", "go1.26"), Err("build-system"));
    for goarch in ["mips64", "mipsle", "wasm"] {
        assert_eq!(
            code("linux", goarch, "go1.26"),
            Err("build-cpu"),
            "{goarch}"
        );
    }
    assert_eq!(code("linux", "arm64", "go1.20.14"), Err("build-go-too-old"));
    for (goarch, too_old, good) in [
        ("arm64", "go1.21.13", "go1.22.0"),
        ("ppc64le", "go1.21.13", "go1.22.0"),
        ("loong64", "go1.24.11", "go1.25.0"),
        ("ppc64", "go1.26.6", "go1.27rc1"),
        ("s390x", "go1.26.6", "go1.27.0"),
    ] {
        assert_eq!(code("linux", goarch, too_old), Err("build-go-too-old"));
        assert!(code("linux", goarch, good).is_ok(), "{goarch}");
    }
}

#[test]
fn refuses_cpu_levels_that_go_does_not_have() {
    let unknown = Version::Unknown(String::new());
    let level = |goarch: &str, level: &str| {
        let mut request = request(&[]);
        request.cpu = Some(level.to_owned());
        let env = GoEnv {
            goarch: goarch.to_owned(),
            ..env("")
        };
        merge(&request, &env, &unknown, &conflicts::is_handpie)
            .map(|profile| profile.env)
            .map_err(|against| against[0].code)
    };
    let v3 = ("GOAMD64", "v3".to_owned());
    assert_eq!(level("amd64", "v3").unwrap()[1], v3);
    assert_eq!(level("amd64", "v8.0"), Err(Code::BuildCpuLevel));
    for good in ["v8.0", "v8.2,lse", "v9.5,crypto", "v8.1,lse,crypto"] {
        assert!(level("arm64", good).is_ok(), "{good}");
    }
    for bad in ["v9.6", "v3", "v8", "v8.0,sve"] {
        assert_eq!(level("arm64", bad), Err(Code::BuildCpuLevel), "{bad}");
    }
    let power9 = ("GOPPC64", "power9".to_owned());
    assert_eq!(level("ppc64le", "power9").unwrap()[1], power9);
    assert_eq!(level("ppc64le", "power7"), Err(Code::BuildCpuLevel));
    assert_eq!(level("loong64", "v1"), Err(Code::BuildCpuLevel));
    assert_eq!(level("arm", "v7").unwrap()[1], ("GOARM", "7".to_owned()));
    assert_eq!(level("arm", "v8"), Err(Code::BuildCpuLevel));
    assert_eq!(level("riscv64", "v1"), Err(Code::BuildCpuLevel));
}

#[test]
fn says_exe_where_go_refuses_pie_and_the_wrapper_makes_one() {
    let unknown = Version::Unknown(String::new());
    for (goarch, level) in [("386", None), ("arm", Some("6")), ("riscv64", None)] {
        let env = GoEnv {
            goarch: goarch.to_owned(),
            ..env("-buildmode=pie")
        };
        let profile = merge(&request(&[]), &env, &unknown, &conflicts::is_handpie).unwrap();
        assert_eq!(profile.flags[0], "-buildmode=exe");
        assert!(profile.list_flags.contains(&"-buildmode=exe".to_owned()));
        let found = profile
            .env
            .get(1)
            .map(|(name, value)| (*name, value.as_str()));
        assert_eq!(found, level.map(|level| ("GOARM", level)));
    }
    let env = GoEnv {
        goarch: "arm".to_owned(),
        set: vec!["GOARM".to_owned()],
        ..env("")
    };
    let profile = merge(&request(&[]), &env, &unknown, &conflicts::is_handpie).unwrap();
    assert_eq!(profile.env.len(), 1, "what the user has set stays");
}

#[test]
fn says_all_contradictions_at_once() {
    let all = codes(
        "-race",
        &["-buildmode=plugin", "-ldflags=-d -linkmode=external"],
    );
    assert_eq!(
        all,
        [
            "build-mode",
            "build-race",
            "build-external-linking",
            "build-no-relocations"
        ]
    );
}

#[test]
fn refuses_cgo_that_is_switched_on_but_not_the_default() {
    let unknown = Version::Unknown(String::new());
    let mut env = env("");
    env.cgo_enabled = "1".to_owned();
    assert!(merge(&request(&[]), &env, &unknown, &is_handpie).is_ok());
    env.set.push("CGO_ENABLED".to_owned());
    let against = merge(&request(&[]), &env, &unknown, &is_handpie).unwrap_err();
    assert_eq!(against[0].code, Code::BuildCgoEnabled);
}

#[test]
fn leaves_the_cpu_level_to_the_user_who_sets_it() {
    let unknown = Version::Unknown(String::new());
    let mut env = env("");
    let level = |env: &GoEnv| {
        let profile = merge(&request(&[]), env, &unknown, &is_handpie).unwrap();
        profile.env.get(1).cloned()
    };
    assert_eq!(level(&env), Some(("GOAMD64", "v2".to_owned())));
    env.set.push("GOAMD64".to_owned());
    assert_eq!(level(&env), None);
}
