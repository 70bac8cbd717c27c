//! `[[waivers]]`: rules whose failure is accepted for some files, for a stated reason, until a
//! date.

use serde::{Deserialize, Deserializer, Serialize, de};
use toml::Spanned;

use super::globs::{Globs, Matches};
use super::setting::Code;
use crate::date::Date;
use crate::rule::Rule;

/// What is accepted for now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    #[serde(rename = "rule")]
    rules: Codes,
    #[serde(rename = "path")]
    pub(super) files: Option<Spanned<Globs>>,
    #[serde(deserialize_with = "some_words")]
    reason: String,
    expires: Date,
    /// Where it stands in the text, from 1.
    #[serde(skip)]
    pub(super) line: usize,
}

/// A waiver that is about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waived {
    /// Which of the policy's waivers it is, from 0.
    #[serde(skip)]
    pub waiver: usize,
    /// Why the finding is accepted.
    pub reason: String,
    /// The first day on which it is not accepted any more.
    pub expires: Date,
    /// Whether that day has come: then the waiver does not count.
    pub expired: bool,
}

impl Waiver {
    /// The rules it is about.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        self.rules.0.iter().map(|code| code.0)
    }

    /// The files it is about, as globs; none when it is about every file.
    pub fn files(&self) -> Vec<&str> {
        let files = self.files.as_ref().map(Spanned::get_ref);
        files.map(Globs::patterns).unwrap_or_default()
    }

    /// Why they are accepted.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The first day on which they are not accepted any more.
    pub fn expires(&self) -> Date {
        self.expires
    }

    /// Where it stands in the text of the policy, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    pub(super) fn is_for(&self, seen: &Matches) -> bool {
        let files = self.files.as_ref();
        files.is_none_or(|files| files.get_ref().mean(seen))
    }

    pub(super) fn is_about(&self, rule: &Rule) -> bool {
        self.rules().any(|code| code == rule.code)
    }

    pub(super) fn on(&self, today: Date, number: usize) -> Waived {
        Waived {
            waiver: number,
            reason: self.reason.clone(),
            expires: self.expires,
            expired: today >= self.expires,
        }
    }
}

/// A waiver whose reason is empty is a switch; those belong into `[rules]`.
pub(super) fn some_words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let reason = String::deserialize(deserializer)?;
    match reason.trim().is_empty() {
        true => Err(de::Error::custom(
            "empty `reason`; state why this is accepted",
        )),
        false => Ok(reason),
    }
}

#[derive(Debug)]
struct Codes(Vec<Code>);

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodeOrList)
    }
}

/// Not an untagged enum: that would lose which of the codes is unknown.
struct CodeOrList;

impl<'de> de::Visitor<'de> for CodeOrList {
    type Value = Codes;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a rule code, or a list of rule codes")
    }

    fn visit_str<E: de::Error>(self, code: &str) -> Result<Codes, E> {
        let code = Code::deserialize(de::value::StrDeserializer::new(code))?;
        Ok(Codes(vec![code]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Codes, A::Error> {
        let mut codes = Vec::new();
        while let Some(code) = list.next_element()? {
            codes.push(code);
        }
        match codes.is_empty() {
            true => Err(de::Error::custom("empty list of rules")),
            false => Ok(Codes(codes)),
        }
    }
}
