//! Identifiers: numbers with a word for what they number (`invoice 4711`), and codes that look like codes.

use std::sync::LazyLock;

use regex::Regex;

use super::super::text::{fold, stem};
use super::{At, MAX_FOUND, overlaps};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Identifier {
    pub(in super::super) value: String,
    /// Stem of the word before it (`invoic`, `order`), or what the code is (`version`, `uuid`, `cve`).
    pub(in super::super) of: Option<String>,
}

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?-u:\b)(?P<of>invoice|order|ticket|case|reference|ref|customer|client|account|purchase order|po|tracking|parcel|shipment|serial|part|article|item|issue|bug|contract|policy|booking|reservation|confirmation|transaction|payment|claim|request|incident|flight|room|project|employee|member|user|device|model|quote|receipt|rechnung|bestellung|auftrag|kunden|vertrag|sendung|vorgang|facture|commande|factura|pedido|id)s?(?P<mid>(?:[ _-]?(?:no|nr|num|number|nummer|id|code|key|ref|n°|numéro|número))?\.?)(?P<sep>\s*(?:is|was|ist|lautet)?\s*[:#=(]?\s*#?)(?P<v>[A-Za-z0-9][A-Za-z0-9_/-]{1,39})",
    )
    .expect("fixed")
});
static HASHED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s(])#(?P<v>\d{2,12})(?-u:\b)").expect("fixed"));
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[A-Z]{2,10}[-_]?\d{2,12}(?:[-_/][A-Z0-9]{1,12}){0,3}(?-u:\b)|(?-u:\b)[A-Z]{1,8}-\d{2,8}(?:-[A-Z0-9]{1,12}){0,3}(?-u:\b)").expect("fixed")
});
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?-u:\b)(?:v|version |release )(?P<v>\d+\.\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]*[0-9A-Za-z])?)(?-u:\b)|(?-u:\b)(?P<w>\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]*[0-9A-Za-z])?)(?-u:\b)")
        .expect("fixed")
});
static UUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?-u:\b)")
        .expect("fixed")
});
static IBAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?-u:\b)").expect("fixed")
});

/// The identifiers in `text` outside `taken`, in order.
pub(in super::super) fn identifiers(text: &str, taken: &[(usize, usize)]) -> Vec<At<Identifier>> {
    let mut found: Vec<At<Identifier>> = Vec::new();
    let mut put = |start: usize, end: usize, of: Option<String>| {
        let mine: Vec<(usize, usize)> = found.iter().map(|it| (it.start, it.end)).collect();
        if !overlaps(&mine, start, end) && found.len() < MAX_FOUND {
            found.push(At { start, end, it: Identifier { value: text[start..end].to_owned(), of } });
        }
    };
    for it in UUID.find_iter(text).take(MAX_FOUND) {
        put(it.start(), it.end(), Some("uuid".to_owned()));
    }
    for it in IBAN.find_iter(text).take(MAX_FOUND) {
        put(it.start(), it.end(), Some("iban".to_owned()));
    }
    for captures in NUMBERED.captures_iter(text).take(MAX_FOUND) {
        let (Some(value), Some(of)) = (captures.name("v"), captures.name("of")) else { continue };
        let value_text = value.as_str().trim_end_matches(['-', '/', '_']);
        let end = value.start() + value_text.len();
        let numbers = value_text.bytes().any(|it| it.is_ascii_digit());
        let glued = captures["mid"].is_empty() && captures["sep"].is_empty();
        let loose = captures["mid"].is_empty() && !captures["sep"].contains([':', '#', '=']);
        let lower = loose && value_text.starts_with(|c: char| c.is_ascii_lowercase());
        let dated = taken.iter().any(|it| value.start() < it.1 && it.0 < end);
        if numbers && !glued && !dated && !lower && value_text.len() > 1 {
            put(value.start(), end, Some(kind_of(of.as_str())));
        }
    }
    for it in CODE.find_iter(text).take(MAX_FOUND) {
        if !overlaps(taken, it.start(), it.end()) && !it.as_str().starts_with("ISO") {
            let cve = it.as_str().starts_with("CVE-").then(|| "cve".to_owned());
            put(it.start(), it.end(), cve);
        }
    }
    for captures in VERSION.captures_iter(text).take(MAX_FOUND) {
        let Some(it) = captures.name("v").or_else(|| captures.name("w")) else { continue };
        let address =
            text[it.end()..].strip_prefix('.').is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()));
        if !address && !overlaps(taken, it.start(), it.end()) {
            put(it.start(), it.end(), Some("version".to_owned()));
        }
    }
    for captures in HASHED.captures_iter(text).take(MAX_FOUND) {
        let Some(it) = captures.name("v") else { continue };
        put(it.start(), it.end(), None);
    }
    found.sort_by_key(|it| it.start);
    found
}

fn kind_of(word: &str) -> String {
    let folded = fold(word);
    let english = match folded.as_str() {
        "rechnung" | "facture" | "factura" => "invoice",
        "bestellung" | "auftrag" | "commande" | "pedido" => "order",
        "kunden" | "client" => "customer",
        "vertrag" => "contract",
        "sendung" | "parcel" | "shipment" => "tracking",
        "vorgang" => "case",
        "ref" => "reference",
        "po" | "purchase order" => "purchase",
        "id" => "id",
        other => other,
    };
    stem(english)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Option<&str>)]) {
        let found = identifiers(text, &[]);
        let found: Vec<(&str, Option<&str>)> =
            found.iter().map(|it| (it.it.value.as_str(), it.it.of.as_deref())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn identifiers_know_what_they_number() {
        check("invoice 4711 and order no. A-1002", &[("4711", Some("invoic")), ("A-1002", Some("order"))]);
        check("Ticket #8841, see PROJ-77", &[("8841", Some("ticket")), ("PROJ-77", None)]);
        check(
            "since v2.3.1 (CVE-2024-12345)",
            &[("2.3.1", Some("version")), ("CVE-2024-12345", Some("cve"))],
        );
        check("Rechnung Nr. 2024-118", &[("2024-118", Some("invoic"))]);
        check("order the same, in order to pay, items were lost, request p95, UTF-8", &[]);
    }
}
