//! Which Entra roles allow a directory operation (audit log name).
//!
//! Source: *Microsoft Entra built-in roles* (permissions of each role) and the role matrices that public graph
//! collectors read off the service; an operation that is not here is unknown, never refused.

const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
const PRIVILEGED_ROLE: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
const PRIVILEGED_AUTHENTICATION: &str = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13";
const APPLICATION: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
const CLOUD_APPLICATION: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
const HYBRID: &str = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2";
const USER: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
const AUTHENTICATION: &str = "c4e39bd9-1100-46d3-8c65-fb160da0071f";
const AUTHENTICATION_POLICY: &str = "0526716b-113d-4c15-b2c8-68e3c22b9f80";
const PASSWORD: &str = "966707d0-3269-4727-9be2-8c3a10f19b9d";
const GROUPS: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
const DIRECTORY_WRITERS: &str = "9360feb5-f418-4baa-8175-e2a00bac4301";
const CONDITIONAL_ACCESS: &str = "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9";
const SECURITY: &str = "194ae4cb-b126-40b2-bd5b-6091b380977d";
const DOMAIN_NAME: &str = "8329153b-31d0-4727-b945-745eb3bc5f31";
const INTUNE: &str = "3a2c62db-5318-420d-8d74-23affee5d9d5";
const GOVERNANCE: &str = "45d8d3c5-c802-45c6-b32a-1d70b5e1e86e";
const GUEST_INVITER: &str = "95e79109-95c0-4d8e-aee3-d01accf2d47b";

const APP_ADMINS: &[&str] = &[GLOBAL, APPLICATION, CLOUD_APPLICATION, HYBRID];
const CA_ADMINS: &[&str] = &[GLOBAL, CONDITIONAL_ACCESS, SECURITY];
const ROLE_ADMINS: &[&str] = &[GLOBAL, PRIVILEGED_ROLE];

const ROWS: &[(&str, &[&str])] = &[
    ("Add service principal credentials", APP_ADMINS),
    ("Update application – Certificates and secrets management", APP_ADMINS),
    ("Add federated identity credential", APP_ADMINS),
    ("Add owner to application", APP_ADMINS),
    ("Add owner to service principal", APP_ADMINS),
    ("Add app role assignment to service principal", ROLE_ADMINS),
    ("Consent to application", APP_ADMINS),
    ("Add delegated permission grant", APP_ADMINS),
    ("Add application", APP_ADMINS),
    ("Add service principal", APP_ADMINS),
    ("Add member to role", ROLE_ADMINS),
    ("Add eligible member to role", ROLE_ADMINS),
    ("Update role setting in PIM", ROLE_ADMINS),
    ("Reset user password", &[GLOBAL, PRIVILEGED_AUTHENTICATION, USER, HELPDESK, AUTHENTICATION, PASSWORD]),
    ("Reset password (by admin)", &[GLOBAL, PRIVILEGED_AUTHENTICATION, USER, HELPDESK, AUTHENTICATION, PASSWORD]),
    ("Admin registered security info", &[GLOBAL, PRIVILEGED_AUTHENTICATION, AUTHENTICATION]),
    ("Admin registered temporary access pass method for user", &[GLOBAL, PRIVILEGED_AUTHENTICATION, AUTHENTICATION]),
    ("Add owner to group", &[GLOBAL, GROUPS, USER, DIRECTORY_WRITERS, INTUNE]),
    ("Add member to group", &[GLOBAL, PRIVILEGED_ROLE, GROUPS, USER, DIRECTORY_WRITERS, INTUNE, GOVERNANCE]),
    ("Add conditional access policy", CA_ADMINS),
    ("Update conditional access policy", CA_ADMINS),
    ("Delete conditional access policy", CA_ADMINS),
    ("Add named location", CA_ADMINS),
    ("Update named location", CA_ADMINS),
    ("Set domain authentication", &[GLOBAL, DOMAIN_NAME, HYBRID]),
    ("Set federation settings on domain", &[GLOBAL, DOMAIN_NAME, HYBRID]),
    ("Add unverified domain", &[GLOBAL, DOMAIN_NAME]),
    ("Add user", &[GLOBAL, USER, DIRECTORY_WRITERS]),
    ("Invite external user", &[GLOBAL, USER, GUEST_INVITER, DIRECTORY_WRITERS]),
    ("Update authentication methods policy", &[GLOBAL, AUTHENTICATION_POLICY]),
    ("Disable Strong Authentication", &[GLOBAL, PRIVILEGED_AUTHENTICATION, AUTHENTICATION]),
    ("Elevate access", &[GLOBAL]),
];

/// Template ids of the roles any of which allows the operation; none where the table does not know it.
pub fn directory_roles_for(operation: &str) -> Option<&'static [&'static str]> {
    let operation = operation.trim();
    ROWS.iter().find(|(name, _)| name.eq_ignore_ascii_case(operation)).map(|(_, roles)| *roles)
}

/// What an owner of an application, service principal or group may do to it without any role.
/// Source: *Overview of enterprise application ownership*, *Microsoft Entra built-in roles* (default user permissions:
/// *Owned application registrations*, *Owned groups*).
const OWNERS: &[&str] = &[
    "Add service principal credentials",
    "Remove service principal credentials",
    "Update application \u{2013} Certificates and secrets management",
    "Add federated identity credential",
    "Update application",
    "Update service principal",
    "Delete application",
    "Add owner to application",
    "Remove owner from application",
    "Add owner to service principal",
    "Remove owner from service principal",
    "Add owner to group",
    "Remove owner from group",
    "Add member to group",
    "Remove member from group",
    "Update group",
    "Delete group",
];

/// Whether owning the object is enough for the operation (audit log name).
pub fn owners_may(operation: &str) -> bool {
    let operation = operation.trim();
    OWNERS.iter().any(|known| known.eq_ignore_ascii_case(operation))
}

/// Application permissions of Microsoft Graph, and the directory operations each allows.
/// Source: *Microsoft Graph permissions reference*.
const PERMISSIONS: &[(&str, &[&str])] = &[
    // RoleManagement.ReadWrite.Directory.
    (
        "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
        &["Add member to role", "Add eligible member to role", "Update role setting in PIM"],
    ),
    // RoleAssignmentSchedule.ReadWrite.Directory.
    ("dd199f4a-f148-40a4-a2ec-f0069cc799ec", &["Add member to role"]),
    // AppRoleAssignment.ReadWrite.All.
    ("06b708a9-e830-4db3-a914-8e69da51d44f", &["Add app role assignment to service principal"]),
    // Application.ReadWrite.All.
    (
        "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
        &[
            "Add service principal credentials",
            "Update application \u{2013} Certificates and secrets management",
            "Add federated identity credential",
            "Add owner to application",
            "Add owner to service principal",
            "Add application",
            "Add service principal",
        ],
    ),
    // ServicePrincipalEndpoint.ReadWrite.All.
    ("89c8469c-83ad-45f7-8ff2-6e3d4285709e", &["Add owner to service principal"]),
    // DelegatedPermissionGrant.ReadWrite.All.
    ("8e8e4742-1d95-4f68-9d56-6ee75648c72a", &["Add delegated permission grant"]),
    // User-PasswordProfile.ReadWrite.All: users without an administrator's role, save where the application holds one.
    ("cc117bb9-00cf-4eb8-b580-ea2a878fe8f7", &["Reset user password", "Reset password (by admin)"]),
    // UserAuthenticationMethod.ReadWrite.All.
    (
        "50483e42-d915-4231-9639-7fdb7fd190e5",
        &["Admin registered security info", "Admin registered temporary access pass method for user"],
    ),
    // Directory.ReadWrite.All, Group.ReadWrite.All, GroupMember.ReadWrite.All: groups that cannot hold roles.
    ("19dbc75e-c2e2-444c-a770-ec69d8559fc7", &["Add member to group", "Add owner to group"]),
    ("62a82d76-70ea-41e2-9197-370581804d09", &["Add member to group", "Add owner to group"]),
    ("dbaae8cf-10b5-4b86-a4a1-f871c94c6695", &["Add member to group"]),
    // Policy.ReadWrite.ConditionalAccess.
    (
        "01c0a623-fc9b-48e9-b794-0756f8e8f067",
        &["Add conditional access policy", "Update conditional access policy", "Delete conditional access policy"],
    ),
];

/// Whether an application permission of Microsoft Graph (by the id of its app role) allows the operation.
pub fn permission_allows(app_role: &str, operation: &str) -> bool {
    let operation = operation.trim();
    let row = PERMISSIONS.iter().find(|(id, _)| id.eq_ignore_ascii_case(app_role));
    row.is_some_and(|(_, operations)| operations.iter().any(|known| known.eq_ignore_ascii_case(operation)))
}
