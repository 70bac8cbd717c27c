//! What counts as a loss, and in which order changes come.

use super::*;
use crate::subject::Language;

fn facts() -> Facts {
    Facts {
        kind: Kind::StaticPie,
        language: Language::Go,
        loader: None,
        needed: BTreeSet::new(),
        go: Some("go1.27.2".to_owned()),
        settings: BTreeMap::from([("-trimpath".to_owned(), "true".to_owned())]),
        modules: BTreeMap::from([("a.b/c".to_owned(), "v1.0.0".to_owned())]),
        size: 1000,
        sections: BTreeMap::from([(".text".to_owned(), 500)]),
        answers: BTreeMap::from([("pie", answered(Answer::Pass))]),
    }
}

fn answered(answer: Answer) -> RuleAnswer {
    RuleAnswer {
        answer,
        why: "because".to_owned(),
    }
}

fn names(changes: &[Change], weight: Weight) -> Vec<(What, &str)> {
    let chosen = changes.iter().filter(|change| change.weight == weight);
    chosen
        .map(|change| (change.what, change.name.as_str()))
        .collect()
}

#[test]
fn the_same_facts_make_no_change() {
    assert_eq!(diff(&facts(), &facts()), []);
}

#[test]
fn an_answer_that_got_worse_is_a_loss() {
    use Answer::*;
    let is = |old, new| weigh(Some(old), Some(new));
    for (old, new) in [
        (Pass, Fail),
        (Pass, Warn),
        (Pass, Unknown),
        (Warn, Fail),
        (Unknown, Fail),
        (NotApplicable, Fail),
        (Waived, Fail),
    ] {
        assert_eq!(is(old, new), Some(Weight::Loss), "{old:?} {new:?}");
    }
    for (old, new) in [
        (Fail, Pass),
        (Fail, Warn),
        (Warn, Pass),
        (Unknown, Pass),
        (Waived, Pass),
    ] {
        assert_eq!(is(old, new), Some(Weight::Gain), "{old:?} {new:?}");
    }
    for (old, new) in [
        (Fail, Waived),
        (Warn, NotApplicable),
        (Fail, Unknown),
        (Pass, Waived),
        (Pass, NotApplicable),
        (NotApplicable, Unknown),
    ] {
        assert_eq!(is(old, new), Some(Weight::Neutral), "{old:?} {new:?}");
    }
    assert_eq!(is(Fail, Fail), None);
    assert_eq!(weigh(None, Some(Fail)), Some(Weight::Loss));
    assert_eq!(weigh(None, Some(Warn)), Some(Weight::Neutral));
    assert_eq!(weigh(Some(Pass), None), Some(Weight::Neutral));
}

#[test]
fn losses_come_first_and_differences_last() {
    let new = Facts {
        kind: Kind::DynamicPie,
        language: Language::GoWithC,
        loader: Some("/lib/ld.so".to_owned()),
        needed: BTreeSet::from(["libc.so.6".to_owned()]),
        go: Some("go1.27.3".to_owned()),
        settings: BTreeMap::from([("CGO_ENABLED".to_owned(), "1".to_owned())]),
        modules: BTreeMap::from([("a.b/c".to_owned(), "v1.1.0".to_owned())]),
        size: 2000,
        sections: BTreeMap::from([(".text".to_owned(), 600), (".bss".to_owned(), 1)]),
        answers: BTreeMap::from([("pie", answered(Answer::Fail))]),
    };
    let changes = diff(&facts(), &new);
    let lost = [
        (What::Answer, "pie"),
        (What::Loader, ""),
        (What::Library, "libc.so.6"),
    ];
    assert_eq!(names(&changes, Weight::Loss), lost);
    assert_eq!(changes[0].why, "because");
    let other = [
        (What::Kind, ""),
        (What::Language, ""),
        (What::Go, ""),
        (What::Setting, "-trimpath"),
        (What::Setting, "CGO_ENABLED"),
        (What::Module, "a.b/c"),
        (What::Size, ""),
        (What::Section, ".bss"),
        (What::Section, ".text"),
    ];
    assert_eq!(names(&changes, Weight::Neutral), other);
    assert!(changes.is_sorted_by_key(|change| change.weight));
    let back = diff(&new, &facts());
    assert_eq!(names(&back, Weight::Gain), lost);
    assert_eq!(names(&back, Weight::Loss), []);
}

#[test]
fn a_fixed_address_is_a_loss() {
    assert_eq!(kind(Kind::StaticPie, Kind::StaticExecutable), Weight::Loss);
    assert_eq!(
        kind(Kind::DynamicExecutable, Kind::DynamicPie),
        Weight::Gain
    );
    assert_eq!(kind(Kind::StaticPie, Kind::DynamicPie), Weight::Neutral);
}
