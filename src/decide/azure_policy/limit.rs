//! Limits the platform enforces while it evaluates, and one of ours.
//!
//! Source: *Azure Policy definition structure policy rule* (Limits enforced during evaluation): "Policies that exceed
//! the limits during evaluation will effectively become a `deny` policy".

use serde_json::Value;

pub(super) const STRING: usize = 131_072;
const DEPTH: usize = 128;
pub(super) const NODES: usize = 32_768;
/// Iterations of value counts, those of the counts around them included.
pub(super) const ITERATIONS: usize = 100;
/// Steps of one rule over one request; past them the answer is unknown.
// DIFFERENCE: the platform states no such bound; ours keeps hostile documents from stopping the analysis.
pub(super) const STEPS: u64 = 1_000_000;

/// Nodes of a value, or what it exceeds.
pub(super) fn measure(value: &Value) -> Result<usize, String> {
    let mut nodes = 0;
    let mut open = vec![(value, 1)];
    while let Some((value, depth)) = open.pop() {
        nodes += 1;
        if nodes > NODES {
            return Err(format!("a value of more than {NODES} nodes in a function"));
        }
        if depth > DEPTH {
            return Err(format!("a value nested deeper than {DEPTH} in a function"));
        }
        match value {
            Value::String(text) if text.len() > STRING && text.encode_utf16().count() > STRING => {
                return Err(format!("a string longer than {STRING} in a function"));
            }
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => open.extend(members.values().map(|item| (item, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(nodes)
}
