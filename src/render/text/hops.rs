//! A path of operations in lines: who, which operation, on what, and beneath it by which right.

use super::{columns, fit_columns, plain, wrap_all};
use crate::analysis::PathStep;

/// What a resource id is called in a sentence: `customer-data of proddata`, `rg-production`; other text as it is.
pub fn name_of(id: &str) -> String {
    let id = plain(id);
    let parts: Vec<&str> = id.split('/').filter(|part| !part.is_empty()).collect();
    if !id.starts_with('/') {
        return id;
    }
    let Some(last) = parts.last().copied() else { return "the root".to_owned() };
    let provider = parts.iter().rposition(|part| part.eq_ignore_ascii_case("providers"));
    // Role assignments and their like have no name of their own: what they are, and where.
    if let (true, Some(at), Some(kind)) =
        (is_guid(last), provider, parts.len().checked_sub(2).and_then(|n| parts.get(n)))
    {
        let thing = match kind.to_lowercase().as_str() {
            "roleassignments" => "a role assignment",
            "denyassignments" => "a deny assignment",
            "policyassignments" => "a policy assignment",
            "locks" => "a lock",
            _ => kind,
        };
        return format!("{thing} at {}", name_of(&format!("/{}", parts.get(..at).unwrap_or_default().join("/"))));
    }
    // A child of a resource is told apart by its parent.
    match provider.map(|at| &parts[at + 1..]) {
        Some([_, _, parent, .., _, _]) if *parent != last => format!("{last} of {parent}"),
        Some(_) => last.to_owned(),
        None if parts.len() == 2 && is_guid(last) => "the subscription".to_owned(),
        None => last.to_owned(),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// What a hop acts on.
pub fn place(step: &PathStep) -> String {
    match &step.to_name {
        Some(name) => plain(name),
        None => name_of(&step.to),
    }
}

/// Two lines or more a hop, none longer than the width.
pub fn hops(steps: &[PathStep], width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let digits = steps.len().to_string().len();
    for (n, step) in steps.iter().enumerate() {
        let number = format!("{}{:>digits$}", " ".repeat(indent), n + 1);
        let inner = columns(&number) + 1;
        let key = step.why == "with the account key";
        let from = if key { format!("account key of {}", name_of(&step.from)) } else { name_of(&step.from) };
        let from = fit_columns(&from, 48);
        let to = fit_columns(&place(step), 64);
        let what = if step.action == "SignIn" { "to" } else { "on" };
        lines.extend(wrap_all(&number, inner, &format!("{from}: {} {what} {to}", plain(&step.action)), width));
        let why = plain(&step.why);
        if !why.is_empty() && !key {
            let whole = ["as ", "with ", "code ", "read ", "eligible "].iter().any(|start| why.starts_with(start));
            let right = match why.strip_prefix("fresh ") {
                Some(sign_in) => format!("by a fresh {sign_in}"),
                None if whole || why.contains(", by ") => why,
                None => format!("by {why}"),
            };
            lines.extend(wrap_all(&" ".repeat(inner + 1), inner + 2, &right, width));
        }
    }
    lines
}
