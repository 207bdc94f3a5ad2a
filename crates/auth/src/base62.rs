//! Numbers in base 62 with a fixed width: safe in URLs and headers, and a double click takes the whole word.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digit for a number below 62.
pub(crate) fn digit(number: u8) -> char {
    char::from(DIGITS[usize::from(number % 62)])
}

/// The last `width` digits of `number`; whole when `width` is wide enough.
pub(crate) fn encode(mut number: u128, width: usize) -> String {
    let mut digits = vec!['0'; width];
    for place in digits.iter_mut().rev() {
        // Below 62, so the cast loses nothing.
        *place = digit((number % 62) as u8);
        number /= 62;
    }
    digits.into_iter().collect()
}

/// The number these digits write; `None` for other characters and past 128 bits.
pub(crate) fn decode(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |number, byte| {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, 61, 62, u128::from(u32::MAX), u128::MAX] {
            assert_eq!(decode(&encode(number, 22)), Some(number));
        }
    }

    #[test]
    fn too_large_and_foreign_digits_are_refused() {
        assert_eq!(decode(&"z".repeat(22)), None);
        assert_eq!(decode("0-"), None);
        assert_eq!(decode("é"), None);
    }
}
