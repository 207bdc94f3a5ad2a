//! Query strings and SearchRequest bodies: two spellings of one [`Query`] (RFC 7644 sections 3.4.2 and 3.4.3).

use domain::error::excerpt;
use domain::service::Query;
use domain::{Error, Result};
use percent_encoding::percent_decode_str;
use serde_json::Value;

const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Reads a query string. Unknown keys and empty pairs are skipped: base URLs come with query strings of
/// their own, and Entra appends `aadOptscim062020`. Of a repeated number the last counts.
pub(crate) fn parse(raw: &str) -> Result<Query> {
    let mut query = Query::default();
    let mut page_size = None;
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match decode(key)?.to_ascii_lowercase().as_str() {
            "filter" => set_filter(&mut query, decode(value)?)?,
            "sortby" => query.sort_by = some_text(decode(value)?),
            "sortorder" => query.sort_order = some_text(decode(value)?),
            "startindex" => query.start_index = Some(integer("startIndex", &decode(value)?)?),
            "count" => query.count = Some(integer("count", &decode(value)?)?),
            // Without a value it asks for the first page (RFC 9865 section 2).
            "cursor" => query.cursor = Some(decode(value)?),
            // Psoda's name.
            "pagesize" => page_size = Some(integer("pageSize", &decode(value)?)?),
            "attributes" => add_names(&mut query.attributes, &decode(value)?),
            "excludedattributes" => add_names(&mut query.excluded_attributes, &decode(value)?),
            _ => {}
        }
    }
    query.count = query.count.or(page_size);
    Ok(query)
}

/// The value of the first pair with this key, where nothing but plain values is sent.
pub(crate) fn value(raw: &str, wanted: &str) -> Result<Option<String>> {
    for pair in raw.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(key)? == wanted {
            return decode(value).map(Some);
        }
    }
    Ok(None)
}

/// `count` where pages are plain JSON: how many are on a page unless it is sent, and at most.
pub(crate) fn page_size(raw: &str, (usual, most): (usize, usize)) -> Result<usize> {
    let Some(text) = value(raw, "count")? else { return Ok(usual) };
    let number = text.parse::<usize>().ok().filter(|&number| number > 0);
    Ok(number.ok_or_else(|| Error::InvalidValue("count is a number from 1".into()))?.min(most))
}

/// Whether there is a `filter`, which discovery endpoints refuse (RFC 7644 section 4).
pub(crate) fn has_filter(raw: &str) -> bool {
    raw.split('&').any(|pair| {
        let key = pair.split_once('=').map_or(pair, |(key, _)| key);
        decode(key).is_ok_and(|key| key.eq_ignore_ascii_case("filter"))
    })
}

/// Reads the body of a POST to `/.search`.
pub(crate) fn from_search_request(body: &Value) -> Result<Query> {
    let Value::Object(body) = body else {
        return Err(Error::InvalidSyntax("a SearchRequest is a JSON object".into()));
    };
    let mut query = Query::default();
    let mut page_size = None;
    for (key, value) in body {
        // Unassigned is absent (RFC 7643 section 2.5).
        if value.is_null() {
            continue;
        }
        match key.to_ascii_lowercase().as_str() {
            "schemas" => check_schemas(value)?,
            "filter" => set_filter(&mut query, text(key, value)?)?,
            "sortby" => query.sort_by = some_text(text(key, value)?),
            "sortorder" => query.sort_order = some_text(text(key, value)?),
            "startindex" => query.start_index = Some(number(key, value)?),
            "count" => query.count = Some(number(key, value)?),
            "cursor" => query.cursor = Some(text(key, value)?),
            "pagesize" => page_size = Some(number(key, value)?),
            "attributes" => names(key, value, &mut query.attributes)?,
            "excludedattributes" => names(key, value, &mut query.excluded_attributes)?,
            _ => {}
        }
    }
    query.count = query.count.or(page_size);
    Ok(query)
}

/// `+` and `%20` both mean a blank, as in forms; what is no UTF-8 is no text.
fn decode(text: &str) -> Result<String> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+' | 0)) {
        return Ok(text.to_owned());
    }
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(Error::InvalidValue("the query string is not UTF-8 text".into())),
    }
}

/// A filter is never ignored: sent twice or empty, nobody knows what was meant.
fn set_filter(query: &mut Query, filter: String) -> Result<()> {
    if filter.trim().is_empty() {
        return Err(Error::InvalidFilter("the filter is empty".into()));
    }
    match query.filter.replace(filter) {
        None => Ok(()),
        Some(_) => Err(Error::InvalidFilter("send one filter only".into())),
    }
}

fn some_text(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// Past 64 bits the limit is as good as the number: it is capped anyway.
fn integer(name: &str, text: &str) -> Result<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::InvalidValue(format!("{name} is not an integer: {}", excerpt(text))));
    }
    let most = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(text.parse().unwrap_or(most))
}

fn add_names(names: &mut Vec<String>, list: &str) {
    names.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
}

fn check_schemas(value: &Value) -> Result<()> {
    let is_search =
        |value: &Value| value.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(SEARCH_REQUEST));
    if is_search(value) || value.as_array().is_some_and(|urns| urns.iter().any(is_search)) {
        return Ok(());
    }
    Err(Error::InvalidSyntax(format!("schemas does not name {SEARCH_REQUEST}")))
}

fn text(key: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ if key.eq_ignore_ascii_case("filter") => {
            Err(Error::InvalidFilter("the filter is not a text".into()))
        }
        _ if key.eq_ignore_ascii_case("cursor") => {
            Err(Error::InvalidCursor("the cursor is not a text".into()))
        }
        _ => Err(Error::InvalidValue(format!("{} is not a text", excerpt(key)))),
    }
}

fn number(key: &str, value: &Value) -> Result<i64> {
    match value {
        Value::Number(number) if number.is_f64() => {
            Err(Error::InvalidValue(format!("{} is not an integer", excerpt(key))))
        }
        Value::Number(number) => Ok(number.as_i64().unwrap_or(i64::MAX)),
        Value::String(text) => integer(key, text),
        _ => Err(Error::InvalidValue(format!("{} is not an integer", excerpt(key)))),
    }
}

fn names(key: &str, value: &Value, names: &mut Vec<String>) -> Result<()> {
    match value {
        Value::Array(values) => {
            for value in values {
                add_names(names, &text(key, value)?);
            }
        }
        value => add_names(names, &text(key, value)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn keyword(raw: &str) -> &'static str {
        parse(raw).unwrap_err().scim_type().unwrap()
    }

    #[test]
    fn all_parameters_are_read() {
        let query = parse(
            "filter=userName+eq%20%22a%2Bb%22&startIndex=2&COUNT=5&pageSize=9&sortBy=userName\
             &sortOrder=descending&attributes=a,b&attributes=c&excludedAttributes=%20d%20,&x=%FF&",
        );
        // A key nobody asked for may hold anything.
        let query = query.unwrap();
        assert_eq!(query.filter.as_deref(), Some(r#"userName eq "a+b""#));
        assert_eq!((query.start_index, query.count), (Some(2), Some(5)));
        assert_eq!(query.sort_by.as_deref(), Some("userName"));
        assert_eq!(query.sort_order.as_deref(), Some("descending"));
        assert_eq!(query.attributes, ["a", "b", "c"]);
        assert_eq!(query.excluded_attributes, ["d"]);
    }

    #[test]
    fn a_cursor_may_be_empty() {
        for (raw, cursor) in
            [("cursor", ""), ("cursor=", ""), ("count=3&Cursor=aB-_", "aB-_"), ("cursor=%61", "a")]
        {
            assert_eq!(parse(raw).unwrap().cursor.as_deref(), Some(cursor), "{raw}");
        }
        assert_eq!(parse("cursors=1").unwrap().cursor, None);
        let search = |cursor| from_search_request(&json!({"cursor": cursor}));
        assert_eq!(search(json!("")).unwrap().cursor.as_deref(), Some(""));
        assert_eq!(search(json!(null)).unwrap().cursor, None);
        assert_eq!(search(json!(5)).unwrap_err().scim_type(), Some("invalidCursor"));
    }

    #[test]
    fn nothing_is_harmless() {
        for raw in ["", "&", "&&", "aadOptscim062020", "access_token=x"] {
            assert_eq!(parse(raw).unwrap(), Query::default(), "{raw}");
        }
    }

    #[test]
    fn count_wins_over_page_size() {
        assert_eq!(parse("pageSize=9").unwrap().count, Some(9));
        assert_eq!(parse("pageSize=9&count=5").unwrap().count, Some(5));
        assert_eq!(parse("count=5&pageSize=9").unwrap().count, Some(5));
    }

    #[test]
    fn integers_are_integers_and_huge_ones_saturate() {
        for raw in ["count=", "count=x", "count=1.5", "startIndex=-", "startIndex=1e3", "pageSize=%20"] {
            assert_eq!(keyword(raw), "invalidValue", "{raw}");
        }
        assert_eq!(parse("count=-7").unwrap().count, Some(-7));
        assert_eq!(parse("count=99999999999999999999").unwrap().count, Some(i64::MAX));
        assert_eq!(parse("startIndex=-99999999999999999999").unwrap().start_index, Some(i64::MIN));
    }

    #[test]
    fn a_filter_is_sent_once_and_says_something() {
        for raw in ["filter", "filter=", "filter=%20", "filter=a%20pr&filter=a%20pr", "filter=a&Filter=b"] {
            assert_eq!(keyword(raw), "invalidFilter", "{raw}");
        }
        assert!(has_filter("a=b&FILTER=x") && has_filter("filter") && !has_filter("afilter=1&x=filter"));
    }

    #[test]
    fn text_is_utf8() {
        assert_eq!(keyword("filter=%FF"), "invalidValue");
        assert_eq!(keyword("attributes=a%00"), "invalidValue");
    }

    #[test]
    fn a_search_request_says_the_same() {
        let body = json!({
            "schemas": [SEARCH_REQUEST], "filter": "a pr", "startIndex": 2, "count": "5", "sortBy": null,
            "attributes": ["a", "b,c"], "excludedAttributes": "d", "other": {}
        });
        let query = from_search_request(&body).unwrap();
        assert_eq!(
            query,
            parse("filter=a+pr&startIndex=2&count=5&attributes=a,b,c&excludedAttributes=d").unwrap()
        );
        assert_eq!(from_search_request(&json!({})).unwrap(), Query::default());
    }

    #[test]
    fn a_wrong_search_request_is_refused() {
        for (body, keyword) in [
            (json!([]), "invalidSyntax"),
            (json!({"schemas": ["urn:x"]}), "invalidSyntax"),
            (json!({"filter": ""}), "invalidFilter"),
            (json!({"filter": 1}), "invalidFilter"),
            (json!({"count": 1.5}), "invalidValue"),
            (json!({"attributes": [1]}), "invalidValue"),
        ] {
            assert_eq!(from_search_request(&body).unwrap_err().scim_type(), Some(keyword), "{body}");
        }
    }

    /// Whatever is sent, the outcome is a query or an error that says what of it is wrong.
    fn check(raw: &str) {
        has_filter(raw);
        if let Err(error) = parse(raw) {
            assert!(["invalidFilter", "invalidValue"].contains(&error.scim_type().unwrap()), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(raw in "\\PC{0,200}") {
            check(&raw);
        }

        #[test]
        fn any_tokens_are_answered(
            tokens in prop::collection::vec(
                prop::sample::select(vec![
                    "filter", "sortBy", "sortOrder", "startIndex", "COUNT", "pageSize", "attributes", "excludedAttributes",
                    "=", "&", "%", "%2", "%25", "%00", "%ff", "%C3", "%A9", "+", "-", "1", "99999999999999999999", ",", "a",
                ]),
                0..60,
            ),
        ) {
            check(&tokens.concat());
        }
    }
}
