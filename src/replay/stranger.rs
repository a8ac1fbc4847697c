//! A sign-in by somebody of whom no sign-in is on record: what the architect's view asks, where no attack has happened.
//!
//! The stranger knows the password and no more: a device nobody registered, an address that stands in no named location
//! ([`Engine::addresses`] holds it), client and platform as they like. Country and risk are facts of nature, unknown.

use super::engine::Engine;
use crate::causal::World;
use crate::effect::{Audience, sign_in_request};
use crate::model::request::Claims;
use crate::model::{
    Actor, ActorKind, Answer, Detail, Event, Evidence, Fact, ObjectId, Outcome, SignInCategory, SignInDetail, Timestamp,
};

/// How far such a sign-in gets.
pub fn unrecorded_sign_in(
    engine: &Engine<'_>,
    world: &World,
    principal: &ObjectId,
    audience: &Audience,
    at: Timestamp,
) -> Answer {
    let event = stranger(engine, principal, audience, at);
    let Some(template) = sign_in_request(&world.env, &event) else { return Answer::refused("no sign-in") };
    let claims = Claims {
        mfa: Fact::Known(false),
        methods: Fact::Known(vec!["password".to_owned()]),
        last_authentication_age_minutes: Fact::Known(0.0),
        ..Claims::default()
    };
    let words = engine.case.words.for_principal(principal, at);
    engine.token_answers.of(world, &template, audience, claims, &words)
}

fn stranger(engine: &Engine<'_>, principal: &ObjectId, audience: &Audience, at: Timestamp) -> Event {
    let application = audience.application_id();
    let detail = SignInDetail {
        category: SignInCategory::Interactive,
        app_id: Fact::Unknown,
        app_name: Fact::Unknown,
        resource_id: Fact::Known(application.into()),
        resource_name: Fact::Unknown,
        audiences: Fact::Known(vec![application.into()]),
        scopes: Fact::Unknown,
        client_app_type: Fact::Known("browser".into()),
        platform: Fact::Known("windows".into()),
        device: Fact::Absent,
        sign_in_risk: Fact::Unknown,
        user_risk: Fact::Unknown,
        requirement: Fact::Unknown,
        mfa: Fact::Known(false),
        methods: Fact::Known(vec!["password".into()]),
        previously_satisfied: Fact::Known(false),
        incoming_token: Fact::Known("none".into()),
        transfer_method: Fact::Known("none".into()),
        original_transfer_method: Fact::Known("none".into()),
        authentication_contexts: Fact::Known(Vec::new()),
        user_type: Fact::Unknown,
        home_tenant: Fact::Unknown,
        resource_tenant: Fact::Unknown,
        applied_policies: Fact::Unknown,
        conditional_access_status: Fact::Unknown,
        error_code: Fact::Unknown,
        credential_key_id: Fact::Unknown,
        federated_credential_id: Fact::Unknown,
    };
    let address = engine.addresses.iter().find_map(|address| address.parse().ok());
    Event {
        time: at,
        end: None,
        action: "SignIn".into(),
        actor: Actor {
            kind: ActorKind::User,
            id: Some(principal.clone()),
            upn: None,
            app_id: None,
            name: principal.as_str().into(),
        },
        source_ip: Fact::from(address),
        country: Fact::Unknown,
        user_agent: Fact::Unknown,
        target: audience.name().into(),
        target_id: Some(application.into()),
        outcome: Outcome::Success,
        count: 1,
        bytes: 0,
        session_id: None,
        correlation_id: None,
        token_id: None,
        record_id: None,
        log: "SigninLogs",
        detail: Detail::SignIn(Box::new(detail)),
        evidence: Evidence::new("hypothetical", 1, ""),
    }
}
