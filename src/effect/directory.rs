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
