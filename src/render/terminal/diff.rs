//! What differs between two exports, in lines: what is open again and by which change, what is closed.

use crate::analysis::Closes;
use crate::analysis::diff::{Change, Differences, Reopened};
use crate::render::text::{hops, name_of, plain, wrap_all};

/// Changes listed that no path was attributed to.
const LISTED: usize = 40;

pub fn diff(found: &Differences, attributed: bool, width: usize) -> String {
    let mut out: Vec<String> = Vec::new();
    let groups = [
        ("Open again", &found.reopened),
        ("Closed before, nobody can tell now", &found.unknown),
        ("Closed before, open now to an attacker who holds more", &found.weaker),
    ];
    for (head, paths) in groups {
        // Paths that the same changes open are shown by the first of them.
        let mut shown: Vec<(&Reopened, usize)> = Vec::new();
        for path in paths {
            let same = |other: &&mut (&Reopened, usize)| {
                let other = other.0;
                (&other.from, &other.to, &other.because, &other.missing, other.path.steps.is_empty())
                    == (&path.from, &path.to, &path.because, &path.missing, path.path.steps.is_empty())
            };
            match shown.iter_mut().find(same) {
                Some((_, more)) => *more += 1,
                None => shown.push((path, 0)),
            }
        }
        for (path, more) in shown {
            out.extend(wrap_all("", 0, &format!("{head}: {} to {}", plain(&path.from), name_of(&path.to)), width));
            out.extend(hops(&path.path.steps, width, 2));
            if more > 0 {
                let paths = if more == 1 { "path" } else { "paths" };
                out.push(format!("  and {more} more {paths} by the same (--json lists them)"));
            }
            for change in &path.because {
                out.extend(wrap_all("  because", 10, &words(change), width));
            }
            for change in path.may_be.iter().take(LISTED) {
                out.extend(wrap_all("  maybe by", 11, &words(change), width));
            }
            if path.because.is_empty() && !path.path.steps.is_empty() && attributed {
                out.push("  because of nothing among the settings compared".to_owned());
            }
            if !path.missing.is_empty() {
                let list = path.missing.iter().map(|fact| plain(fact)).collect::<Vec<_>>().join(", ");
                out.extend(wrap_all("  not in the later export:", 27, &list, width));
            }
            if !path.path.words.is_empty() {
                let list = path.path.words.iter().map(|word| plain(word)).collect::<Vec<_>>().join(", ");
                out.extend(wrap_all("  the attacker would hold:", 27, &list, width));
            }
        }
    }
    let mut closed: Vec<(String, usize)> = Vec::new();
    for shut in &found.closed {
        let state = match shut.now {
            Closes::Closed => "Closed now",
            Closes::ClosedIfLacking | Closes::NotClosed => "Closed now if the attacker lacks what it asks for",
        };
        let line = format!("{state}: {} to {}", plain(&shut.from), name_of(&shut.to));
        match closed.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => closed.push((line, 1)),
        }
    }
    for (line, count) in closed {
        let paths = if count == 1 { "path" } else { "paths" };
        out.extend(wrap_all("", 0, &format!("{line} ({count} {paths})"), width));
    }
    let explained = |change: &Change| {
        let regressions = found.reopened.iter().chain(&found.unknown).chain(&found.weaker);
        regressions.flat_map(|path| path.because.iter().chain(&path.may_be)).any(|known| known == change)
    };
    let rest: Vec<&Change> = found.changed.iter().filter(|change| !explained(change)).collect();
    for change in rest.iter().take(LISTED) {
        out.extend(wrap_all("Changed:", 9, &words(change), width));
    }
    if rest.len() > LISTED {
        out.push(format!("Changed: {} more settings (--json lists them)", rest.len() - LISTED));
    }
    if !attributed && found.regressed() {
        let text =
            "which change opens a path: two analyses hold no world to undo it in; name the later export's folder";
        out.extend(wrap_all("Not told:", 10, text, width));
    }
    for item in &found.not_compared {
        out.extend(wrap_all("Not compared:", 14, &plain(item), width));
    }
    if !found.regressed() {
        out.push("Nothing that was closed is open.".to_owned());
    }
    let mut text = String::new();
    for line in out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn words(change: &Change) -> String {
    let kind = match change.kind.as_str() {
        "conditionalAccess" => "conditional-access policy",
        "namedLocations" => "named location",
        "securityDefaults" => "security defaults",
        "roleAssignments" => "Azure role assignment",
        "denyAssignments" => "deny assignment",
        "locks" => "lock",
        "policyAssignments" => "policy assignment",
        "exemptions" => "policy exemption",
        "pimSettings" => "PIM rules",
        "pimEligibilities" => "eligible role assignment",
        "directoryRoles" => "Entra role assignment",
        "appRoleAssignments" => "app role assignment",
        "groupMembers" => "group",
        "owners" => "owners of",
        "registrationDetails" => "authentication methods of",
        "resources" => "resource",
        "stated" => "what is stated in",
        other => other,
    };
    let name = plain(&change.name);
    let name = if name.is_empty() { plain(&change.document) } else { name };
    let what = change.what.iter().map(|what| plain(what)).collect::<Vec<_>>().join("; ");
    format!("{kind} \"{name}\": {what}")
}
