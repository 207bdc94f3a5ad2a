//! What is no access token, attack by attack.

use super::*;
use crate::key_ring::{SETTLE, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto};
use proptest::prelude::*;

const ISSUER: &str = "https://scim.example.com";
const HEADER: &str = r#"{"typ":"rollcall-access+jwt","alg":"HS256","kid":"KEY"}"#;
const CLAIMS: &str = r#"{"iss":"https://scim.example.com","aud":"rollcall-admin",
    "sub":"01900000-0000-7000-8000-000000000001","tid":"01900000-0000-7000-8000-000000000002",
    "sid":"01900000-0000-7000-8000-000000000003","role":"admin",
    "iat":1750000000,"nbf":1750000000,"exp":1750000900,"jti":"01900000-0000-4000-8000-000000000004"}"#;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + seconds, 0).unwrap()
}

fn access() -> Access {
    let id = |end: u128| Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + end);
    Access { account: id(1), tenant: TenantId(id(2)), session: id(3), role: "admin".into() }
}

struct Fixture {
    tokens: AccessTokens,
    key: SigningKey,
    keys: KeyRing,
}

impl Fixture {
    fn new() -> Self {
        let key = SigningKey::generate(at(-1_000)).unwrap();
        Self { tokens: AccessTokens::new(ISSUER), keys: KeyRing::of(key.clone()), key }
    }

    /// A token with this header and these claims, rightly signed with `secret` and `algorithm`.
    fn signed_with(&self, secret: &[u8], algorithm: Algorithm, header: &str, claims: &str) -> String {
        let header = header.replace("KEY", &self.key.id().to_string());
        let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = crypto::sign(body.as_bytes(), &EncodingKey::from_secret(secret), algorithm).unwrap();
        format!("{body}.{signature}")
    }

    /// The same with our key and algorithm: only what it says can be wrong.
    fn signed(&self, header: &str, claims: &str) -> String {
        self.signed_with(self.key.secret(), ALGORITHM, header, claims)
    }

    fn is_refused_at(&self, text: &str, seconds: i64) -> bool {
        match self.tokens.verify(&self.keys, text, at(seconds)) {
            Err(Error::Unauthorized("not an access token of ours, or over")) => true,
            Err(other) => panic!("{other:?}"),
            Ok(_) => false,
        }
    }

    fn is_refused(&self, text: &str) -> bool {
        self.is_refused_at(text, 10)
    }
}

#[test]
fn a_token_of_ours_says_who_it_is() {
    let f = Fixture::new();
    let (secret, end) = f.tokens.issue(&f.keys, &access(), at(0)).unwrap();
    assert_eq!(end, at(900));
    assert_eq!(f.tokens.verify(&f.keys, secret.reveal(), at(10)).unwrap(), access());
    assert_eq!(format!("{secret:?}"), "[redacted]");
    assert!(secret.reveal().len() < LONGEST / 2, "{}", secret.reveal().len());
    let (other, _) = f.tokens.issue(&f.keys, &access(), at(0)).unwrap();
    assert_ne!(secret.reveal(), other.reveal(), "each has its own jti");
}

/// The tests below change one thing in a token that is taken as it is.
#[test]
fn the_hand_made_token_is_good() {
    let f = Fixture::new();
    assert_eq!(f.tokens.verify(&f.keys, &f.signed(HEADER, CLAIMS), at(10)).unwrap(), access());
}

#[test]
fn it_holds_from_its_making_for_fifteen_minutes() {
    let f = Fixture::new();
    let text = f.signed(HEADER, CLAIMS);
    for (seconds, refused) in
        [(-31, true), (-30, false), (0, false), (899, false), (900, true), (1_000_000, true)]
    {
        assert_eq!(f.is_refused_at(&text, seconds), refused, "{seconds}");
    }
}

#[test]
fn other_lifetimes_are_refused() {
    let f = Fixture::new();
    for (iat, nbf, exp) in [
        ("1750000000", "1750000000", "1750000901"),
        ("1749999999", "1750000000", "1750000900"),
        ("1750000000", "1749999999", "1750000900"),
        ("1750000041", "1750000041", "1750000900"),
        ("1750000000", "1750000041", "1750000900"),
        ("1750000000", "1750000000", "1750000010"),
        ("1750000000", "1750000000", "-1"),
        ("-9223372036854775808", "1750000000", "9223372036854775807"),
        ("1750000000", "1750000000", "1750000900.5"),
        ("1750000000", "1750000000", "\"1750000900\""),
        ("1750000000", "1750000000", "18446744073709551615"),
        ("1750000000", "null", "1750000900"),
    ] {
        let claims = CLAIMS
            .replace("\"iat\":1750000000", &format!("\"iat\":{iat}"))
            .replace("\"nbf\":1750000000", &format!("\"nbf\":{nbf}"))
            .replace("\"exp\":1750000900", &format!("\"exp\":{exp}"));
        assert!(f.is_refused(&f.signed(HEADER, &claims)), "{iat} {nbf} {exp}");
    }
    let shorter = CLAIMS.replace("1750000900", "1750000899");
    assert!(!f.is_refused(&f.signed(HEADER, &shorter)));
}

#[test]
fn other_algorithms_are_refused() {
    let f = Fixture::new();
    for alg in ["none", "None", "NONE", "hs256", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256"] {
        let text = f.signed(&HEADER.replace("HS256", alg), CLAIMS);
        assert!(f.is_refused(&text), "{alg}");
        let (body, _) = text.rsplit_once('.').unwrap();
        assert!(f.is_refused(&format!("{body}.")), "{alg} without signature");
        assert!(f.is_refused(body), "{alg} in two parts");
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let header = HEADER.replace("HS256", &format!("{algorithm:?}"));
        assert!(f.is_refused(&f.signed_with(f.key.secret(), algorithm, &header, CLAIMS)), "{algorithm:?}");
        assert!(
            f.is_refused(&f.signed_with(f.key.secret(), algorithm, HEADER, CLAIMS)),
            "{algorithm:?} hidden"
        );
    }
    assert!(f.is_refused(&f.signed(r#"{"typ":"rollcall-access+jwt","kid":"KEY"}"#, CLAIMS)), "no algorithm");
}

#[test]
fn other_keys_are_refused() {
    let f = Fixture::new();
    let id = f.key.id();
    // What somebody outside may know or guess.
    for secret in [&b""[..], b"secret", id.as_bytes(), id.to_string().as_bytes(), ISSUER.as_bytes(), &[0; 32]]
    {
        assert!(f.is_refused(&f.signed_with(secret, ALGORITHM, HEADER, CLAIMS)));
    }
    let stranger = Uuid::now_v7().to_string();
    for kid in ["", "../../x", "../../../../dev/null", "' or 1", "https://evil.example/key", &stranger] {
        let header = HEADER.replace("KEY", kid);
        assert!(f.is_refused(&f.signed(&header, CLAIMS)), "{kid}");
        assert!(f.is_refused(&f.signed_with(b"", ALGORITHM, &header, CLAIMS)), "{kid} with the empty key");
    }
    for header in [
        r#"{"typ":"rollcall-access+jwt","alg":"HS256"}"#,
        r#"{"typ":"rollcall-access+jwt","alg":"HS256","kid":null}"#,
        r#"{"typ":"rollcall-access+jwt","alg":"HS256","kid":1}"#,
        r#"{"typ":"rollcall-access+jwt","alg":"HS256","kid":["KEY"]}"#,
        r#"{"typ":"rollcall-access+jwt","alg":"HS256","kid":"KEY","kid":"KEY"}"#,
    ] {
        assert!(f.is_refused(&f.signed(header, CLAIMS)), "{header}");
    }
}

#[test]
fn a_header_that_brings_more_is_refused() {
    let f = Fixture::new();
    for more in [
        r#""jwk":{"kty":"oct","k":"c2VjcmV0"}"#,
        r#""jku":"https://evil.example/jwks.json""#,
        r#""x5u":"https://evil.example/cert.pem""#,
        r#""x5c":["MIIB"]"#,
        r#""x5t":"AAAA""#,
        r#""x5t#S256":"AAAA""#,
        r#""crit":["exp"]"#,
        r#""b64":false,"crit":["b64"]"#,
        r#""cty":"JWT""#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
        r#""url":"https://evil.example/""#,
        r#""nonce":"x""#,
        r#""anything":1"#,
    ] {
        let header = HEADER.replace('}', &format!(",{more}}}"));
        assert!(f.is_refused(&f.signed(&header, CLAIMS)), "{more}");
    }
}

#[test]
fn other_types_are_refused() {
    let f = Fixture::new();
    for typ in [
        r#""JWT""#,
        r#""at+jwt""#,
        r#""Rollcall-Access+JWT""#,
        r#""application/rollcall-access+jwt""#,
        "null",
    ] {
        let header = HEADER.replace(r#""rollcall-access+jwt""#, typ);
        assert!(f.is_refused(&f.signed(&header, CLAIMS)), "{typ}");
    }
    assert!(f.is_refused(&f.signed(r#"{"alg":"HS256","kid":"KEY"}"#, CLAIMS)));
}

#[test]
fn each_claim_is_required_and_of_its_type() {
    let f = Fixture::new();
    for name in ["iss", "aud", "sub", "tid", "sid", "role", "iat", "nbf", "exp", "jti"] {
        let quoted = format!("\"{name}\":");
        assert!(CLAIMS.contains(&quoted));
        assert!(f.is_refused(&f.signed(HEADER, &CLAIMS.replace(&quoted, "\"other\":"))), "{name} missing");
        for other in ["null", "[]", "{}", "true", "\"\""] {
            let (before, rest) = CLAIMS.split_once(&quoted).unwrap();
            let rest = &rest[rest.find([',', '}']).unwrap()..];
            // A role is text that the caller knows or does not know.
            let refused = f.is_refused(&f.signed(HEADER, &format!("{before}{quoted}{other}{rest}")));
            assert_eq!(refused, name != "role" || other != "\"\"", "{name} {other}");
        }
        let twice = CLAIMS.replace(&quoted, &format!("{quoted}\"x\",{quoted}"));
        assert!(f.is_refused(&f.signed(HEADER, &twice)), "{name} twice");
    }
    for claims in ["", "null", "[]", "{}", "\"x\""] {
        assert!(f.is_refused(&f.signed(HEADER, claims)), "{claims}");
    }
}

#[test]
fn other_values_are_refused() {
    let f = Fixture::new();
    for (right, wrong) in [
        (r#""https://scim.example.com""#, r#""https://scim.example.com/""#),
        (r#""https://scim.example.com""#, r#""https://other.example.com""#),
        (r#""https://scim.example.com""#, r#"["https://scim.example.com"]"#),
        (r#""rollcall-admin""#, r#""rollcall""#),
        (r#""rollcall-admin""#, r#"["rollcall-admin","other"]"#),
        ("8000-000000000001", "8000-00000000000"),
        ("01900000-0000-7000-8000-000000000001", "01900000000070008000000000000001"),
        ("01900000-0000-7000-8000-000000000002", "{01900000-0000-7000-8000-000000000002}"),
        ("8000-000000000003", "8000-00000000000g"),
        ("01900000-0000-4000-8000-000000000004", "1"),
    ] {
        assert!(CLAIMS.contains(right));
        assert!(f.is_refused(&f.signed(HEADER, &CLAIMS.replace(right, wrong))), "{wrong}");
    }
    let elsewhere = AccessTokens::new("https://staging.example.com");
    let (secret, _) = elsewhere.issue(&f.keys, &access(), at(0)).unwrap();
    assert!(f.is_refused(secret.reveal()), "the same keys at another address");
}

#[test]
fn other_shapes_are_refused() {
    let f = Fixture::new();
    let text = f.signed(HEADER, CLAIMS);
    let parts: Vec<&str> = text.split('.').collect();
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    for wrong in [
        String::new(),
        "...".into(),
        "null".into(),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{signature}."),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{head}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{head}.{claims}.{signature}="),
        format!("{head}.{claims}.{}", &signature[..signature.len() - 1]),
        format!("{head}.{claims}.{signature}A"),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{head}={text}"),
        refresh_token(),
    ] {
        assert!(f.is_refused(&wrong), "{wrong}");
    }
    let long = CLAIMS.replace("\"admin\"", &format!("\"{}\"", "a".repeat(LONGEST)));
    assert!(f.is_refused(&f.signed(HEADER, &long)), "too long");
}

fn refresh_token() -> String {
    crate::refresh::generate(TenantId::generate(), Uuid::now_v7(), crate::refresh::lineage().unwrap())
        .unwrap()
        .reveal()
        .to_owned()
}

#[test]
fn a_rotation_ends_no_token_and_a_replaced_key_ends_all() {
    let f = Fixture::new();
    let rotated = f.keys.clone().rotated(SigningKey::generate(at(0)).unwrap()).unwrap();
    let settled = SETTLE.num_seconds();
    // Before the new key has settled the old one signs, and a process that has not yet read the new key reads that.
    let (last, _) = f.tokens.issue(&rotated, &access(), at(settled - 1)).unwrap();
    assert!(f.tokens.verify(&f.keys, last.reveal(), at(settled)).is_ok());
    assert!(f.tokens.verify(&rotated, last.reveal(), at(settled + 898)).is_ok());
    let (first, _) = f.tokens.issue(&rotated, &access(), at(settled)).unwrap();
    assert!(f.tokens.verify(&rotated, first.reveal(), at(settled)).is_ok());
    assert!(f.tokens.verify(&f.keys, first.reveal(), at(settled)).is_err());
    let replaced = KeyRing::of(SigningKey::generate(at(settled)).unwrap());
    for text in [last, first] {
        assert!(f.tokens.verify(&replaced, text.reveal(), at(settled)).is_err());
    }
}

proptest! {
    #[test]
    fn every_single_character_corruption_is_refused(place in 0_usize..600, other in "[0-9A-Za-z_.=-]") {
        let f = Fixture::new();
        let (secret, _) = f.tokens.issue(&f.keys, &access(), at(0)).unwrap();
        let mut text = secret.reveal().to_owned();
        let place = place % text.len();
        prop_assume!(text[place..=place] != other);
        text.replace_range(place..=place, &other);
        prop_assert!(f.is_refused(&text));
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}") {
        prop_assert!(Fixture::new().is_refused(&text));
    }

    #[test]
    fn what_goes_in_comes_out(account: u128, tenant: u128, session: u128, role in "[a-z_]{1,40}", time in 0_i64..2_000_000_000) {
        let f = Fixture::new();
        let (now, id) = (at(time - 1_750_000_000), Uuid::from_u128);
        let access = Access { account: id(account), tenant: TenantId(id(tenant)), session: id(session), role };
        let (secret, _) = f.tokens.issue(&f.keys, &access, now).unwrap();
        prop_assert_eq!(f.tokens.verify(&f.keys, secret.reveal(), now).unwrap(), access);
    }
}
