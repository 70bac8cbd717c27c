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
        sight: Sight::default(),
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
    let is = |old, new| weigh(Some(old), Some(new), Ordering::Equal);
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
        (Unknown, Warn),
    ] {
        assert_eq!(is(old, new), Some(Weight::Neutral), "{old:?} {new:?}");
    }
    assert_eq!(is(Fail, Fail), None);
    let same = Ordering::Equal;
    assert_eq!(weigh(None, Some(Fail), same), Some(Weight::Loss));
    assert_eq!(weigh(None, Some(Warn), same), Some(Weight::Neutral));
    assert_eq!(weigh(Some(Pass), None, same), Some(Weight::Neutral));
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
        sight: Sight::default(),
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

#[test]
fn what_is_stripped_is_no_longer_seen_and_not_lost() {
    use Answer::*;
    let (less, more) = (Ordering::Less, Ordering::Greater);
    let weigh = |old, new, sight| weigh(Some(old), Some(new), sight);
    assert_eq!(weigh(Pass, Unknown, less), Some(Weight::Unseen));
    assert_eq!(weigh(Pass, Unknown, more), Some(Weight::Loss));
    assert_eq!(weigh(Unknown, Pass, more), Some(Weight::Neutral));
    assert_eq!(weigh(Unknown, Fail, more), Some(Weight::Neutral));
    assert_eq!(weigh(Pass, Fail, less), Some(Weight::Loss));
    assert_eq!(weigh(Pass, Warn, less), Some(Weight::Loss));
}

#[test]
fn a_binary_tells_less_without_symbols_records_or_imports() {
    let sight = |symbols, records: &[&str], imports| Sight {
        symbols,
        records: records.iter().map(|name| (*name).to_owned()).collect(),
        imports,
    };
    let old = sight(100, &[".comment", "debug information"], true);
    for (new, told) in [
        (
            sight(60, &[".comment", "debug information"], true),
            Ordering::Equal,
        ),
        (
            sight(0, &[".comment", "debug information"], true),
            Ordering::Less,
        ),
        (
            sight(40, &[".comment", "debug information"], true),
            Ordering::Less,
        ),
        (sight(100, &[".comment"], true), Ordering::Less),
        (sight(100, &["debug information"], true), Ordering::Less),
        (
            sight(100, &[".comment", "debug information"], false),
            Ordering::Less,
        ),
        (
            sight(300, &[".comment", "debug information"], true),
            Ordering::Greater,
        ),
    ] {
        assert_eq!(new.beside(&old), told, "{new:?}");
    }
}
