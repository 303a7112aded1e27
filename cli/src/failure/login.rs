//! What to do when a Platform SSO login fails.

use std::io::ErrorKind;

use pivkit::psso::{HttpError, SignOnError};
use pivkit::{CardError, LoginError};

use super::{Advice, FAILED, LOGIN, NO_IDENTITY, USAGE, card};

pub(super) fn advise(error: &LoginError) -> Advice {
    match error {
        LoginError::Network { source, .. } => Advice::new(LOGIN, network(source)),
        LoginError::Endpoint { endpoint: "registration endpoint", status, .. } => {
            Advice::new(LOGIN, registration(*status))
        }
        LoginError::InvalidCredential { .. } => Advice::new(
            LOGIN,
            "Check the user name and the password, and try again; after a few wrong ones, identity providers lock accounts.",
        ),
        LoginError::Endpoint { endpoint: "refresh endpoint", status: 400 | 401, .. } => Advice::new(
            LOGIN,
            "The identity provider does not take the refresh token any more: sign in with `pivkit psso login`.",
        ),
        LoginError::Endpoint { endpoint: "JWKS endpoint", status: 401 | 403 | 404, .. } => Advice::new(
            LOGIN,
            "Check jwks_endpoint in the configuration; what is there must be open to everybody, without signing in.",
        ),
        LoginError::Endpoint { status: 401, check, .. } => Advice::new(LOGIN, refused(check.as_deref())),
        LoginError::Endpoint { endpoint: "token endpoint", status: 400, oauth_error: Some(error), check, .. }
            if error == "invalid_grant" =>
        {
            Advice::new(LOGIN, refused(check.as_deref()))
        }
        LoginError::Endpoint { .. } | LoginError::UnexpectedAnswer { .. } => {
            Advice::new(LOGIN, "Check the URLs in the configuration, then the identity provider's log.")
        }
        LoginError::Rejected { .. } => Advice::new(
            LOGIN,
            "Do not trust this answer: the identity provider is set up wrongly, or someone is between you and it.",
        ),
        // The signer is the card; what it said is the source.
        LoginError::Signer(source) => match source.downcast_ref::<CardError>() {
            Some(error) => card::piv(error),
            None => Advice::new(FAILED, "Take the card out, insert it again, and try again."),
        },
        LoginError::Config { .. } => {
            Advice::new(USAGE, "Correct the configuration file or the argument, then try again.")
        }
        LoginError::State { source: Some(source), .. } if source.kind() == ErrorKind::TimedOut => {
            Advice::new(FAILED, "Wait until the other pivkit is done, then try again.")
        }
        LoginError::State { source: Some(source), .. } if source.kind() == ErrorKind::NotFound => {
            Advice::new(FAILED, "`pivkit psso register` makes the keys, and registers them.")
        }
        LoginError::HalfDevice { .. } => Advice::new(
            FAILED,
            "`pivkit psso logout --forget-device` removes what is left; `pivkit psso register` makes and registers new keys.",
        ),
        LoginError::State { source: Some(source), .. } if is_full(source.kind()) => {
            Advice::new(FAILED, "Make room on the disk that --state is on, then try again.")
        }
        LoginError::State { .. } => Advice::new(
            FAILED,
            "The folder must be your own with mode 700, and its files mode 600. A device whose keys are lost is made and \
             registered anew in an empty folder.",
        ),
        LoginError::SignOn(error) => sign_on(error),
        LoginError::CardMismatch(_) => Advice::new(NO_IDENTITY, "Do not trust this card, and have it issued anew."),
        LoginError::Unreadable { .. } => Advice::new(
            USAGE,
            "A message is a compact JWS or JWE, a key is JWK or PEM; `pivkit psso inspect --help` shows examples.",
        ),
        _ => Advice::new(FAILED, "Try again."),
    }
}

/// A disk, a quota or a limit that leaves no room for a file.
fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// What an earlier login left behind: nothing that one can go on from is "no usable identity".
fn sign_on(error: &SignOnError) -> Advice {
    match error {
        SignOnError::Missing | SignOnError::NoRefreshToken | SignOnError::Expired { .. } => {
            Advice::new(NO_IDENTITY, "Sign in with `pivkit psso login`.")
        }
        SignOnError::KeyGone { .. } => Advice::new(
            NO_IDENTITY,
            "Sign in again with `pivkit psso login`, which makes another key; `--key-store file` makes one that outlives a restart.",
        ),
        SignOnError::OtherProvider { .. } => Advice::new(
            NO_IDENTITY,
            "Use a --state of its own for each identity provider; `pivkit psso logout --forget-device` empties this one.",
        ),
        SignOnError::Damaged { .. } => Advice::new(
            FAILED,
            "Look who changed it; `pivkit psso logout` removes it, and `pivkit psso login` begins anew.",
        ),
        SignOnError::KeyStore { .. } | SignOnError::NoKeyStore => Advice::new(
            FAILED,
            "Unlock the key store, or sign in with `--key-store file`, which keeps the key in a file.",
        ),
        SignOnError::Later { .. } => Advice::new(FAILED, "Use that version, or another --state."),
        _ => Advice::new(FAILED, "Try again."),
    }
}

fn network(error: &HttpError) -> &'static str {
    match error {
        HttpError::Untrusted(_) => {
            "Check that the URL has the name in the server's certificate; an authority of your own must be among those \
             that this system trusts, or in a file that --ca names."
        }
        HttpError::Tls(_) => "Check that the URL is right, and that what listens there speaks TLS 1.2 or later.",
        HttpError::Timeout { .. } => "Try again later; if it stays so, look for a firewall in between.",
        HttpError::TooLarge { .. } | HttpError::HeaderTooLarge(_) => {
            "This is not an answer of the protocol; check the URL in the configuration."
        }
        HttpError::Encoded { .. } => {
            "Have the identity provider, or what stands before it, send its answers as they are, without compression."
        }
        HttpError::Insecure => "Use https in the configuration.",
        HttpError::Proxy { .. } => {
            "Check the proxy in HTTPS_PROXY or ALL_PROXY; hosts in NO_PROXY are reached without it."
        }
        HttpError::Broken(_) => "Try again; if it stays so, the identity provider's log says more.",
        _ => "Check that the identity provider runs and that the URL in the configuration is right.",
    }
}

fn registration(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            "The identity provider does not take this user or this registration: check the spelling, have the user added \
             there, or give its registration token with --registration-token-file."
        }
        409 => {
            "The identity provider has this device with another key; have it removed there, or register with new keys in \
             an empty --state."
        }
        404 | 405 => "Check registration_endpoint in the configuration.",
        400..=499 => "The identity provider refused the registration; its log says more.",
        _ => "Check the URLs in the configuration, then the identity provider's log.",
    }
}

/// `check` is the name that some identity providers give to what failed.
fn refused(check: Option<&str>) -> &'static str {
    match check {
        None | Some("outer.kid" | "outer.device_user") => {
            "The identity provider refused the login; its log says more. `pivkit psso register` registers this device."
        }
        Some(_) => "The identity provider refused the login; its log says more.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(endpoint: &'static str, status: u16, check: Option<&str>) -> Advice {
        with_error(endpoint, status, None, check)
    }

    fn with_error(endpoint: &'static str, status: u16, error: Option<&str>, check: Option<&str>) -> Advice {
        let (oauth_error, check) = (error.map(str::to_owned), check.map(str::to_owned));
        advise(&LoginError::Endpoint { endpoint, status, oauth_error, description: None, check })
    }

    #[test]
    fn a_login_that_was_refused_with_400_is_refused_all_the_same() {
        let grant = with_error("token endpoint", 400, Some("invalid_grant"), None).next;
        assert_eq!(grant, endpoint("token endpoint", 401, None).next);
        let grant = with_error("token endpoint", 400, Some("invalid_grant"), Some("certificate.upn")).next;
        assert_eq!(grant, endpoint("token endpoint", 401, Some("certificate.upn")).next);
        for other in [Some("invalid_request"), None] {
            assert!(with_error("token endpoint", 400, other, None).next.contains("URLs"), "{other:?}");
        }
        let refresh = with_error("refresh endpoint", 400, Some("invalid_grant"), None).next;
        assert!(refresh.contains("psso login"), "{refresh}");
    }

    #[test]
    fn keys_that_are_not_given_out_have_nothing_to_do_with_the_device() {
        for status in [401, 403, 404] {
            let next = endpoint("JWKS endpoint", status, None).next;
            assert!(next.contains("jwks_endpoint") && !next.contains("register"), "{next}");
        }
    }

    #[test]
    fn registering_is_advised_where_it_can_help() {
        for (check, helps) in [
            (None, true),
            (Some("outer.kid"), true),
            (Some("outer.device_user"), true),
            (Some("certificate.upn"), false),
            (Some("outer.aud"), false),
        ] {
            let advice = endpoint("token endpoint", 401, check);
            assert_eq!((advice.code, advice.next.contains("psso register")), (LOGIN, helps), "{check:?}");
        }
    }

    #[test]
    fn each_failure_has_advice_of_its_own() {
        let registration = |status| endpoint("registration endpoint", status, None).next;
        assert!(registration(403).contains("user") && registration(409).contains("another key"));
        for status in [401, 403] {
            assert!(registration(status).contains("--registration-token-file"), "{}", registration(status));
        }
        assert!(registration(422).contains("refused") && registration(404).contains("registration_endpoint"));
        let network = |source| {
            let advice = advise(&LoginError::Network { endpoint: "nonce endpoint", url: String::new(), source });
            (advice.code, advice.next)
        };
        for (source, words) in [
            (HttpError::Untrusted("x".into()), "certificate"),
            (HttpError::Tls("x".into()), "TLS"),
            (HttpError::TooLarge { limit: 1 }, "not an answer of the protocol"),
            (HttpError::HeaderTooLarge("x".into()), "not an answer of the protocol"),
            (HttpError::Encoded { encoding: "gzip".to_owned() }, "without compression"),
            (HttpError::Unreachable("x".into()), "identity provider runs"),
            (HttpError::Proxy { proxy: String::new(), source: Box::new(HttpError::Insecure) }, "HTTPS_PROXY"),
        ] {
            let (code, next) = network(source);
            assert!(code == LOGIN && next.contains(words), "{next}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_usage_and_not_the_cards_fault() {
        let unreadable = advise(&LoginError::Unreadable { what: String::new(), source: None });
        assert!(unreadable.code == USAGE && unreadable.next.contains("inspect") && !unreadable.next.contains("card"));
        let crypto = advise(&LoginError::Crypto { why: String::new(), source: None });
        assert_eq!((crypto.code, crypto.next.as_str()), (FAILED, "Try again."));
        let state = |source| advise(&LoginError::State { path: "x".into(), why: String::new(), source });
        assert!(state(Some(ErrorKind::NotFound.into())).next.contains("psso register"));
        assert!(state(None).next.contains("700"));
        let half = advise(&LoginError::HalfDevice { missing: "x".into() });
        assert!(half.code == FAILED && half.next.contains("--forget-device"), "{}", half.next);
        for full in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge] {
            let next = state(Some(full.into())).next;
            assert!(next.contains("Make room") && !next.contains("700"), "{next}");
        }
    }
}
