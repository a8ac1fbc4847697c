//! Tables of operations, resources, exposure, lateral movement and cost.

use super::{Table, list, read_at, time, yes};
use crate::analysis::Analysis;

pub(super) fn facts(view: &str, analysis: &Analysis) -> Table {
    match view {
        "operations" => (
            vec!["time", "caller", "source ip", "operation", "target", "outcome", "step", "correlation id", "evidence"],
            analysis
                .operations
                .iter()
                .map(|o| {
                    vec![
                        time(o.time),
                        o.caller.clone(),
                        o.source_ip.clone().unwrap_or_default(),
                        o.operation.clone(),
                        o.target.clone(),
                        o.outcome.clone(),
                        o.step.clone().unwrap_or_default(),
                        o.correlation_id.clone().unwrap_or_default(),
                        read_at(&o.evidence),
                    ]
                })
                .collect(),
        ),
        "inventory" => (
            vec!["id", "name", "type", "location", "part", "steps", "jewel", "in snapshot", "evidence"],
            analysis
                .inventory
                .iter()
                .map(|i| {
                    vec![
                        i.id.clone(),
                        i.name.clone(),
                        i.resource_type.clone(),
                        i.location.clone().unwrap_or_default(),
                        list(&i.part),
                        list(&i.steps),
                        yes(i.jewel),
                        yes(i.in_snapshot),
                        read_at(&i.evidence),
                    ]
                })
                .collect(),
        ),
        "exposure" => (
            vec!["id", "name", "objects", "bytes", "from", "to", "personal data", "steps", "evidence"],
            analysis
                .exposure
                .stores
                .iter()
                .map(|s| {
                    vec![
                        s.id.clone(),
                        s.name.clone(),
                        s.objects.to_string(),
                        s.bytes.to_string(),
                        time(s.from),
                        time(s.to),
                        s.personal_data.map(yes).unwrap_or_default(),
                        list(&s.steps),
                        read_at(&s.evidence),
                    ]
                })
                .collect(),
        ),
        "lateral" => (
            vec!["caller", "source ips", "resource types", "count", "from", "to", "seconds", "steps", "evidence"],
            analysis
                .lateral
                .iter()
                .map(|l| {
                    vec![
                        l.caller.clone(),
                        list(&l.source_ips),
                        list(&l.resource_types),
                        l.count.to_string(),
                        time(l.from),
                        time(l.to),
                        l.seconds.to_string(),
                        list(&l.steps),
                        read_at(&l.evidence),
                    ]
                })
                .collect(),
        ),
        _ => (
            vec![
                "resource",
                "meter",
                "unit price",
                "unit",
                "quantity",
                "amount",
                "currency",
                "from",
                "to",
                "steps",
                "evidence",
            ],
            analysis
                .cost
                .items
                .iter()
                .map(|i| {
                    vec![
                        i.resource.clone(),
                        i.meter.clone(),
                        i.unit_price.clone(),
                        i.unit.clone(),
                        i.quantity.clone(),
                        i.amount.clone(),
                        analysis.cost.currency.clone().unwrap_or_default(),
                        time(i.from),
                        time(i.to),
                        list(&i.steps),
                        read_at(&i.evidence),
                    ]
                })
                .collect(),
        ),
    }
}
