//! The level that many hosts have in common, and which of them holds it back.
//!
//! The reports may come from anywhere: what is in them is checked before it is believed or shown.

use serde::Serialize;
use serde_json::Value;

use super::HostCpu;
use super::arm64;

/// What the hosts of a fleet have in common, CPU by CPU.
#[derive(Clone, Debug, Serialize)]
pub struct Fleet {
    /// How many there are.
    pub hosts: usize,
    /// By kind of CPU.
    pub cpus: Vec<FleetCpu>,
}

/// The hosts of one kind of CPU.
#[derive(Clone, Debug, Serialize)]
pub struct FleetCpu {
    /// As Go spells it.
    pub cpu: String,
    /// Go's variable for its levels; none where Go has one level.
    pub variable: Option<String>,
    /// The highest level that all of them have; none where Go has one level.
    pub safe_level: Option<String>,
    /// How many there are.
    pub hosts: usize,
    /// How many hosts have which level at most, the lowest first.
    pub levels: Vec<Share>,
    /// Those without which the level would be higher; none when all have the same.
    pub held_back_by: Vec<Brake>,
}

/// How many hosts have a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The level.
    pub level: String,
    /// How many hosts have it.
    pub hosts: usize,
}

/// A host that has no more than the fleet's level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Brake {
    /// Its name.
    pub host: String,
    /// Its level.
    pub level: String,
    /// What it lacks for the next level.
    pub lacks: Vec<String>,
}

/// A level of either CPU, as far as levels can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Amd64(u8),
    Arm64(arm64::Level),
}

impl Level {
    fn parse(cpu: &str, text: &str) -> Option<Self> {
        match (cpu, text) {
            ("amd64", "v1") => Some(Self::Amd64(1)),
            ("amd64", "v2") => Some(Self::Amd64(2)),
            ("amd64", "v3") => Some(Self::Amd64(3)),
            ("amd64", "v4") => Some(Self::Amd64(4)),
            ("arm64", _) => arm64::Level::parse(text).map(Self::Arm64),
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Amd64(level) => format!("v{level}"),
            Self::Arm64(level) => level.name(),
        }
    }

    fn common(self, other: Self) -> Self {
        match (self, other) {
            (Self::Amd64(a), Self::Amd64(b)) => Self::Amd64(a.min(b)),
            (Self::Arm64(a), Self::Arm64(b)) => Self::Arm64(a.common(b)),
            (this, _) => this,
        }
    }

    /// For showing: the lowest first.
    fn rank(self) -> (u8, bool, bool, bool) {
        match self {
            Self::Amd64(level) => (level, false, false, false),
            Self::Arm64(it) => (it.minor, it.sve2, it.lse, it.crypto),
        }
    }
}

/// Longer names of hosts, features and CPUs come from no host.
const LONGEST_WORD: usize = 300;
/// A report lists fewer features.
const MOST_FEATURES: usize = 200;

/// The host that a document is the report of.
///
/// # Errors
/// Says why it is not a report of `handpie doctor --cpu`.
pub fn host_of(document: Value) -> Result<HostCpu, String> {
    let Value::Object(mut fields) = document else {
        return Err("not a JSON object".to_owned());
    };
    match fields.get("schema").and_then(Value::as_u64) {
        Some(1) => {}
        Some(other) => return Err(format!("`schema` is {other}; expected 1")),
        None => return Err("the field `schema` is missing".to_owned()),
    }
    if let Some(error) = fields.get("error") {
        return Err(format!(
            "a report of a failure: {}",
            shown(&error["message"])
        ));
    }
    if fields.get("command").and_then(Value::as_str) != Some("doctor") {
        return Err("`command` is not \"doctor\"".to_owned());
    }
    let result = fields.remove("result").unwrap_or_default();
    if result.get("safe_level").is_none() {
        return Err(
            "`result` has no `safe_level`; the report was written without --cpu".to_owned(),
        );
    }
    let host: HostCpu = serde_json::from_value(result).map_err(|error| error.to_string())?;
    check(&host)?;
    Ok(host)
}

/// What would not come from `handpie doctor --cpu`, or would do harm on a terminal.
fn check(host: &HostCpu) -> Result<(), String> {
    let lacks = host
        .next
        .iter()
        .flat_map(|next| next.lacks.iter().chain([&next.level]));
    if lacks.clone().count() > MOST_FEATURES {
        return Err(format!("more than {MOST_FEATURES} features are missing"));
    }
    let words = [&host.host, &host.cpu]
        .into_iter()
        .chain(&host.variable)
        .chain(lacks);
    for word in words {
        if word.chars().count() > LONGEST_WORD {
            return Err(format!("a name has more than {LONGEST_WORD} characters"));
        }
        if word.chars().any(char::is_control) {
            return Err(format!("control characters in the name {word:?}"));
        }
    }
    let Some(level) = &host.safe_level else {
        return Ok(());
    };
    match Level::parse(&host.cpu, level) {
        Some(_) => Ok(()),
        None => Err(format!(
            "{level:?} is not a level of the CPU {:?}",
            host.cpu
        )),
    }
}

/// Text of a stranger, short and without control characters.
fn shown(value: &Value) -> String {
    let text = value.as_str().unwrap_or("no message");
    text.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_WORD)
        .collect()
}

impl Fleet {
    /// What `hosts` have in common.
    pub fn of(hosts: &[HostCpu]) -> Self {
        let mut names: Vec<&str> = hosts.iter().map(|host| host.cpu.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let cpus = names.into_iter().map(|name| {
            let same: Vec<&HostCpu> = hosts.iter().filter(|host| host.cpu == name).collect();
            FleetCpu::of(name, &same)
        });
        Self {
            hosts: hosts.len(),
            cpus: cpus.collect(),
        }
    }
}

impl FleetCpu {
    fn of(cpu: &str, hosts: &[&HostCpu]) -> Self {
        let levelled = hosts.iter().filter_map(|host| {
            let level = Level::parse(cpu, host.safe_level.as_deref()?)?;
            Some((*host, level))
        });
        let levelled: Vec<(&HostCpu, Level)> = levelled.collect();
        let common = levelled
            .iter()
            .map(|(_, level)| *level)
            .reduce(Level::common);
        let mut levels: Vec<Level> = levelled.iter().map(|(_, level)| *level).collect();
        levels.sort_by_key(|level| level.rank());
        levels.dedup();
        let share = |level: &Level| Share {
            level: level.name(),
            hosts: levelled.iter().filter(|(_, it)| it == level).count(),
        };
        Self {
            cpu: cpu.to_owned(),
            variable: hosts.iter().find_map(|host| host.variable.clone()),
            safe_level: common.map(Level::name),
            hosts: hosts.len(),
            levels: levels.iter().map(share).collect(),
            held_back_by: brakes(&levelled),
        }
    }
}

/// The hosts that have no more than the common level of something of which other hosts have more.
fn brakes(hosts: &[(&HostCpu, Level)]) -> Vec<Brake> {
    let parts = |level: Level| {
        let (minor, sve2, lse, crypto) = level.rank();
        [minor, u8::from(sve2), u8::from(lse), u8::from(crypto)]
    };
    let all = hosts.iter().map(|(_, level)| parts(*level));
    let join = |pick: fn(u8, u8) -> u8| {
        let all = all.clone();
        all.reduce(move |a, b| std::array::from_fn(|part| pick(a[part], b[part])))
    };
    let (Some(least), Some(most)) = (join(u8::min), join(u8::max)) else {
        return Vec::new();
    };
    let brakes = hosts.iter().filter_map(|(host, level)| {
        let own = parts(*level);
        let holds = |part: usize| own[part] == least[part] && least[part] < most[part];
        if !(0..own.len()).any(holds) {
            return None;
        }
        let next = host.next.iter().flat_map(|next| next.lacks.clone());
        let crypto = holds(CRYPTO).then(|| "instructions for AES and SHA (crypto)".to_owned());
        Some(Brake {
            host: host.host.clone(),
            level: level.name(),
            lacks: next.chain(crypto).collect(),
        })
    });
    brakes.collect()
}

/// Which part of a level that is.
const CRYPTO: usize = 3;

#[cfg(test)]
mod tests;
