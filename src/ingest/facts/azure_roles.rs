//! Built-in Azure roles, in the form of ARM's `roleDefinitions` (*Azure built-in roles*).

use super::rows;
use crate::model::{Document, Environment, Evidence, Kind};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const TABLE: &str = include_str!("azure_roles.txt");

/// The role of this GUID (bare, or at the end of a role definition's id) or of this exact name, any letter case.
pub fn azure_role(id_or_name: &str) -> Option<Value> {
    let id = id_or_name.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let by_id = rows::from_row(TABLE, id).and_then(rows::first);
    let named = |(_, row): &(&str, &str)| name(row).eq_ignore_ascii_case(id_or_name.trim());
    by_id.or_else(|| rows::rows(TABLE).find(named)).map(|(id, row)| definition(id, row, &Macros::read()))
}

/// All of them, by id.
pub fn azure_roles() -> impl Iterator<Item = Value> {
    let macros = Macros::read();
    rows::rows(TABLE).map(move |(id, row)| definition(id, row, &macros))
}

/// Adds the built-in definitions that the export lacks. A definition of the same GUID in the export wins, at whatever
/// scope it was read; what was collected is left as it is.
pub fn merge_into(environment: &mut Environment) {
    let guid = |key: &str| key.rsplit('/').next().unwrap_or(key).to_owned();
    let exported: BTreeSet<String> = environment.of(Kind::RoleDefinitions).map(|(key, _)| guid(key)).collect();
    let file: Arc<str> = "built-in:azure-roles".into();
    let macros = Macros::read();
    for (record, (id, row)) in (1u64..).zip(rows::rows(TABLE)) {
        if exported.contains(id) {
            continue;
        }
        let evidence = Evidence::new(file.clone(), record, "");
        environment.insert(
            Kind::RoleDefinitions,
            &format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"),
            Document { body: Arc::new(definition(id, row, &macros)), evidence },
        );
    }
}

fn name(row: &str) -> &str {
    row.lines().next().unwrap_or_default()
}

fn definition(id: &str, row: &str, macros: &Macros) -> Value {
    let mut permissions = vec![element()];
    for line in row.lines().skip(1) {
        let (sign, rest) = line.split_at_checked(1).unwrap_or_default();
        let list = match sign {
            "+" => "actions",
            "-" => "notActions",
            ">" => "dataActions",
            "<" => "notDataActions",
            ";" => {
                permissions.push(element());
                continue;
            }
            "?" => {
                if let (Some(last), Some((version, condition))) = (permissions.last_mut(), rest.split_once(' ')) {
                    last.insert("condition".to_owned(), condition.into());
                    last.insert("conditionVersion".to_owned(), version.into());
                }
                continue;
            }
            _ => continue,
        };
        if let Some(last) = permissions.last_mut() {
            last.insert(
                list.to_owned(),
                rows::actions(rest, "Microsoft.", |name| macros.get(name)).map(Value::from).collect(),
            );
        }
    }
    json!({
        "id": format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"),
        "name": id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": name(row),
            "type": "BuiltInRole",
            "assignableScopes": ["/"],
            "permissions": permissions,
        },
    })
}

fn element() -> Map<String, Value> {
    let lists = ["actions", "notActions", "dataActions", "notDataActions"];
    lists.into_iter().map(|list| (list.to_owned(), Value::Array(Vec::new()))).collect()
}

/// The actions that `=x` stands for, by letter: the lines before the first role spell them out.
struct Macros([&'static str; 128]);

impl Macros {
    fn read() -> Self {
        let mut macros = [""; 128];
        for line in TABLE.lines().take_while(|line| line.starts_with(['#', '='])) {
            let Some((letter, action)) = line.strip_prefix('=').and_then(|line| line.split_once(' ')) else { continue };
            if let Some(slot) = letter.bytes().next().and_then(|letter| macros.get_mut(usize::from(letter))) {
                *slot = action;
            }
        }
        Macros(macros)
    }

    fn get(&self, name: &str) -> Option<&'static str> {
        self.0.get(usize::from(name.bytes().next()?)).copied()
    }
}
