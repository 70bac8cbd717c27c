//! Names of functions that are not what an advisory calls them, and packages that belong to another
//! module than it seems. Each of these programs is one that a scanner has got wrong.

use crate::workshop::{Workshop, advisory};

/// The tiers in a program of one module, for one advisory each a symbol.
fn tier_of_each(
    what: &str,
    main: &str,
    module: &str,
    source: &str,
    symbols: &[&str],
) -> Option<Vec<(String, String)>> {
    let main = format!("import p \"{module}\"\n{main}");
    let workshop = Workshop::new(&main).module(module, "v1.2.0", &[("", source)]);
    let advisories = symbols
        .iter()
        .map(|symbol| advisory(symbol, module, &[(module, &[symbol])]));
    workshop.advisories(&advisories.collect::<Vec<_>>());
    workshop.build(what, "app", &["-ldflags=-s -w"])?;
    Some(workshop.tiers("app").into_iter().collect())
}

fn assert_linked(found: Option<Vec<(String, String)>>, linked: &[&str], not: &[&str]) {
    let Some(found) = found else { return };
    let tier = |symbol: &str| {
        let entry = found.iter().find(|(id, _)| id == symbol);
        entry.map(|(_, tier)| tier.as_str())
    };
    for symbol in linked {
        assert_eq!(tier(symbol), Some("symbol"), "{symbol} in {found:?}");
    }
    for symbol in not {
        assert_eq!(tier(symbol), Some("package"), "{symbol} in {found:?}");
    }
}

#[test]
fn an_inlined_function_is_found_in_a_package_whose_path_starts_with_go() {
    let source = "
func Small(x int) int { return x + 1 }
func Absent(x int) int { return x + 2 }
//go:noinline
func Large(x int) int { return x * x }";
    for module in [
        "go.test.example/lib",
        "type.test.example/lib",
        "hx.test.example/lib",
    ] {
        let main = "func main() { println(p.Small(p.Large(len(\"a\")))) }";
        let found = tier_of_each(
            "inlined functions",
            main,
            module,
            source,
            &["Small", "Large", "Absent"],
        );
        assert_linked(found, &["Small", "Large"], &["Absent"]);
    }
}

#[test]
fn generic_functions_and_methods_are_found() {
    let source = "
//go:noinline
func Gen[T any](x T) []T { return []T{x} }
//go:noinline
func Absent[T any](x T) []T { return []T{x, x} }
type Box[T any] struct { inner []T }
//go:noinline
func (b *Box[T]) Put(x T) { b.inner = append(b.inner, x) }
//go:noinline
func (b Box[T]) Size() int { return len(b.inner) }
type Plain struct{ x int }
//go:noinline
func (p Plain) Get() int { return p.x }
//go:noinline
func Make(x int) Plain { return Plain{x} }";
    let main = r#"
func main() {
    var box p.Box[map[string][]p.Plain]
    box.Put(nil)
    println(len(p.Gen(struct{ a, b []int }{})), box.Size(), p.Make(3).Get())
}"#;
    let symbols = ["Gen", "Box.Put", "Box.Size", "Plain.Get", "Make", "Absent"];
    let found = tier_of_each("generic functions", main, "x.test/lib", source, &symbols);
    assert_linked(found, &symbols[..5], &["Absent"]);
}

#[test]
fn closures_and_method_values_are_their_functions() {
    let source = "
type T struct{ n int }
//go:noinline
func (t *T) M() int { return t.n }
func Outer(n int) func() int { return func() int { return n * n } }
func Absent(n int) func() int { return func() int { return n } }";
    let main = "
var keep []func() int
func main() {
    t := &p.T{}
    keep = append(keep, t.M, p.Outer(len(keep)))
    for _, f := range keep { println(f()) }
}";
    let found = tier_of_each(
        "closures",
        main,
        "x.test/lib",
        source,
        &["T.M", "Outer", "Absent"],
    );
    assert_linked(found, &["T.M", "Outer"], &["Absent"]);
}

#[test]
fn paths_with_dots_in_their_last_part_are_unescaped() {
    let source = "
//go:noinline
func F() int { return 7 }
func G() int { return 8 }";
    let main = "func main() { println(p.F()) }";
    let found = tier_of_each(
        "escaped paths",
        main,
        "gopkg.test/yaml.v3",
        source,
        &["F", "G"],
    );
    assert_linked(found, &["F"], &["G"]);
}

#[test]
fn functions_of_the_main_package_are_found_under_its_path() {
    let workshop = Workshop::new(
        "
//go:noinline
func bad() { println(1) }
func main() { bad() }",
    )
    .module("main.test/other", "v1.2.0", &[("", "func F() {}")]);
    // The module of the main package has no version here, so the advisory is about another one.
    workshop.advisories(&[advisory("A", "main.test", &[("main.test/app", &["bad"])])]);
    workshop.write("kept.json", "");
    let Some(_) = workshop.build("a main package", "app", &["-ldflags=-s"]) else {
        return;
    };
    let facts = workshop.run(&["facts", "app"]).stdout;
    // As if it had been built from a tag of a module around it.
    let facts = facts.replace(
        "\"path\": \"main.test/app\",\n          \"version\": \"(devel)\"",
        "\"path\": \"main.test\",\n          \"version\": \"v1.2.0\"",
    );
    assert!(facts.contains("v1.2.0"), "{facts}");
    workshop.write("kept.json", &facts);
    let report = workshop.json(&["--facts", "kept.json"]);
    let advisory = &report["result"]["files"][0]["advisories"][0];
    assert_eq!(advisory["tier"], "symbol", "{report:#}");
}

#[test]
fn a_path_that_only_starts_with_the_same_letters_is_another_module() {
    let workshop = Workshop::new(
        "
import (\"x.example.test/foobar\"; \"x.example.test/foo/sub\")
func main() { p.F(); sub.G() }"
            .replace("\"x.example.test/foobar\"", "p \"x.example.test/foobar\"")
            .replace(
                "\"x.example.test/foo/sub\"",
                "sub \"x.example.test/foo/sub\"",
            )
            .as_str(),
    )
    .module(
        "x.example.test/foobar",
        "v1.2.0",
        &[("", "//go:noinline\nfunc F() { println(1) }")],
    )
    .module(
        "x.example.test/foo",
        "v1.6.0",
        &[("sub", "//go:noinline\nfunc G() { println(2) }")],
    )
    .module("x.example.test/fo", "v1.2.0", &[]);
    workshop.advisories(&[
        advisory("A", "x.example.test/foo", &[]),
        advisory("B", "x.example.test/fo", &[]),
        advisory("C", "x.example.test/foobar", &[]),
    ]);
    let Some(_) = workshop.build("modules with like names", "app", &[]) else {
        return;
    };
    let tiers = workshop.tiers("app");
    // `fo` holds nothing that is linked; `foo` is a version that is fixed.
    assert_eq!(tiers.get("A"), None, "{tiers:?}");
    assert_ne!(
        tiers.get("B").map(String::as_str),
        Some("symbol"),
        "{tiers:?}"
    );
    assert_eq!(tiers["C"], "symbol");
}

#[test]
fn a_package_of_a_nested_module_is_told_from_the_outer_ones_every_time() {
    let main = "
import (\"o.test/otel\"; exp \"o.test/otel/exporters/http\")
func main() { p.F(); exp.G() }";
    let workshop = Workshop::new(&main.replace("(\"o.test/otel\"", "(p \"o.test/otel\""))
        .module(
            "o.test/otel",
            "v1.2.0",
            &[("", "//go:noinline\nfunc F() { println(1) }")],
        )
        .module(
            "o.test/otel/exporters/http",
            "v1.4.0",
            &[("", "//go:noinline\nfunc G() { println(2) }")],
        );
    let http = "o.test/otel/exporters/http";
    workshop.advisories(&[
        advisory("OUTER", "o.test/otel", &[(http, &["G"])]),
        advisory("INNER", http, &[(http, &["G"])]),
    ]);
    let Some(_) = workshop.build("nested modules", "app", &["-ldflags=-s"]) else {
        return;
    };
    let first = workshop.json(&["app"]);
    for _ in 0..10 {
        assert_eq!(workshop.json(&["app"]), first);
    }
    let tiers = workshop.tiers("app");
    assert_eq!(
        (tiers["OUTER"].as_str(), tiers["INNER"].as_str()),
        ("module", "symbol")
    );
    let inner = &first["result"]["files"][0]["advisories"][0]["affected"][0];
    assert_eq!(
        (&inner["module"], &inner["fixed"]),
        (&http.into(), &"v1.5.0".into())
    );
}
