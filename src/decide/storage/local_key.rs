//! Services with a switch for keys of their own: which property, which value refuses, what its absence means.
//!
//! Source: the service's *ARM template reference*, property as named.

use super::neighbour::{Circumstances, Condition, endpoint};
use super::network::in_range;
use super::resource::Resource;
use crate::model::{Fact, ResourceId, Truth, json};

/// One service's switch.
struct Switch {
    /// Resource type, lower case.
    kind: &'static str,
    property: &'static str,
    /// The value that makes keys useless.
    refuses: bool,
    /// Documented meaning of its absence; none: undocumented, unknown.
    absent_refuses: Option<bool>,
}

const fn off_switch(kind: &'static str) -> Switch {
    Switch { kind, property: "properties.disableLocalAuth", refuses: true, absent_refuses: Some(false) }
}

const SWITCHES: &[Switch] = &[
    Switch {
        kind: "microsoft.storage/storageaccounts",
        property: "properties.allowSharedKeyAccess",
        refuses: false,
        absent_refuses: Some(false),
    },
    off_switch("microsoft.documentdb/databaseaccounts"),
    off_switch("microsoft.servicebus/namespaces"),
    off_switch("microsoft.eventhub/namespaces"),
    off_switch("microsoft.relay/namespaces"),
    off_switch("microsoft.eventgrid/topics"),
    off_switch("microsoft.eventgrid/domains"),
    off_switch("microsoft.cognitiveservices/accounts"),
    off_switch("microsoft.search/searchservices"),
    off_switch("microsoft.appconfiguration/configurationstores"),
    off_switch("microsoft.signalrservice/signalr"),
    off_switch("microsoft.signalrservice/webpubsub"),
    off_switch("microsoft.devices/iothubs"),
    off_switch("microsoft.automation/automationaccounts"),
    off_switch("microsoft.maps/accounts"),
    Switch { property: "properties.DisableLocalAuth", ..off_switch("microsoft.insights/components") },
    Switch {
        property: "properties.features.disableLocalAuth",
        ..off_switch("microsoft.operationalinsights/workspaces")
    },
    Switch { property: "properties.disableAccessKeyAuthentication", ..off_switch("microsoft.cache/redis") },
    // The admin user is off unless somebody turned it on.
    Switch {
        kind: "microsoft.containerregistry/registries",
        property: "properties.adminUserEnabled",
        refuses: false,
        absent_refuses: Some(true),
    },
];

pub(super) fn conditions(resource: &Resource, circumstances: &Circumstances) -> Vec<Condition> {
    let id = ResourceId::new(resource.id());
    let kind = id.resource_type().or_else(|| json::text(resource.body, "type").map(str::to_owned)).unwrap_or_default();
    let known = SWITCHES.iter().find(|switch| kind.eq_ignore_ascii_case(switch.kind));
    let source = format!("{kind} (ARM template reference)");
    let mut conditions = match known {
        Some(switch) => {
            let absent = match switch.absent_refuses {
                Some(refuses) => Truth::from(!refuses),
                None => Truth::missing(switch.property),
            };
            let truth = resource.unless(switch.property, switch.refuses, absent);
            let says = format!("`{}` makes the service's own keys useless; they can still be listed", switch.refuses);
            let clause = resource.clause(switch.property, says, &source);
            vec![Condition { reason: "localAuthDisabled", truth, clause }]
        }
        None => {
            let clause = resource.clause("", "this table does not know how the service turns its keys off", &source);
            let truth = Truth::missing(format!("semantics:localAuth:{}", kind.to_lowercase()));
            vec![Condition { reason: "localAuthDisabled", truth, clause }]
        }
    };
    match kind.eq_ignore_ascii_case("microsoft.documentdb/databaseaccounts") {
        true => conditions.extend(cosmos(resource, circumstances)),
        false => conditions.extend(endpoint(resource, circumstances)),
    }
    conditions
}

/// Without address rules and without the filter on networks every address passes. Source: *Configure IP firewall in
/// Azure Cosmos DB*, *Configure access to Azure Cosmos DB from virtual networks (VNet)*.
fn cosmos(account: &Resource, circumstances: &Circumstances) -> Option<Condition> {
    const RULES: &str = "properties.ipRules";
    const FILTER: &str = "properties.isVirtualNetworkFilterEnabled";
    const ACCESS: &str = "properties.publicNetworkAccess";
    let caller = circumstances.caller?;
    let private = caller.via_private_endpoint.map_or_else(|| Truth::missing("request.viaPrivateEndpoint"), Truth::from);
    let public = match account.word(ACCESS) {
        Fact::Known(word) if word == "disabled" => Truth::False,
        Fact::Known(word) if word == "enabled" => Truth::True,
        Fact::Absent => Truth::True,
        Fact::Known(_) | Fact::Unknown => Truth::missing(ACCESS),
    };
    let filtered = account.unless(FILTER, false, Truth::False);
    let subnet = match &caller.subnet {
        Some(subnet) => account.list("properties.virtualNetworkRules").known().map(|rules| {
            rules.iter().any(|rule| json::text(rule, "id").is_some_and(|id| id.eq_ignore_ascii_case(subnet)))
        }),
        None => Some(false),
    };
    let subnet = subnet.map_or_else(|| Truth::missing("properties.virtualNetworkRules"), Truth::from);
    let admitted = match account.list(RULES) {
        Fact::Known([]) => filtered.not().or(subnet),
        Fact::Known(rules) => {
            let ranges = rules.iter().filter_map(|rule| json::text(rule, "ipAddressOrRange").or(rule.as_str()));
            let by_address = ranges.fold(Truth::False, |truth, range| {
                truth.or(match (range, caller.ip) {
                    // Whoever calls from inside an Azure data centre.
                    ("0.0.0.0", _) => Truth::missing("request.callerInAzure"),
                    (range, Some(ip)) => in_range(ip, range).map_or_else(|| Truth::missing(RULES), Truth::from),
                    (_, None) => Truth::missing("request.callerIp"),
                })
            });
            by_address.or(subnet)
        }
        Fact::Absent | Fact::Unknown => Truth::missing(RULES),
    };
    let clause = account.clause(RULES, "who reaches the account", "Configure IP firewall in Azure Cosmos DB");
    Some(Condition { reason: "network", truth: private.or(public.and(admitted)), clause })
}
