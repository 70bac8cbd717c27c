use super::*;

fn package(import_path: &str, imports: &[&str]) -> Package {
    Package {
        import_path: import_path.to_owned(),
        name: "p".to_owned(),
        dep_only: true,
        go_files: vec!["a.go".to_owned()],
        imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        ..Package::default()
    }
}

#[test]
fn names_programs_as_go_build_does() {
    let name = |path: &str| package(path, &[]).program_name().to_owned();
    assert_eq!(name("example.com/app"), "app");
    assert_eq!(name("example.com/app/v2"), "app");
    assert_eq!(name("example.com/app/v1"), "v1");
    assert_eq!(name("example.com/app/v02"), "v02");
    assert_eq!(name("v2"), "v2");
    assert_eq!(name("command-line-arguments"), "a");
}

#[test]
fn finds_the_shortest_way_to_a_package() {
    let mut main = package("app", &["long", "C", "short"]);
    main.dep_only = false;
    let packages = [
        main,
        package("long", &["longer"]),
        package("longer", &["bad"]),
        package("short", &["bad"]),
        package("bad", &["app"]),
    ];
    assert_eq!(chain_to("bad", &chains(&packages)), ["app", "short", "bad"]);
    assert_eq!(chain_to("app", &chains(&packages)), ["app"]);
}

#[test]
fn tells_what_is_left_without_cgo() {
    let with = package("bad", &[]);
    assert_eq!(without(&with, &[]), Without::NotImported);
    let mut left = package("bad", &[]);
    left.go_files = vec!["a.go".to_owned(), "static.go".to_owned()];
    let stand_in = Without::StandIn(vec!["static.go".to_owned()]);
    assert_eq!(without(&with, &[left]), stand_in);
    let mut nothing = package("bad", &[]);
    nothing.go_files.clear();
    assert_eq!(without(&with, &[nothing]), Without::Nothing);
}

fn needs_c(package: &str) -> Listing {
    Listing {
        needing_c: vec![NeedsC {
            package: package.to_owned(),
            module: Some("example.com/m@v1.0.0".to_owned()),
            files: vec!["c.go".to_owned()],
            chain: vec!["app".to_owned(), package.to_owned()],
            without: Without::StandIn(vec!["nocgo.go".to_owned()]),
        }],
        ..Listing::default()
    }
}

#[test]
fn refuses_a_stand_in_unless_the_user_knows_it() {
    let listing = needs_c("example.com/m/p");
    let against = super::against(&listing, &[]);
    let [one] = against.as_slice() else { panic!() };
    assert_eq!(one.code, Code::CgoStandIn);
    for part in [
        "example.com/m@v1.0.0",
        "c.go",
        "nocgo.go",
        "app -> example.com/m/p",
    ] {
        assert!(one.what.contains(part), "{}", one.what);
    }
    assert!(
        one.hint
            .as_ref()
            .unwrap()
            .contains("--pure example.com/m/p")
    );
    for pattern in [
        "example.com/m/p",
        "example.com/m/...",
        "example.com/m/p/...",
    ] {
        assert!(super::against(&listing, &[pattern.to_owned()]).is_empty());
    }
    assert_eq!(
        super::against(&listing, &["example.com/m".to_owned()]).len(),
        1
    );
}

#[test]
fn knows_the_well_known() {
    let fine = needs_c("kernel.org/pub/linux/libs/security/libcap/psx");
    assert!(super::against(&fine, &[]).is_empty());
    let bad = super::against(&needs_c("github.com/mattn/go-sqlite3"), &[]);
    assert!(bad[0].hint.as_ref().unwrap().contains("modernc.org/sqlite"));
}

#[test]
fn knows_where_go_build_writes() {
    let main = |name: &str| Main {
        import_path: format!("example.com/{name}"),
        name: name.to_owned(),
        version: None,
        standard: false,
    };
    let mut listing = Listing {
        mains: vec![main("a")],
        ..Listing::default()
    };
    let dir = Path::new("/src");
    let paths = |listing: &Listing, output: Option<&str>| {
        let outputs = outputs(listing, output, dir);
        outputs
            .map(|all| all.into_iter().map(|(_, path)| path).collect::<Vec<_>>())
            .map_err(|against| against.code)
    };
    assert_eq!(paths(&listing, None).unwrap(), [Path::new("/src/a")]);
    assert_eq!(paths(&listing, Some("x")).unwrap(), [Path::new("/src/x")]);
    assert_eq!(
        paths(&listing, Some("/tmp")).unwrap(),
        [Path::new("/tmp/a")]
    );
    assert_eq!(
        paths(&listing, Some("bin/")).unwrap(),
        [Path::new("/src/bin/a")]
    );
    assert!(paths(&listing, Some("/dev/null")).unwrap().is_empty());
    listing.mains.push(main("b"));
    assert_eq!(paths(&listing, None), Err(Code::BuildNoOutput));
    assert_eq!(paths(&listing, Some("bin/")).unwrap().len(), 2);
    listing.mains.clear();
    listing.libraries = 1;
    assert_eq!(paths(&listing, None), Err(Code::BuildNoProgram));
}
