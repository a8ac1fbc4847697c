//! Parts of Kusto queries that the rules share. Tables and columns are those of the *Azure Monitor Logs reference*.

/// A string literal: backslash and quote escaped, nothing that ends a line or turns its direction.
pub fn kql(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars().filter(|c| {
        !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }) {
        if matches!(c, '"' | '\\') {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal.push('"');
    literal
}

pub fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().map(|item| kql(&item)).collect::<Vec<_>>().join(", ")
}

/// Rows of `AzureActivity` about an operation that went through.
pub fn activity(operation: &str) -> String {
    format!(
        "AzureActivity\n\
         | where OperationNameValue =~ {}\n\
         | where ActivityStatusValue in~ (\"Success\", \"Succeeded\")",
        kql(operation)
    )
}

pub fn lookback(hours: u32) -> String {
    format!("| where TimeGenerated > ago({hours}h)")
}

/// The address of a storage record without its port: `203.0.113.7:51234`, `[2001:db8::7]:51234`.
pub const BARE_ADDRESS: &str = "iff(CallerIpAddress startswith \"[\", tostring(split(substring(CallerIpAddress, 1), \"]\")[0]), \
     tostring(split(CallerIpAddress, \":\")[0]))";
