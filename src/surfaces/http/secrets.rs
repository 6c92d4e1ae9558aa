//! Who has the right secret. Comparisons take the same time wherever two values differ.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The header that GitHub signs in.
const SIGNATURE: &str = "x-hub-signature-256";

/// A body that is being checked against the signature that came with it.
pub(super) struct Signed {
    code: Hmac<Sha256>,
    signature: Vec<u8>,
}

impl Signed {
    /// Begins, if there is a signature at all.
    pub(super) fn begin(headers: &HeaderMap, secret: &SecretString) -> Option<Self> {
        let value = headers.get(SIGNATURE)?.to_str().ok()?;
        let signature = hex::decode(value.strip_prefix("sha256=")?).ok()?;
        let code = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
        Some(Self { code, signature })
    }

    /// Takes the next piece of the body.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.code.update(piece);
    }

    /// Whether all that was taken is what was signed.
    pub(super) fn ends_right(self) -> bool {
        self.code.verify_slice(&self.signature).is_ok()
    }
}

/// A name and a password, as HTTP's Basic authentication has them (RFC 7617).
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

impl Login {
    /// Whether the request has this name and this password.
    pub(super) fn is_right(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let given = given.and_then(|(_, given)| STANDARD.decode(given.trim()).ok());
        let expected = format!("{}:{}", self.user, self.password.expose_secret());
        given.is_some_and(|given| is_equal(&given, expected.as_bytes()))
    }
}

fn is_equal(given: &[u8], expected: &[u8]) -> bool {
    let Ok(code) = Hmac::<Sha256>::new_from_slice(b"compare") else { return false };
    let of_given = code.clone().chain_update(given).finalize().into_bytes();
    code.chain_update(expected).verify_slice(&of_given).is_ok()
}
