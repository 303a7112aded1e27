//! What every page has around it.

use maud::{DOCTYPE, Markup, html};

/// A whole page.
pub(super) fn page(title: &str, issuer: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · pivkit-idp" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header.top {
                    a.brand href="/" { span.mark aria-hidden="true" { "p" } "pivkit-idp" }
                    span.issuer { (issuer) }
                    a.quiet href="/psso.toml" { "psso.toml" }
                }
                main { (body) }
                footer { "A test identity provider for Platform SSO. What a fault does: " code { "pivkit-idp faults" } "." }
            }
        }
    }
}

/// A key identifier, short; the whole of it on hovering, and to a reader who cannot see.
pub(super) fn kid(kid: &str) -> Markup {
    let short: String = kid.chars().take(10).collect();
    html! { code.kid title=(kid) { (short) @if short.len() < kid.len() { "…" } } }
}

/// `accepted` or `refused`.
pub(super) fn badge(accepted: bool) -> Markup {
    html! {
        @if accepted { span.badge.good { "accepted" } } @else { span.badge.bad { "refused" } }
    }
}
