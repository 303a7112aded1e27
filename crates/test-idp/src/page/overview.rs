//! The first page.

use maud::{Markup, html};

use crate::visible::visible;

use super::layout::{badge, kid, page};
use super::moment::{clock, from_now};
use super::view::{Device, Login, Overview, User};
use super::{advice, login};

/// Which logins are listed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub(super) struct Choice {
    /// `accepted` or `refused`; anything else is all.
    pub(super) outcome: Option<String>,
    /// Of this user only.
    pub(super) user: Option<String>,
}

impl Choice {
    fn takes(&self, login: &Login) -> bool {
        let outcome = match self.outcome.as_deref() {
            Some("accepted") => login.refusal.is_none(),
            Some("refused") => login.refusal.is_some(),
            _ => true,
        };
        // The log has names as they are seen.
        outcome && self.user.as_ref().is_none_or(|user| login.user.as_deref() == Some(&*visible(user)))
    }

    /// The address of the page with another outcome, and the same user.
    fn link(&self, outcome: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(outcome.map(|outcome| ("outcome", outcome)));
        query.extend_pairs(self.user.as_deref().map(|user| ("user", user)));
        format!("/?{}", query.finish())
    }
}

/// Renders it; `now` is in seconds since 1970.
pub(super) fn render(overview: &Overview, choice: &Choice, now: i64) -> Markup {
    let logins: Vec<_> = overview.logins.iter().filter(|login| choice.takes(login)).collect();
    let body = html! {
        @if !overview.faults.is_empty() {
            p.warning { "Every good login is answered wrongly: " strong { (overview.faults.join(", ")) } " is on." }
        }
        (latest(overview.logins.first(), now))
        section {
            div.heading {
                h2 { "Logins" }
                nav aria-label="Which logins" {
                    @for (name, outcome) in [("all", None), ("refused", Some("refused")), ("accepted", Some("accepted"))] {
                        a href=(choice.link(outcome)) aria-current=[(choice.outcome.as_deref() == outcome).then_some("page")] { (name) }
                    }
                }
            }
            @if let Some(user) = &choice.user {
                p.aside { "Of " strong { (user) } " only. " a href="/" { "Of everybody" } }
            }
            (table(&logins, now))
        }
        div.columns {
            section { h2 { "Users" } (users(&overview.users)) }
            section { h2 { "Devices" } (devices(&overview.devices, overview.more_devices, now)) }
        }
    };
    page("Logins", &overview.issuer, &body)
}

/// The newest login: what somebody who debugs one has come for.
fn latest(newest: Option<&Login>, now: i64) -> Markup {
    html! {
        @match newest {
            None => section.latest {
                h1 { "Nobody has been here yet" }
                p { "A client needs a configuration, a registered device, and a card:" }
                pre { "curl -o psso.toml " span.aside { "(this address)" } "/psso.toml\n"
                    "pivkit psso register --config psso.toml --state device --user NAME\n"
                    "pivkit psso login --config psso.toml --state device --user NAME" }
            },
            Some(newest) => section.latest.bad[newest.refusal.is_some()].good[newest.refusal.is_none()] {
                p.aside { "Newest, " (from_now(newest.time, now)) }
                h1 {
                    (login::title(newest)) " "
                    @match &newest.refusal { Some(refusal) => { "was refused at " code { (refusal.check) } }, None => "was accepted" }
                }
                @if let Some(refusal) = &newest.refusal {
                    p.reason { (login::sentence(&refusal.reason)) }
                    p { strong { "Look at: " } (advice::for_check(&refusal.check)) }
                }
                p { a.button href=(format!("/logins/{}", newest.id)) { "All of it" } }
            },
        }
    }
}

fn table(logins: &[&Login], now: i64) -> Markup {
    html! {
        @if logins.is_empty() {
            p.empty { "None." }
        } @else {
            table.list {
                thead { tr { th { "when" } th { "what" } th { "user" } th { "device" } th { "outcome" } th { "why" } } }
                tbody {
                    @for login in logins {
                        tr {
                            td data-label="when" { a href=(format!("/logins/{}", login.id)) title=(clock(login.time)) { (from_now(login.time, now)) } }
                            td data-label="what" { (login.kind) }
                            td data-label="user" { (login.user.as_deref().unwrap_or("–")) }
                            td data-label="device" { @match &login.device { Some(device) => (kid(device)), None => "–" } }
                            td data-label="outcome" { (badge(login.refusal.is_none())) }
                            td.why data-label="why" {
                                @match (&login.refusal, &login.fault) {
                                    (Some(refusal), _) => { code { (refusal.check) } " " (login::sentence(&refusal.reason)) },
                                    (None, Some(fault)) => { "answered wrongly: the fault " code { (fault) } },
                                    (None, None) => "–",
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn users(users: &[User]) -> Markup {
    html! {
        @if users.is_empty() { p.empty { "Nobody: start with --user." } }
        ul.cards {
            @for user in users {
                li {
                    div { strong { (user.name) } " " a.quiet href=(Choice { outcome: None, user: Some(user.name.clone()) }.link(None)) { "logins" } }
                    div.aside { (user.binding) }
                    @for registered in &user.registered { div.aside { (registered) } }
                    div.aside { (user.devices) @if user.devices == 1 { " device" } @else { " devices" } }
                }
            }
        }
    }
}

fn devices(devices: &[Device], more: u32, now: i64) -> Markup {
    html! {
        @if devices.is_empty() { p.empty { "None: " code { "pivkit psso register" } "." } }
        ul.cards {
            @for device in devices {
                li {
                    div { strong { (kid(&device.kid)) } " of " (device.users.join(", ")) }
                    div.aside title=(clock(device.registered)) { "registered " (from_now(device.registered, now)) }
                    div.aside { "signs with " code { (device.kid) } }
                    div.aside { "decrypts with " code { (device.encryption_kid) } }
                }
            }
        }
        @if more > 0 { p.aside { "And " (more) " more that were registered before." } }
    }
}
