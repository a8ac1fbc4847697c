//! Whom an access token is for, by application id of the resource.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Audience {
    /// Azure Resource Manager (the portal's and the command line's).
    ResourceManager,
    Storage,
    KeyVault,
    /// Microsoft Graph and the directory.
    Graph,
    Other(String),
}

/// Application ids, as *Verify first-party Microsoft applications in sign-in reports* lists them.
const KNOWN: &[(&str, Audience)] = &[
    ("797f4846-ba00-4fd7-ba43-dac1f8f63013", Audience::ResourceManager),
    ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", Audience::ResourceManager),
    ("e406a681-f3d4-42a8-90b6-c2b029497af1", Audience::Storage),
    ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", Audience::KeyVault),
    ("00000003-0000-0000-c000-000000000000", Audience::Graph),
    ("00000002-0000-0000-c000-000000000000", Audience::Graph),
];

impl Audience {
    pub fn of_application(app_id: &str) -> Audience {
        let app_id = app_id.trim().to_ascii_lowercase();
        KNOWN
            .iter()
            .find(|(id, _)| *id == app_id)
            .map_or_else(|| Audience::Other(app_id.clone()), |(_, audience)| audience.clone())
    }

    /// The application id that a token request for it names.
    pub fn application_id(&self) -> &str {
        match self {
            Audience::Other(id) => id,
            known => KNOWN.iter().find(|(_, a)| a == known).map_or("", |(id, _)| id),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Audience::ResourceManager => "Azure Resource Manager",
            Audience::Storage => "Azure Storage",
            Audience::KeyVault => "Azure Key Vault",
            Audience::Graph => "Microsoft Graph",
            Audience::Other(id) => id,
        }
    }
}
