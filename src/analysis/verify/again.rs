//! What no certificate proves (counts of lawful requests, calibration, containment, detections, ...) is made again from
//! the case and compared, figure by figure: a file that somebody changed is told from one that was made. This is no
//! second opinion: it takes the same code.

use super::Verified;
use crate::analysis::contract::Analysis;
use serde_json::Value;

/// Differences named; the rest are counted.
const NAMED: usize = 12;

/// Compares an analysis with the same case analysed again. Of another version of the program nothing is compared.
pub fn compare(claimed: &Analysis, made: &Analysis, verified: &mut Verified) {
    if claimed.tool != made.tool {
        verified.unchecked.push(format!(
            "all that no certificate proves: the analysis was made by version {} and its tables, this is {}",
            claimed.tool.version, made.tool.version
        ));
        return;
    }
    let (Ok(claimed), Ok(made)) = (serde_json::to_value(claimed), serde_json::to_value(made)) else { return };
    let mut differences = Vec::new();
    differ(&claimed, &made, &mut String::new(), &mut differences);
    // The name of the case's folder is nothing that was found out.
    differences.retain(|(pointer, _)| pointer != "/incident/name");
    verified.again = true;
    for (pointer, text) in differences.iter().take(NAMED) {
        verified.failures.push(format!("{pointer}: {text}"));
    }
    if differences.len() > NAMED {
        verified.failures.push(format!("and {} more places that the case does not give", differences.len() - NAMED));
    }
}

fn differ(claimed: &Value, made: &Value, at: &mut String, found: &mut Vec<(String, String)>) {
    if claimed == made {
        return;
    }
    let length = at.len();
    match (claimed, made) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                let none = Value::Null;
                differ(ours.get(name).unwrap_or(&none), theirs.get(name).unwrap_or(&none), at, found);
                at.truncate(length);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (n, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                at.push_str(&format!("/{n}"));
                differ(ours, theirs, at, found);
                at.truncate(length);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            found.push((at.clone(), format!("claimed {} entries, the case gives {}", ours.len(), theirs.len())));
        }
        (ours, theirs) => {
            found.push((at.clone(), format!("claimed {}, the case gives {}", shown(ours), shown(theirs))));
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
