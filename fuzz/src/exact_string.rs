//! Strings of JavaScript's, valid or not: what goes in comes out.

use blazen::ExactString;

/// The bytes, after the first one, as 16-bit units, as WTF-8, or as a JSON text.
pub fn exact_string(bytes: &[u8]) {
    let Some((form, bytes)) = bytes.split_first() else { return };
    match (form % 3, std::str::from_utf8(bytes)) {
        (0, _) => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            comes_back(&ExactString::from_utf16(&units), &units);
        }
        (1, text) => wtf8(bytes, text.ok()),
        (_, Ok(text)) => {
            if let Ok(string) = serde_json::from_str::<ExactString>(text) {
                comes_back(&string, &string.to_utf16());
            }
        }
        (_, Err(_)) => {}
    }
}

/// Bytes that are no WTF-8 are kept as they are, and read as something that is.
fn wtf8(bytes: &[u8], text: Option<&str>) {
    let string = ExactString::from_wtf8(bytes);
    assert_eq!((string.as_wtf8(), string.as_str()), (bytes, text));
    let units = string.to_utf16();
    assert_eq!(read(&string.to_json()).to_utf16(), units);
    comes_back(&ExactString::from_utf16(&units), &units);
    if let Some(text) = text {
        assert_eq!(units, text.encode_utf16().collect::<Vec<_>>());
    }
}

fn comes_back(string: &ExactString, units: &[u16]) {
    assert_eq!(string.to_utf16(), units);
    assert_eq!(ExactString::from_utf16(units), *string);
    assert_eq!(ExactString::from_wtf8(string.as_wtf8()), *string);
    assert_eq!(read(&string.to_json()), *string);
    assert_eq!(string.as_str().is_some(), String::from_utf16(units).is_ok());
    assert_eq!(string.to_string(), String::from_utf16_lossy(units));
}

fn read(json: &str) -> ExactString {
    serde_json::from_str(json).expect("a JSON text that was written here")
}
