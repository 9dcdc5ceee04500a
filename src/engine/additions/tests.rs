use super::*;

fn add(additions: &mut Additions, key: &str, results: &[&str]) {
    for json in results {
        additions.add(key.as_bytes(), NewValue::Json(json));
    }
}

/// What the next attempt is given for its first so many additions to a key.
fn given(additions: &mut Additions, key: &str) -> Vec<String> {
    let mut given = Vec::new();
    while let Some(next) = additions.next(key.as_bytes()) {
        given.push(match next {
            StateValue::Json(json) => json,
            StateValue::Bytes(bytes) => format!("{bytes:?}"),
        });
    }
    given
}

fn handed_on(additions: &mut Additions) -> Additions {
    let text = additions.take_changed().expect("something was added");
    check_added(&text).expect("what is written can be read");
    Additions::remembered(Some(&text))
}

#[test]
fn the_next_attempt_is_given_what_the_one_before_was_given_key_by_key() {
    let results = ["1", "2", "3", "7", "6.5", "-0", "1e21", "null", "\"é\"", "[1]", "9007199254740993", "-1"];
    let mut first = Additions::default();
    add(&mut first, "n", &results);
    add(&mut first, "é\"", &["5"]);
    first.add(b"blob", NewValue::Bytes(&[0, 255]));
    let mut second = handed_on(&mut first);
    assert_eq!(given(&mut second, "é\""), ["5"]);
    assert_eq!(given(&mut second, "n"), results);
    assert_eq!(given(&mut second, "blob"), ["[0, 255]"]);
    assert_eq!(given(&mut second, "other"), [""; 0]);
    assert_eq!(second.take_changed(), None, "nothing is to be kept anew");
}

#[test]
fn numbers_that_rise_or_fall_evenly_take_no_room() {
    let mut additions = Additions::default();
    let results: Vec<String> = (0..100_000).map(|n| (5 - 2 * n).to_string()).collect();
    add(&mut additions, "left", &results.iter().map(String::as_str).collect::<Vec<_>>());
    let text = additions.take_changed().unwrap();
    assert_eq!(&*text, r#"[["left",[{"from":5,"step":-2,"count":100000}]]]"#);
    assert_eq!(given(&mut Additions::remembered(Some(&text)), "left"), results);
}

#[test]
fn of_a_large_value_that_changes_a_little_only_the_change_is_kept() {
    let mut additions = Additions::default();
    let results: Vec<String> = (0..200)
        .map(|n| format!("{{\"a\":\"{}\",\"né\":\"{}\",\"z\":[1]}}", "x".repeat(1_000), "é".repeat(n)))
        .collect();
    add(&mut additions, "k", &results.iter().map(String::as_str).collect::<Vec<_>>());
    let text = additions.take_changed().unwrap();
    assert!(text.len() < 12_000, "{} bytes", text.len());
    check_added(&text).unwrap();
    assert_eq!(given(&mut Additions::remembered(Some(&text)), "k"), results);
}

#[test]
fn an_attempt_adds_behind_what_is_remembered() {
    let mut first = Additions::default();
    add(&mut first, "n", &["1", "2"]);
    let mut second = handed_on(&mut first);
    assert_eq!(given(&mut second, "n"), ["1", "2"]);
    add(&mut second, "n", &["3", "[]"]);
    let mut third = handed_on(&mut second);
    assert_eq!(given(&mut third, "n"), ["1", "2", "3", "[]"]);
}

#[test]
fn what_was_added_to_a_key_that_is_set_anew_is_added_anew() {
    let mut first = Additions::default();
    add(&mut first, "n", &["1", "2", "3", "\"a\""]);
    add(&mut first, "other", &["1"]);
    let mut second = handed_on(&mut first);
    assert_eq!(second.next(b"n"), Some(StateValue::Json("1".to_owned())));
    second.forget_the_rest(b"n");
    assert_eq!(second.next(b"n"), None);
    add(&mut second, "n", &["8"]);
    let mut third = handed_on(&mut second);
    assert_eq!(given(&mut third, "n"), ["1", "8"]);
    assert_eq!(given(&mut third, "other"), ["1"]);
    third.forget_the_rest(b"n");
    assert_eq!(third.take_changed(), None, "there was nothing left");
}

#[test]
fn what_was_refused_is_tried_anew_where_it_was() {
    let mut first = Additions::default();
    let large = |n: u32| format!("\"{}{n}\"", "x".repeat(100));
    first.refuse(b"n");
    add(&mut first, "n", &[&large(1)]);
    first.refuse(b"n");
    add(&mut first, "n", &[&large(2), "7"]);
    let mut second = handed_on(&mut first);
    assert_eq!(second.next(b"n"), None);
    second.refuse(b"n");
    assert_eq!(second.next(b"n"), Some(StateValue::Json(large(1))));
    assert_eq!(second.next(b"n"), None);
    add(&mut second, "n", &["\"it is there now\""]);
    assert_eq!(given(&mut second, "n"), [&large(2), "7"]);
    let mut third = handed_on(&mut second);
    assert_eq!(third.next(b"n"), None);
    add(&mut third, "n", &["1"]);
    let after = [&large(1), "\"it is there now\"", &large(2), "7"];
    assert_eq!(given(&mut third, "n"), after);
    let mut fourth = handed_on(&mut third);
    assert_eq!(given(&mut fourth, "n")[1..], after);
}

#[test]
fn what_was_not_written_here_is_refused() {
    for text in [
        "",
        "{}",
        "[1]",
        r#"[["k"]]"#,
        r#"[["k",[true]]]"#,
        r#"[["k",[{}]]]"#,
        r#"[["k",[{"json":"1","bytes":""}]]]"#,
        r#"[["k",[{"apart":"1","bytes":""}]]]"#,
        r#"[["k",[{"apart":""}]]]"#,
        r#"[["k",[{"bytes":"*"}]]]"#,
        r#"[["k",[{"json":"{"}]]]"#,
        r#"[["k",[{"keep":[1,0],"json":"1"}]]]"#,
        r#"[["k",[{"json":"\"é\""},{"keep":[2,1],"json":""}]]]"#,
        r#"[["k",[{"json":"[1]"},{"keep":[2,2],"json":""}]]]"#,
        r#"[["k",[{"from":1,"step":1,"count":0}]]]"#,
        r#"[["k",[{"from":1,"step":1,"count":9007199254740993}]]]"#,
        r#"[["k",[{"from":1,"step":9223372036854775807,"count":3}]]]"#,
        r#"[["k",[{"from":9007199254740993,"step":1,"count":1}]]]"#,
    ] {
        assert!(check_added(text).is_err(), "{text}");
    }
}
