//! What a rule says of a binary: one of five answers, why, and where to see it; and what that comes
//! to under a policy.

use handpie_binary::Offset;
use serde::Serialize;

use crate::policy::{Ruling, Waived};
use crate::rule::{Level, Rule, Severity};
use crate::subject::Subject;

/// The five answers that a rule gives, and the one that comes of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// As wished.
    Pass,
    /// Not as wished.
    Fail,
    /// Worth a look: not wrong in itself, or wrong in some uses only.
    Warn,
    /// Binaries of this kind or language cannot have it, or need not.
    NotApplicable,
    /// The file does not tell.
    Unknown,
    /// Not as wished, which the policy accepts for now. No rule says that.
    Waived,
}

impl Answer {
    /// Every answer.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::NotApplicable,
        Self::Unknown,
        Self::Waived,
    ];

    /// The answer in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::NotApplicable => "not applicable",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
        }
    }
}

/// Something in the file that shows why the answer is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it stands in the file, in bytes.
    #[serde(serialize_with = "as_number")]
    pub offset: Option<Offset>,
    /// What it is: a program header, section, note, symbol, setting.
    pub what: String,
}

fn as_number<S: serde::Serializer>(
    offset: &Option<Offset>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    offset.map(|offset| offset.0).serialize(serializer)
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub answer: Answer,
    /// Why, as a fragment without full stop that fits after the rule's code and a colon.
    pub why: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What to do about it, with the exact flag; empty when there is nothing to do.
    pub hint: &'static str,
}

/// One rule's judgement, and what the policy makes of it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What it found.
    pub judgement: Judgement,
    /// What that comes to: the answer that counts.
    pub answer: Answer,
    /// How much harm a failing answer does here.
    pub severity: Severity,
    /// What a failing answer comes to here.
    pub level: Level,
    /// What its own answer comes to, before a waiver.
    pub unwaived: Answer,
    /// The waiver that is about it, whether it still holds or not; none of what need not be waived.
    pub waiver: Option<Waived>,
}

impl Finding {
    /// Asks `rule` about `subject`, unless it is switched off or does not speak about such binaries.
    pub(crate) fn of(
        rule: &'static Rule,
        subject: &Subject<'_>,
        ruling: &Ruling<'_>,
    ) -> Option<Self> {
        Self::from(rule, || rule.ask(subject), ruling)
    }

    /// What becomes of a judgement under a policy; `judge` is not called when the rule is switched
    /// off.
    pub(crate) fn from(
        rule: &'static Rule,
        judge: impl FnOnce() -> Option<Judgement>,
        ruling: &Ruling<'_>,
    ) -> Option<Self> {
        let standing = ruling.standing(rule);
        if standing.level == Level::Off {
            return None;
        }
        let judgement = judge()?;
        let level = match judgement.answer {
            Answer::Fail => standing.level,
            Answer::Warn => standing.warn,
            Answer::Unknown => standing.unknown,
            Answer::Pass | Answer::NotApplicable | Answer::Waived => Level::Off,
        };
        let answer = match level {
            Level::Fail => Answer::Fail,
            Level::Warn => Answer::Warn,
            Level::Off => judgement.answer,
        };
        let counts = matches!(answer, Answer::Fail | Answer::Warn);
        let waiver = counts.then(|| ruling.waiver(rule)).flatten();
        Some(Self {
            rule,
            answer: match &waiver {
                Some(waiver) if !waiver.expired => Answer::Waived,
                _ => answer,
            },
            judgement,
            severity: standing.severity,
            level: standing.level,
            unwaived: answer,
            waiver,
        })
    }
}

/// As wished, because of `why`.
pub(crate) fn pass(why: impl Into<String>) -> Judgement {
    Judgement::new(Answer::Pass, why)
}

/// Not as wished.
pub(crate) fn fail(why: impl Into<String>) -> Judgement {
    Judgement::new(Answer::Fail, why)
}

/// Worth a look.
pub(crate) fn warn(why: impl Into<String>) -> Judgement {
    Judgement::new(Answer::Warn, why)
}

/// Not to be asked of such a binary.
pub(crate) fn not_applicable(why: impl Into<String>) -> Judgement {
    Judgement::new(Answer::NotApplicable, why)
}

/// Not to be told from the file.
pub(crate) fn unknown(why: impl Into<String>) -> Judgement {
    Judgement::new(Answer::Unknown, why)
}

impl Judgement {
    fn new(answer: Answer, why: impl Into<String>) -> Self {
        Self {
            answer,
            why: why.into(),
            evidence: Vec::new(),
            hint: "",
        }
    }

    /// Adds what stands at an offset of the file.
    pub(crate) fn at(mut self, offset: Offset, what: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            offset: Some(offset),
            what: what.into(),
        });
        self
    }

    /// Adds what has no one place in the file.
    pub(crate) fn with(mut self, what: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            offset: None,
            what: what.into(),
        });
        self
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }
}
