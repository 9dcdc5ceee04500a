//! A JSON array as text that grows at its end, without being parsed.
//!
//! The texts are valid JSON: JavaScript's own JSON wrote them, or they were checked when they came in. Mostly there is no
//! white space in them, but a snapshot may have been written by somebody else.

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What stands between the brackets, if this is an array.
pub(super) fn items(json: &str) -> Option<&str> {
    let inside = json.trim_matches(WHITE_SPACE).strip_prefix('[')?.strip_suffix(']')?;
    Some(inside.trim_matches(WHITE_SPACE))
}

/// How many items there are between the brackets.
pub(super) fn count(items: &str) -> usize {
    if items.is_empty() {
        return 0;
    }
    let (mut depth, mut commas) = (0_usize, 0);
    let mut bytes = items.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => commas += 1,
            _ => {}
        }
    }
    commas + 1
}

/// Goes past a string whose opening quote has been read.
pub(super) fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// Puts `more` items behind those of an array, in place.
pub(super) fn extend(array: &mut String, more: &str) {
    let inside = array.trim_end_matches(WHITE_SPACE).len() - 1;
    array.truncate(array[..inside].trim_end_matches(WHITE_SPACE).len());
    let separator = if array.ends_with('[') || more.is_empty() { "" } else { "," };
    array.reserve(separator.len() + more.len() + 1);
    array.push_str(separator);
    array.push_str(more);
    array.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_whatever_is_in_them() {
        for (array, expected) in [
            ("[]", 0),
            (" [ \n] ", 0),
            ("[1]", 1),
            ("[[1,2],{\"a\":[3,4],\"b\":5},\"x,y\",null]", 4),
            (r#"["a\",","\\",",]",""]"#, 4),
            ("[ 1 , 2 ]", 2),
        ] {
            assert_eq!(items(array).map(count), Some(expected), "{array}");
        }
    }

    #[test]
    fn what_is_no_array_has_no_items() {
        for json in ["{}", "\"[]\"", "1", "null", "true", "{\"a\":[]}"] {
            assert_eq!(items(json), None, "{json}");
        }
    }

    #[test]
    fn an_array_grows_at_its_end() {
        for (array, more, expected) in [
            ("[]", "1,2", "[1,2]"),
            ("[1]", "2", "[1,2]"),
            ("[1]", "", "[1]"),
            ("[ ] ", "", "[]"),
            ("[ ] ", "1", "[1]"),
            ("[\"[\"]", "1", "[\"[\",1]"),
            (" [ 1 ] ", "[2]", " [ 1,[2]]"),
        ] {
            let mut grown = array.to_owned();
            extend(&mut grown, more);
            assert_eq!(grown, expected, "{array} and {more}");
        }
    }
}
