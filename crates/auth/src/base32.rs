//! Base 32 of RFC 4648 without padding: what authenticator apps read, and what people can type.

const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The bytes as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let group = |five: &[u8]| {
        let bits =
            five.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte)) << (8 * (5 - five.len()));
        let digits = (five.len() * 8).div_ceil(5);
        // Masked to five bits, so the cast loses nothing.
        (0..digits).map(move |digit| char::from(DIGITS[(bits >> (35 - 5 * digit) & 31) as usize]))
    };
    bytes.chunks(5).flat_map(group).collect()
}

/// Whether the character is a digit of base 32.
pub(crate) fn is_digit(character: char) -> bool {
    matches!(character, 'A'..='Z' | '2'..='7')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 section 10.
    #[test]
    fn vectors_of_the_rfc() {
        let vectors = [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert!(text.chars().all(is_digit));
        }
        for wrong in ['a', '0', '1', '8', '9', '=', '-', 'É'] {
            assert!(!is_digit(wrong), "{wrong}");
        }
    }
}
