//! Base64 as EC2 keeps user data: the standard alphabet with padding. White space in it is skipped, as people paste it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = if place <= chunk.len() {
                let sextet = (group >> (18 - 6 * place)) & 63;
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            };
            text.push(letter);
        }
    }
    text
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if letters.len() % 4 != 0 {
        return None;
    }
    let padding = letters.iter().rev().take_while(|byte| **byte == b'=').count();
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    for group in letters.chunks(4) {
        let sextets = group.iter().map(|byte| value(*byte));
        let group = sextets.enumerate().try_fold(0_u32, |all, (place, sextet)| {
            // Padding is nothing but the end of the last group.
            let sextet = sextet.or((place >= 2).then_some(0))?;
            Some(all << 6 | sextet)
        })?;
        bytes.extend_from_slice(&group.to_be_bytes()[1..]);
    }
    let misplaced = letters.iter().filter(|byte| **byte == b'=').count() != padding;
    let foreign = letters.iter().any(|byte| *byte != b'=' && value(*byte).is_none());
    if padding > 2 || misplaced || foreign {
        return None;
    }
    bytes.truncate(bytes.len() - padding);
    Some(bytes)
}

fn value(letter: u8) -> Option<u32> {
    let index = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_standard_go_both_ways() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("\u{ff}\u{fe}>?", "w7/Dvj4/"),
        ] {
            assert_eq!(encode(plain.as_bytes()), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(plain.as_bytes()), "{encoded}");
        }
        assert_eq!(decode("Zm9v\nYmFy\n").as_deref(), Some(&b"foobar"[..]));
    }

    #[test]
    fn what_is_no_base64_is_none() {
        for text in ["Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9-", "Z=9v", "=Zg="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
