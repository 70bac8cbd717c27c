//! Where a function is, in words.

use crate::code::{Function, Inlined, LinkedFunction};

/// So many functions are named that something was inlined into.
const NAMED: usize = 3;

impl Function {
    /// Where it is, in words: `linked as a function at virtual address 0x4a1b20; inlined into
    /// main.main, main.run (and 7 more)`. `None` when nobody has asked, or nothing tells.
    pub fn whereabouts(&self) -> Option<String> {
        let location = self.location.as_ref()?;
        let linked = location.linked.as_ref().map(|it| body(self, it));
        let inlined = match &location.inlined {
            None => Some("whether it was inlined is not known".to_owned()),
            Some(inlined) => hosts(inlined),
        };
        let parts: Vec<String> = linked.into_iter().chain(inlined).collect();
        Some(match parts.is_empty() {
            true => "only its name is in the program".to_owned(),
            false => parts.join("; "),
        })
    }
}

fn body(function: &Function, linked: &LinkedFunction) -> String {
    let at = match linked.address {
        Some(address) => format!("at virtual address {address}"),
        None => "at an address that is not known".to_owned(),
    };
    match linked.function == function.name {
        true => format!("linked as a function {at}"),
        false => format!("{} is linked as a function {at}", linked.function),
    }
}

/// `None` when there are none.
fn hosts(inlined: &Inlined) -> Option<String> {
    let named: Vec<&str> = inlined.into.iter().take(NAMED).map(|it| &**it).collect();
    let more = inlined.count.saturating_sub(named.len() as u64);
    let named = named.join(", ");
    match (inlined.count, more) {
        (0, _) => None,
        (_, 0) => Some(format!("inlined into {named}")),
        _ => Some(format!("inlined into {named} (and {more} more)")),
    }
}
