//! What is known about one program: each advisory that matches it, and whether it counts once the
//! policy and VEX documents have had their say.

use handpie_audit::{Ruling, Suppressed};
use handpie_binary::{Binary, Incomplete, counted};

use crate::caveat::Caveat;
use crate::crate_functions;
use crate::database::Database;
use crate::ecosystem::Ecosystem;
use crate::inventory::{Inventory, Unmatched};
use crate::locations::locate;
use crate::matches::{AffectedModule, Basis, Match, Tier, joined, matches};
use crate::record::Record;
use crate::unclear_version::UnclearVersion;
use crate::upgrades::{Upgrade, upgrades};
use crate::vex::{Opinion, Statement, Subject, Vex};

/// What counts, and against what.
#[derive(Debug)]
pub struct Question<'db> {
    /// The advisories.
    pub database: &'db Database<'db>,
    /// What VEX documents say about them.
    pub vex: &'db Vex,
    /// The tier from which on an advisory counts.
    pub fail_on: Tier,
    /// Whether to find out where each vulnerable function is.
    pub locations: bool,
}

/// Where a program was found.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file, as it was named.
    pub path: String,
    /// Which of the binaries in the file it is, where there are several.
    pub member: Option<String>,
    /// Whether the user named the file, and not a directory that it is in.
    pub named: bool,
    /// SHA-256 of the file in hexadecimal digits, where it was asked for.
    pub hash: Option<String>,
}

/// A program, and what is known about it.
#[derive(Debug)]
pub struct Triage<'db> {
    /// Where the program was found.
    pub origin: Origin,
    /// The file, and which of the binaries in it.
    pub title: String,
    /// What the toolchain recorded in it.
    pub record: Record,
    /// How many modules or crates are in it.
    pub module_count: usize,
    /// How many of them, Go's own included, have a version that was matched with the database.
    pub matched_count: usize,
    /// What in it was not matched at all.
    pub unmatched: Unmatched,
    /// What limits the answer.
    pub caveats: Vec<Caveat>,
    /// One for each advisory, the worst tier first.
    pub verdicts: Vec<Verdict<'db>>,
    /// The upgrades that fix those that count.
    pub upgrades: Vec<Upgrade>,
}

/// Whether an advisory that matches a program counts.
#[derive(Debug)]
pub struct Verdict<'db> {
    /// The advisory, and what of it is in the program.
    pub matched: Match<'db>,
    /// Whether it would count without policy and VEX documents.
    pub counts: bool,
    /// Whether it counts.
    pub fails: bool,
    /// The `[[vuln]]` of the policy that is about it.
    pub suppressed: Option<Suppressed>,
    /// The VEX statements because of which it does not count.
    pub vex: Vec<&'db Statement>,
    /// Every VEX statement about it, by number.
    pub statements: Vec<usize>,
}

impl<'db> Question<'db> {
    /// What is known about the program of which `inventory` is. With `binary`, the program itself,
    /// each vulnerable function is located where [`Self::locations`] asks for that.
    ///
    /// # Errors
    /// [`Incomplete`] when not all that it rests on has been read.
    pub fn triage<'data>(
        &self,
        origin: Origin,
        inventory: &Inventory<'data>,
        binary: Option<&Binary<'data>>,
        ruling: &Ruling<'_>,
    ) -> Result<Triage<'db>, Incomplete> {
        let mut matches = joined(matches(inventory, self.database)?, self.database);
        if let Some(binary) = binary {
            crate_functions::find(&mut matches, binary)?;
        }
        if let Some(binary) = binary.filter(|_| self.locations) {
            locate(&mut matches, inventory, binary)?;
        }
        let title = origin.title();
        let subject = Subject {
            path: &origin.path,
            title: &title,
            record: &inventory.record,
            hash: origin.hash.as_deref(),
        };
        let verdicts = matches.into_iter();
        let verdicts = verdicts.map(|matched| self.verdict(matched, &subject, ruling));
        let verdicts: Vec<Verdict<'db>> = verdicts.collect();
        let counted = verdicts.iter().filter(|it| it.fails);
        Ok(Triage {
            upgrades: upgrades(counted.map(|it| &it.matched), self.fail_on),
            module_count: inventory.module_count(),
            matched_count: inventory.matched_count(),
            unmatched: inventory.unmatched(),
            record: inventory.record.clone(),
            caveats: inventory.caveats().to_vec(),
            title,
            verdicts,
            origin,
        })
    }

    fn verdict(
        &self,
        matched: Match<'db>,
        subject: &Subject<'_>,
        ruling: &Ruling<'_>,
    ) -> Verdict<'db> {
        let ids = std::iter::once(matched.advisory.id()).chain(matched.aliases());
        let suppressed = ruling.suppressed(&ids.collect::<Vec<_>>());
        let is_accepted = suppressed.as_ref().is_some_and(|it| !it.expired);
        let Opinion { accepting, about } = self.vex.opinion(subject, &matched, self.fail_on);
        let counts = matched.tier >= self.fail_on && !matched.is_informational();
        Verdict {
            fails: counts && !is_accepted && accepting.is_empty(),
            counts,
            suppressed,
            vex: accepting,
            statements: about,
            matched,
        }
    }
}

impl Origin {
    /// The file, and which of the binaries in it.
    pub fn title(&self) -> String {
        match &self.member {
            Some(member) => format!("{} ({member})", self.path),
            None => self.path.clone(),
        }
    }
}

impl Triage<'_> {
    /// Whether an advisory counts.
    pub fn fails(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.fails)
    }

    /// Whether a part of it could not be matched: the standard library, all modules, or everything.
    /// That no advisory was found means nothing then, and must not look like an answer.
    pub fn is_incomplete(&self) -> bool {
        self.matched_count == 0 || self.unmatched.modules || self.unmatched.stdlib
    }

    /// The same in words; `None` where all was matched.
    pub fn gap(&self) -> Option<String> {
        if self.matched_count == 0 {
            return Some("nothing in it could be matched".to_owned());
        }
        let Unmatched {
            crates,
            modules,
            stdlib,
        } = self.unmatched;
        let parts = [
            stdlib.then(|| "standard library".to_owned()),
            modules.then(|| "modules".to_owned()),
            (crates > 0).then(|| counted(crates as u64, "crate")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{} not matched", parts.join(" and ")))
    }

    /// Whether that is so of a program that the user asked about.
    pub fn is_blank(&self) -> bool {
        self.origin.named && self.is_incomplete()
    }
}

impl Verdict<'_> {
    /// What to do about the advisory.
    pub fn action(&self) -> String {
        let modules = &self.matched.modules;
        let upgrades = modules.iter().map(AffectedModule::action);
        let doubts = modules.iter().filter_map(|module| {
            let (name, doubt) = (&module.name, module.version_doubt?);
            Some(format!(
                "which versions of {name} are affected is not sure: {doubt}"
            ))
        });
        let upgrades = upgrades.chain(doubts).collect::<Vec<_>>().join("; ");
        match &self.suppressed {
            Some(it) if !it.expired => {
                format!("accepted until {}: {}; {upgrades}", it.until, it.reason)
            }
            _ => upgrades,
        }
    }
}

impl AffectedModule {
    /// What to do about it.
    pub fn action(&self) -> String {
        let name = &self.name;
        match (&self.fixed, &self.unclear_version) {
            (None, _) => format!("no version of {name} is fixed"),
            (Some(fixed), Some(UnclearVersion::Unknown)) => {
                format!("find out the version of {name}, which is fixed in {fixed}")
            }
            (Some(fixed), Some(UnclearVersion::Commit(_))) => format!(
                "find out whether {name} {} has the fix of {fixed}",
                self.version
            ),
            (Some(fixed), _) => format!("upgrade {name} from {} to {fixed}", self.version),
        }
    }

    /// Whether it cannot be told what of it is in the program, or in which version.
    pub fn is_unsure(&self) -> bool {
        self.basis == Basis::Unseen || self.unclear_version == Some(UnclearVersion::Unknown)
    }
}

impl Match<'_> {
    /// Whether what the advisory is about is in the program, as far as that can be told. Nothing below
    /// the crate can be told about crates.
    pub fn is_affected(&self) -> bool {
        self.modules.iter().any(|module| {
            module.tier == Tier::Symbol
                || module.basis == Basis::Unseen
                || module.ecosystem == Ecosystem::CratesIo
        })
    }
}

impl Tier {
    /// The words with which handpie says, in documents for others, what is not in the program.
    pub fn absence(self) -> &'static str {
        match self {
            Self::Module => "tier module: no package that the advisory names is linked",
            Self::Package | Self::Symbol => {
                "tier package: a package that the advisory names is linked, and none of its symbols is"
            }
        }
    }

    /// Whether `reason` is such words. A statement with them was true of one build, and of another
    /// build it is found out anew.
    pub fn is_own_absence(reason: &str) -> bool {
        [Self::Module, Self::Package]
            .iter()
            .any(|tier| reason == tier.absence())
    }
}
