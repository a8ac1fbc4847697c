//! What an attacker may hold or lack: the words of `incident.json`'s `attacker`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Word {
    Password,
    SecondFactor,
    SessionCookie,
    MfaClaim,
    RefreshToken,
    DeviceCode,
    VictimCooperation,
    ManagedDevice,
    DeviceKey,
    CodeExecutionOnCompliantDevice,
    AllowedEgressAddress,
    Fido2,
    TicketSystem,
    PrivilegedRoleAdministrator,
    ClientSecret,
    ManagedIdentityToken,
    StorageAccountKey,
    Sas,
    Approver,
}

impl Word {
    pub const ALL: &'static [Word] = &[
        Word::Password,
        Word::SecondFactor,
        Word::SessionCookie,
        Word::MfaClaim,
        Word::RefreshToken,
        Word::DeviceCode,
        Word::VictimCooperation,
        Word::ManagedDevice,
        Word::DeviceKey,
        Word::CodeExecutionOnCompliantDevice,
        Word::AllowedEgressAddress,
        Word::Fido2,
        Word::TicketSystem,
        Word::PrivilegedRoleAdministrator,
        Word::ClientSecret,
        Word::ManagedIdentityToken,
        Word::StorageAccountKey,
        Word::Sas,
        Word::Approver,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Word::Password => "password",
            Word::SecondFactor => "secondFactor",
            Word::SessionCookie => "sessionCookie",
            Word::MfaClaim => "mfaClaim",
            Word::RefreshToken => "refreshToken",
            Word::DeviceCode => "deviceCode",
            Word::VictimCooperation => "victimCooperation",
            Word::ManagedDevice => "managedDevice",
            Word::DeviceKey => "deviceKey",
            Word::CodeExecutionOnCompliantDevice => "codeExecutionOnCompliantDevice",
            Word::AllowedEgressAddress => "allowedEgressAddress",
            Word::Fido2 => "fido2",
            Word::TicketSystem => "ticketSystem",
            Word::PrivilegedRoleAdministrator => "privilegedRoleAdministrator",
            Word::ClientSecret => "clientSecret",
            Word::ManagedIdentityToken => "managedIdentityToken",
            Word::StorageAccountKey => "storageAccountKey",
            Word::Sas => "sas",
            Word::Approver => "approver",
        }
    }

    pub fn parse(text: &str) -> Option<Word> {
        Word::ALL.iter().copied().find(|word| word.as_str() == text)
    }

    /// A word that answers a challenge is open when unlisted; every other word is a possession and counts only if held.
    pub fn answers_a_challenge(self) -> bool {
        match self {
            Word::SecondFactor
            | Word::Fido2
            | Word::ManagedDevice
            | Word::DeviceKey
            | Word::AllowedEgressAddress
            | Word::Approver
            | Word::TicketSystem
            | Word::VictimCooperation => true,
            Word::Password
            | Word::SessionCookie
            | Word::MfaClaim
            | Word::RefreshToken
            | Word::DeviceCode
            | Word::CodeExecutionOnCompliantDevice
            | Word::PrivilegedRoleAdministrator
            | Word::ClientSecret
            | Word::ManagedIdentityToken
            | Word::StorageAccountKey
            | Word::Sas => false,
        }
    }
}

/// What the attacker is known to hold and to lack, as a decider is told it (for one principal).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attacker {
    pub holds: BTreeSet<Word>,
    pub lacks: BTreeSet<Word>,
}
