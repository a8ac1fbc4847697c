//! `deploy.sh` and `revert.sh`: lines in the order of their phases, and what takes each back in the opposite order.

use super::{Phase, word};
use crate::render::text::plain;
use std::fmt::Write;

/// Functions of `deploy.sh`. A file beside the drafts marks each thing that was done: it is not done twice, and nothing
/// else is taken back.
const DEPLOY: &str = r#"# Drafts: read each before you run it. Conditional access is created in report-only state, policy
# assignments do not enforce yet. Lines behind `now` change at once what people may do: they run with ENFORCE=yes.
# Run it once to try, read what was reported, run it again with ENFORCE=yes: it goes on where it ended.
set -eu
cd -- "$(dirname -- "$0")"
# A line that waits until it is asked for.
now() { if [ "${ENFORCE-no}" = yes ]; then "$@"; else echo "left out without ENFORCE=yes: $*"; fi; }
# once MARK COMMAND...: what was done is not done again.
once() {
  if [ ! -e "$1" ]; then
    mark=$1
    shift
    "$@"
    : > "$mark"
  fi
}
# post URL FILE ID: makes an object and keeps its id.
post() {
  if [ ! -s "$3" ]; then
    az rest --method post --url "$1" --body "@$2" --query id --output tsv > "$3.part"
    mv -- "$3.part" "$3"
  fi
}
# put URL FILE MARK: makes an object of this name; one that somebody else made is left alone.
put() {
  if [ ! -e "$3" ] && az rest --method get --url "$1" --output none 2> /dev/null; then
    echo "stopped: $1 stands already and is not this kit's" >&2
    exit 1
  fi
  : > "$3"
  az rest --method put --url "$1" --body "@$2" --output none
}
# rule ROLE RULE FILE: sets one rule of a directory role; without its policy nothing goes on.
rule() {
  policy=$(az rest --method get --url "https://graph.microsoft.com/v1.0/policies/roleManagementPolicyAssignments?\$filter=scopeId eq '/' and scopeType eq 'DirectoryRole' and roleDefinitionId eq '$1'" --query 'value[0].policyId' --output tsv)
  if [ -z "$policy" ]; then
    echo "stopped: no role management policy of directory role $1" >&2
    exit 1
  fi
  az rest --method patch --url "https://graph.microsoft.com/v1.0/policies/roleManagementPolicies/$policy/rules/$2" --body "@$3" --output none
}
# grant PRINCIPAL ROLE SCOPE ID: assigns a role that is not assigned yet, and keeps the assignment's id.
grant() {
  if [ ! -s "$4" ] && [ -z "$(az role assignment list --assignee "$1" --role "$2" --scope "$3" --query '[].id' --output tsv)" ]; then
    az role assignment create --assignee "$1" --role "$2" --scope "$3" --query id --output tsv > "$4.part"
    mv -- "$4.part" "$4"
  fi
}
"#;

const REVERT: &str = r#"# Takes back what deploy.sh did, the last first. Run it in the same folder: deploy.sh leaves there what it made.
set -eu
cd -- "$(dirname -- "$0")"
# back MARK COMMAND...: takes back what was done, once.
back() {
  if [ -e "$1" ]; then
    mark=$1
    shift
    "$@"
    rm -f -- "$mark"
  fi
}
# unmade URL ID: deletes what was made under the id that was kept.
unmade() {
  if [ -s "$2" ]; then
    az rest --method delete --url "$1/$(cat "$2")"
    rm -f -- "$2"
  fi
}
# ungranted ID: deletes the role assignment that was made.
ungranted() {
  if [ -s "$1" ]; then
    az role assignment delete --ids "$(cat "$1")"
    rm -f -- "$1"
  fi
}
"#;

struct Action {
    phase: Phase,
    /// Title of its control.
    of: String,
    lines: Vec<String>,
    undo: Vec<String>,
}

#[derive(Default)]
pub(super) struct Script {
    actions: Vec<Action>,
    of: String,
}

impl Script {
    /// The control that the following actions belong to.
    pub fn heading(&mut self, title: &str) {
        self.of = plain(title);
    }

    pub fn act(&mut self, phase: Phase, lines: Vec<String>, undo: Vec<String>) {
        self.actions.push(Action { phase, of: self.of.clone(), lines, undo });
    }

    /// A comment in `deploy.sh`.
    pub fn say(&mut self, phase: Phase, text: &str) {
        self.act(phase, vec![format!("# {}", plain(text))], Vec::new());
    }

    pub fn deploy(&self, marking: Option<&str>) -> String {
        let mut sorted: Vec<&Action> = self.actions.iter().collect();
        sorted.sort_by_key(|action| action.phase);
        let given = sorted.iter().any(|a| a.phase == Phase::Give && !a.lines.is_empty());
        let mut waited = !given;
        let mut out = head(marking, DEPLOY);
        let mut of = "";
        for action in sorted {
            if !waited && action.phase > Phase::Give {
                waited = true;
                of = "";
                out.push_str(
                    "\n# A role assignment takes up to ten minutes to take effect.\nnow sleep \"${WAIT-600}\"\n",
                );
            }
            titled(&mut out, &mut of, action, &action.lines);
        }
        out
    }

    pub fn revert(&self, marking: Option<&str>) -> String {
        let mut sorted: Vec<&Action> = self.actions.iter().collect();
        sorted.sort_by_key(|action| action.phase);
        let mut out = head(marking, REVERT);
        let mut of = "";
        for action in sorted.into_iter().rev() {
            titled(&mut out, &mut of, action, &action.undo);
        }
        out
    }
}

fn head(marking: Option<&str>, says: &str) -> String {
    let marking = marking.map(|m| format!("# {}\n", plain(m))).unwrap_or_default();
    format!("#!/bin/sh\n{marking}{says}")
}

fn titled<'a>(out: &mut String, of: &mut &'a str, action: &'a Action, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    if *of != action.of {
        let _ = writeln!(out, "\n# {}", action.of);
        *of = &action.of;
    }
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
}

/// `put '<url>' '<file>' '<mark>'`, and what takes it back.
pub(super) fn put(url: &str, file: &str, mark: &str) -> (String, String) {
    let (url, mark) = (word(url), word(mark));
    (format!("put {url} {} {mark}", word(file)), format!("back {mark} az rest --method delete --url {url}"))
}

/// A line that is run once, and its counterpart that is run only after it.
pub(super) fn once(mark: &str, line: &str, back: &str) -> (String, String) {
    let mark = word(mark);
    (format!("once {mark} {line}"), format!("back {mark} {back}"))
}
