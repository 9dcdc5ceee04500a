//! A JavaScript string, exactly.
//!
//! A JavaScript string is a row of 16-bit units and need not be valid Unicode: half a surrogate pair may stand
//! alone. `ExactString` keeps such a string as WTF-8, which is UTF-8 for every valid string and three bytes for a
//! lone surrogate, so that two different strings never become the same key.

use std::borrow::Borrow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// An owned string that may hold lone surrogates.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactString(Box<[u8]>);

impl ExactString {
    /// Takes bytes that are already WTF-8; UTF-8 always is.
    #[must_use]
    pub fn from_wtf8(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Encodes 16-bit units, pairing surrogates where they pair.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        let mut bytes = Vec::with_capacity(units.len());
        for unit in char::decode_utf16(units.iter().copied()) {
            match unit {
                Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(lone) => bytes.extend_from_slice(&encode_surrogate(lone.unpaired_surrogate())),
            }
        }
        Self(bytes.into())
    }

    /// The WTF-8 bytes.
    #[must_use]
    pub fn as_wtf8(&self) -> &[u8] {
        &self.0
    }

    /// The string, if it has no lone surrogate.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The 16-bit units that the string was made of.
    #[must_use]
    pub fn to_utf16(&self) -> Vec<u16> {
        match self.as_str() {
            Some(text) => text.encode_utf16().collect(),
            None => decode_wtf8(&self.0),
        }
    }

    /// The string as JSON text, quotes included; lone surrogates are written as `\u` escapes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.0.len() + 2);
        json.push('"');
        for unit in char::decode_utf16(self.to_utf16()) {
            match unit {
                Ok(character @ ('"' | '\\')) => json.extend(['\\', character]),
                Ok(control) if control < ' ' => json.push_str(&escape(control as u32)),
                Ok(character) => json.push(character),
                Err(lone) => json.push_str(&escape(lone.unpaired_surrogate().into())),
            }
        }
        json.push('"');
        json
    }
}

impl From<&str> for ExactString {
    fn from(text: &str) -> Self {
        Self::from_wtf8(text.as_bytes())
    }
}

impl Borrow<[u8]> for ExactString {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ExactString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// Lone surrogates are shown as U+FFFD: this is for messages, not for keeping.
impl fmt::Display for ExactString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf16_lossy(&self.to_utf16()))
    }
}

impl<'de> Deserialize<'de> for ExactString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wtf8;

        impl Visitor<'_> for Wtf8 {
            type Value = ExactString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<ExactString, E> {
                Ok(ExactString::from(text))
            }

            // serde_json hands a string asked for as bytes over as WTF-8, lone surrogates included.
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<ExactString, E> {
                Ok(ExactString::from_wtf8(bytes))
            }
        }

        deserializer.deserialize_bytes(Wtf8)
    }
}

fn escape(unit: u32) -> String {
    format!("\\u{unit:04x}")
}

fn encode_surrogate(unit: u16) -> [u8; 3] {
    let [high, low] = unit.to_be_bytes();
    [0xE0 | (high >> 4), 0x80 | ((high & 0x0F) << 2) | (low >> 6), 0x80 | (low & 0x3F)]
}

/// Decodes WTF-8 that is not UTF-8: three bytes starting with `ED A0..BF` are a lone surrogate.
fn decode_wtf8(mut bytes: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(bytes.len());
    while !bytes.is_empty() {
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        units.extend(valid.encode_utf16());
        bytes = &bytes[valid.len()..];
        match bytes {
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, rest @ ..] => {
                units.push(0xD000 | (u16::from(second & 0x3F) << 6) | u16::from(third & 0x3F));
                bytes = rest;
            }
            [_, rest @ ..] => {
                units.push(0xFFFD);
                bytes = rest;
            }
            [] => {}
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(units: &[u16]) -> ExactString {
        ExactString::from_utf16(units)
    }

    #[test]
    fn any_row_of_units_comes_back_as_it_was() {
        let rows: [&[u16]; 6] = [
            &[],
            &[0x61, 0xD800, 0x62],
            &[0xDC00, 0xD800],
            &[0xD83D, 0xDE00],
            &[0, 0x1F, 0x22, 0x5C],
            &[0xFFFD, 0xDFFF, 0xFFFF],
        ];
        for units in rows {
            assert_eq!(exact(units).to_utf16(), units);
            let read: ExactString = serde_json::from_str(&exact(units).to_json()).unwrap();
            assert_eq!(read.to_utf16(), units);
        }
    }

    #[test]
    fn a_lone_surrogate_is_not_the_replacement_character() {
        assert_ne!(exact(&[0xD800]), exact(&[0xFFFD]));
        assert_ne!(exact(&[0xD800]), exact(&[0xD801]));
    }

    #[test]
    fn plain_strings_are_their_own_utf8() {
        assert_eq!(ExactString::from("naïve").as_str(), Some("naïve"));
        assert_eq!(ExactString::from("a\"\n").to_json(), "\"a\\\"\\u000a\"");
    }
}
