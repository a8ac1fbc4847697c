//! `incident.json`: what no export can say.

use super::{Fact, InputError, Timestamp, Word};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    #[schemars(with = "String")]
    pub from: Timestamp,
    #[schemars(with = "String")]
    pub to: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Indicators {
    /// UPN, object id or app id.
    pub principals: Vec<String>,
    /// Address or CIDR.
    pub ip_addresses: Vec<String>,
    pub sessions: Vec<String>,
    pub correlation_ids: Vec<String>,
}

impl Indicators {
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty()
            && self.ip_addresses.is_empty()
            && self.sessions.is_empty()
            && self.correlation_ids.is_empty()
    }
}

/// Which figure of `3/4/2026` is the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DateOrder {
    MonthFirst,
    DayFirst,
}

/// `{ "record": "<file>#<n>", "why" }`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    pub record: String,
    #[serde(default)]
    pub why: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attack {
    pub include: Vec<Correction>,
    pub exclude: Vec<Correction>,
}

/// A word, of whom (default: the first entry), from when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldWord {
    pub what: Word,
    pub of: Option<String>,
    pub from: Option<Timestamp>,
}

/// As it is written: a word, or a word with whose it is and since when.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum Form {
    Short(Word),
    Long(Long),
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    what: Word,
    #[serde(default)]
    of: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    from: Option<Timestamp>,
}

impl<'de> Deserialize<'de> for HeldWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let shown = value.to_string();
        match serde_json::from_value::<Form>(value) {
            Ok(Form::Short(what)) => Ok(HeldWord { what, of: None, from: None }),
            Ok(Form::Long(Long { what, of, from })) => Ok(HeldWord { what, of, from }),
            Err(_) => {
                let words: Vec<&str> = Word::ALL.iter().map(|w| w.as_str()).collect();
                Err(serde::de::Error::custom(format!(
                    "`{shown}` is no word of the attacker's; the words are {}",
                    words.join(", ")
                )))
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttackerWords {
    #[schemars(with = "Vec<Form>")]
    pub holds: Vec<HeldWord>,
    #[schemars(with = "Vec<Form>")]
    pub lacks: Vec<HeldWord>,
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MandatoryMfa {
    pub portals: bool,
    #[serde(default)]
    pub why: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TenantFacts {
    pub mfa_trusted_ips: Fact<Vec<String>>,
    pub security_defaults: Fact<bool>,
    pub mandatory_mfa: Fact<MandatoryMfa>,
    pub baseline_scopes: Fact<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Jewel {
    pub id: String,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub personal_data: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Incident {
    pub schema: String,
    pub id: String,
    #[serde(default)]
    pub title: Option<String>,
    pub window: Window,
    pub indicators: Indicators,
    #[serde(default)]
    pub entries: Option<Vec<String>>,
    #[serde(default)]
    pub attack: Attack,
    #[serde(default)]
    pub attacker: AttackerWords,
    #[serde(default)]
    pub tenant: TenantFacts,
    #[serde(default)]
    pub crown_jewels: Option<Vec<Jewel>>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub snapshot_taken_at: Option<Timestamp>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub discovered_at: Option<Timestamp>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub aware_at: Option<Timestamp>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub contained_at: Option<Timestamp>,
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    #[serde(default)]
    pub collected: Vec<String>,
    /// Of logs whose dates can be read either way and do not tell by themselves.
    #[serde(default)]
    pub date_order: Option<DateOrder>,
    #[serde(default)]
    pub regime: Option<String>,
    #[serde(default)]
    pub marking: Option<String>,
}

impl Incident {
    pub const SCHEMA: &'static str = "cutset/incident/1";

    /// Reads the file's text; unknown keys are an error that names the key and the nearest known one.
    pub fn parse(file: &str, text: &str) -> Result<Incident, InputError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let incident: Incident = super::input_error::from_json(file, text)?;
        incident.validate(file)?;
        Ok(incident)
    }

    fn validate(&self, file: &str) -> Result<(), InputError> {
        if self.schema != Incident::SCHEMA {
            return Err(InputError::new(
                file,
                format!("`schema` is `{}`", self.schema),
                format!("write \"schema\": \"{}\"", Incident::SCHEMA),
            ));
        }
        if self.window.from > self.window.to {
            return Err(InputError::new(file, "`window.from` is later than `window.to`", "swap the two"));
        }
        if self.indicators.is_empty() {
            return Err(InputError::new(
                file,
                "`indicators` holds nothing",
                "name at least one principal, address, session or correlation id of the attack",
            ));
        }
        for word in &self.attacker.holds {
            if self.attacker.lacks.iter().any(|l| l.what == word.what && l.of == word.of) {
                return Err(InputError::new(
                    file,
                    format!("`attacker` both holds and lacks `{}`", word.what.as_str()),
                    "keep the one that the evidence supports",
                ));
            }
        }
        Ok(())
    }
}
