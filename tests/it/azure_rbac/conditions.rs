//! The language of conditions: what parses, and where what does not parse fails.

use crate::support;
use cutset::decide::azure_rbac::check_condition;
use cutset::ingest::facts;
use serde_json::Value;

/// Text, character of the error, a piece of its message.
const WRONG: &[(&str, usize, &str)] = &[
    ("", 1, "an expression is missing"),
    ("   ", 4, "an expression is missing"),
    ("()", 2, "an expression is missing"),
    ("(ActionMatches{'a'}", 20, "a `)` is missing"),
    ("ActionMatches{'a'})", 19, "should end here"),
    ("ActionMatches{'a'} ActionMatches{'b'}", 20, "should end here"),
    ("ActionMatches{'a'} AND", 23, "an expression is missing"),
    ("ActionMatches{'a'} XOR ActionMatches{'b'}", 20, "should end here"),
    ("ActionMatches('a')", 14, "a `{` is missing"),
    ("ActionMatches{}", 15, "a text in single quotes is missing"),
    ("ActionMatches{a}", 15, "a text in single quotes is missing"),
    ("ActionMatches{'a' 'b'}", 19, "a `,` or `}` is missing"),
    ("ActionMatches{'a}", 15, "never ends"),
    ("Matches{'a'}", 1, "neither a function nor a value"),
    ("@Resource[x] StringContains 'a'", 14, "no operator"),
    ("@Resource[x] ForSomeOfAnyValues:StringEquals {'a'}", 14, "no operator"),
    ("@Resource[x] ForAnyOfAnyValues:Equals {'a'}", 14, "no operator"),
    ("@Resource[x]", 13, "an operator is missing"),
    ("@Resource[x] StringEquals", 26, "a value is missing"),
    ("@Resource[x] StringEquals )", 27, "a value is missing"),
    ("@Resource[x] StringEquals a", 27, "stand in single quotes"),
    ("@Resource[x] StringEquals \"a\"", 27, "no meaning"),
    ("@Resource[x] NumericEquals 5.5", 28, "no integer"),
    ("@Resource[x] NumericEquals 99999999999999999999", 28, "no integer"),
    ("@Resource[x] StringEquals {'a',}", 32, "a value is missing"),
    ("@Resource[x StringEquals 'a'", 1, "bracket"),
    ("@Resource x", 1, "`@Source[name]`"),
    ("@Resource[] StringEquals 'a'", 1, "no name"),
    ("@Subject[x] StringEquals 'a'", 1, "no source"),
    ("Exists 'a'", 8, "asks for an attribute"),
    ("ActionMatches{'a'} & ActionMatches{'b'}", 20, "no meaning"),
    ("'é' StringEquals 'è' ; 'x'", 22, "no meaning"),
    ("{'a', 'b' ForAnyOfAnyValues:StringEquals {'a'}", 11, "a `,` or `}` is missing"),
];

const RIGHT: &[&str] = &[
    "ActionMatches{'a'}",
    "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'} AND NOT SubOperationMatches{'Blob.List'})",
    "@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:versionId] DateTimeEquals '2022-06-01T00:00:00.0Z' OR NOT Exists @Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:versionId]",
    "@Resource[Microsoft.Storage/storageAccounts:isHnsEnabled] BoolEquals true",
    "@Environment[Microsoft.Network/privateEndpoints] StringEqualsIgnoreCase '/subscriptions/s'",
    "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project] StringEquals @Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags:Project<$key_case_sensitive$>]",
    "{10, 20} ForAllOfAllValues:NumericLessThan {25, 30}",
    "true BoolEquals true",
    "{} ForAllOfAllValues:StringEquals {}",
    "@Resource[HasObotoken] boolequals true && (@Request[x] ForAnyOfAnyValues:GuidEquals {de754d53-652d-4c75-a67f-1e48d8b49c97,acdd72a7338548efbd42f606fba81ae7})",
    "\u{a0}NOT\t!\r\n(ActionMatches{'a'})",
];

#[test]
fn errors_say_where() {
    for (text, position, message) in WRONG {
        match check_condition(text) {
            Ok(_) => panic!("`{text}` parses"),
            Err(error) => {
                assert_eq!(error.position, *position, "`{text}`: {error}");
                assert!(error.message.contains(message), "`{text}`: {error}");
                assert!(!error.message.ends_with('.') && !error.message.starts_with(char::is_uppercase), "{error}");
            }
        }
    }
}

#[test]
fn documented_forms_parse() {
    for text in RIGHT {
        check_condition(text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
    }
}

#[test]
fn mixed_and_or_is_told() {
    let mixed = |text: &str| check_condition(text).expect("a condition").mixed_and_or;
    let (a, b, c) = ("ActionMatches{'a'}", "ActionMatches{'b'}", "ActionMatches{'c'}");
    assert!(mixed(&format!("{a} AND {b} OR {c}")));
    assert!(mixed(&format!("{a} || {b} && {c}")));
    assert!(mixed(&format!("({a} || {b} && {c}) AND {a}")));
    assert!(!mixed(&format!("({a} AND {b}) OR {c}")));
    assert!(!mixed(&format!("{a} AND ({b} OR {c})")));
    assert!(!mixed(&format!("{a} AND {b} AND {c}")));
}

/// Every condition of a built-in role, ours and (where it is there) the published list in `../shared/data`.
#[test]
fn conditions_of_built_in_roles_parse() {
    let mut seen = 0;
    let mut parse = |role: &Value, permissions: &Value| {
        for element in permissions.as_array().into_iter().flatten() {
            if let Some(text) = element["condition"].as_str() {
                check_condition(text).unwrap_or_else(|error| panic!("{role}: {error}"));
                seen += 1;
            }
        }
    };
    for role in facts::azure_roles() {
        parse(&role["name"], &role["properties"]["permissions"]);
    }
    let published = support::root().join("../shared/data/azure-builtin-roles.json");
    if published.exists() {
        for role in support::json(&published).as_array().into_iter().flatten() {
            parse(&role["roleName"], &role["permissions"]);
        }
    }
    assert!(seen == 31 || seen == 62, "{seen}");
}
