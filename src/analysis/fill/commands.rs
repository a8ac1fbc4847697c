//! Words of commands that responders paste into a shell. Names in logs are the attacker's to choose.

/// One word of a POSIX shell, in single quotes. `az` reads a word that begins with `@` from a file, so such a name is
/// not handed on.
pub fn quoted(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    if clean.starts_with('@') {
        return "'<a name that begins with @: type it by hand>'".to_owned();
    }
    format!("'{}'", clean.replace('\'', "'\\''"))
}

/// Characters that change how others are shown: a terminal would show another command than it runs.
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// `--ids '/subscriptions/…'`
pub fn ids(id: &crate::model::ResourceId) -> String {
    format!("--ids {}", quoted(id.spelled()))
}

/// `az rest --method <method> --url '<url>'`
pub fn rest(method: &str, url: &str) -> String {
    format!("az rest --method {method} --url {}", quoted(url))
}

/// A user or service principal in Microsoft Graph.
pub fn graph(path: &str) -> String {
    format!("https://graph.microsoft.com/v1.0/{path}")
}
